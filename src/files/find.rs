//! Files in folders.
//! Knows nothing of what is wanted of them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result};

use crate::plain::name;

/// A file, and whether it was named or found in a folder that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub path: PathBuf,
    pub named: bool,
}

/// What was found, and where nobody could look.
#[derive(Debug, Default)]
pub struct Search {
    pub found: Vec<Found>,
    pub failed: Vec<Error>,
}

/// Whether a file in a folder is one of those that are looked for.
pub type Wanted<'a> = dyn Fn(&Path) -> Result<bool> + 'a;

/// The files at these paths: what is no folder as it is named, and of folders all below them that are `wanted`,
/// in the order of their names. Links to folders are not followed, for they may lead back; pipes and devices
/// are left alone.
pub fn find(paths: &[PathBuf], wanted: &Wanted) -> Search {
    let mut search = Search::default();
    for path in paths {
        match path.is_dir() {
            true => search.below(path, wanted),
            false => search.found.push(Found { path: path.clone(), named: true }),
        }
    }
    search
}

impl Search {
    fn below(&mut self, folder: &Path, wanted: &Wanted) {
        let read = fs::read_dir(folder).and_then(|entries| {
            let paths = entries.map(|entry| entry.map(|entry| entry.path()));
            paths.collect::<std::io::Result<Vec<_>>>()
        });
        match read.with_context(|| name(folder)) {
            Ok(mut paths) => {
                paths.sort();
                paths.iter().for_each(|path| self.look_at(path, wanted));
            }
            Err(error) => self.failed.push(error),
        }
    }

    fn look_at(&mut self, path: &Path, wanted: &Wanted) {
        let is_folder = fs::symlink_metadata(path).is_ok_and(|itself| itself.is_dir());
        if is_folder {
            return self.below(path, wanted);
        }
        match is_file(path).and_then(|is_file| Ok(is_file && wanted(path)?)) {
            Ok(true) => self.found.push(Found { path: path.to_path_buf(), named: false }),
            Ok(false) => {}
            Err(error) => self.failed.push(error),
        }
    }
}

/// Whether this, or what it is a link to, is a file.
fn is_file(path: &Path) -> Result<bool> {
    let metadata = fs::metadata(path).with_context(|| name(path))?;
    Ok(metadata.is_file())
}
