//! Writing: what is there is written to, whatever it is, and nobody sees half of a file.
//! Knows nothing of what is written.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use tempfile::{Builder, NamedTempFile};

use crate::plain::name;

/// What files are called that are about to become others. What was left by somebody who was killed is known
/// by it, and by that nobody holds its lock.
const PREFIX: &str = ".canonfuzz-";
const SUFFIX: &str = ".tmp";

/// More links than any system follows.
const LINKS: usize = 40;

/// What a path leads to.
enum Target {
    StandardOutput,
    StandardError,
    /// A pipe, a device, or a file that somebody has open: it is written to as it is.
    Stream,
    /// A file that may not be replaced, since it has other names.
    InPlace(PathBuf),
    /// A file that a new one may replace, behind all links.
    File(PathBuf, Option<Metadata>),
}

impl Target {
    fn of(path: &Path) -> Result<Target> {
        // They may be opened again only from their beginning.
        match path.to_str() {
            Some("/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1") => {
                return Ok(Target::StandardOutput);
            }
            Some("/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2") => {
                return Ok(Target::StandardError);
            }
            Some(_) | None => {}
        }
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Target::File(behind_links(path)?, None));
            }
            Err(error) => return Err(error.into()),
        };
        if metadata.is_dir() {
            bail!("it is a folder");
        }
        let is_open = ["/dev/fd", "/proc"].iter().any(|folder| path.starts_with(folder));
        if !metadata.is_file() || is_open {
            return Ok(Target::Stream);
        }
        let path = fs::canonicalize(path)?;
        Ok(if has_other_names(&metadata) {
            Target::InPlace(path)
        } else {
            Target::File(path, Some(metadata))
        })
    }

    fn write(&self, path: &Path, contents: &[u8]) -> Result<()> {
        match self {
            Target::StandardOutput => write_all(io::stdout(), contents),
            Target::StandardError => write_all(io::stderr(), contents),
            Target::Stream => write_all(OpenOptions::new().append(true).open(path)?, contents),
            Target::InPlace(path) => write_over(path, contents),
            Target::File(path, there) => replace(path, there.as_ref(), contents),
        }
    }
}

/// Where a path leads that ends at nothing.
fn behind_links(path: &Path) -> Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..LINKS {
        let Ok(next) = fs::read_link(&path) else {
            return Ok(path);
        };
        path = folder_of(&path).join(next);
    }
    bail!("too many links")
}

/// The folder that a file is in.
fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

fn write_all(mut to: impl Write, contents: &[u8]) -> Result<()> {
    to.write_all(contents)?;
    Ok(to.flush()?)
}

fn write_over(path: &Path, contents: &[u8]) -> Result<()> {
    write_all(OpenOptions::new().write(true).truncate(true).open(path)?, contents)
}

/// Writes to whatever is at this path. A file is there whole or as it was, and keeps its mode and its owner;
/// a link goes on to lead where it led; a pipe, a device or a file with several names is written to.
pub fn write(path: &Path, contents: &[u8]) -> Result<()> {
    let written = Target::of(path).and_then(|target| target.write(path, contents));
    written.with_context(|| format!("cannot write {}", name(path)))
}

/// Writes a file under the first of these names that is free, and answers with it: nothing is replaced.
pub fn write_new(names: impl Iterator<Item = PathBuf>, contents: &[u8]) -> Result<PathBuf> {
    for path in names {
        let written = begin(&path).and_then(|mut file| {
            file.write_all(contents)?;
            file.as_file().sync_all()?;
            match file.persist_noclobber(&path) {
                Ok(_) => Ok(true),
                Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(false),
                Err(error) => Err(error.error.into()),
            }
        });
        if written.with_context(|| format!("cannot write {}", name(&path)))? {
            return Ok(path);
        }
    }
    bail!("all names are taken")
}

/// Whether `write` will be able to: who works long asks before.
pub fn check_writable(path: &Path) -> Result<()> {
    let check = || match Target::of(path)? {
        // To open a pipe would be to end it.
        Target::StandardOutput | Target::StandardError | Target::Stream => Ok(()),
        Target::InPlace(path) => open_to_write(&path),
        Target::File(path, None) => begin(&path).map(drop),
        Target::File(path, Some(_)) => open_to_write(&path),
    };
    check().with_context(|| format!("cannot write {}", name(path)))
}

/// The same for files in this folder, which is made only when there is one.
pub fn check_folder(folder: &Path) -> Result<()> {
    let check = || {
        let there = folder.ancestors().find(|folder| folder.exists());
        let there = there.filter(|folder| !folder.as_os_str().is_empty());
        begin(&there.unwrap_or(Path::new(".")).join("a-file")).map(drop)
    };
    check().with_context(|| format!("cannot write to {}", name(folder)))
}

fn open_to_write(path: &Path) -> Result<()> {
    OpenOptions::new().write(true).open(path)?;
    Ok(())
}

/// Puts a new file in the place of one that is there, or is not. Where its folder takes no new file, or the file
/// could not stay its owner's, it is written over.
fn replace(path: &Path, there: Option<&Metadata>, contents: &[u8]) -> Result<()> {
    let Some(there) = there else {
        return fill(begin(path)?, contents, path);
    };
    open_to_write(path)?;
    match begin(path).and_then(|file| keep(there, file.as_file()).map(|()| file)) {
        Ok(file) => fill(file, contents, path),
        Err(error) if is_refusal(&error) => write_over(path, contents),
        Err(error) => Err(error),
    }
}

/// Whether it is not the disk that refuses, but its rules.
fn is_refusal(error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    matches!(kind, Some(ErrorKind::PermissionDenied | ErrorKind::InvalidInput))
}

fn fill(mut file: NamedTempFile, contents: &[u8], path: &Path) -> Result<()> {
    file.write_all(contents)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// A file in the folder of this one, which is to become it. Whoever is about to write one holds its lock.
fn begin(path: &Path) -> Result<NamedTempFile> {
    let folder = folder_of(path);
    fs::create_dir_all(folder)?;
    sweep_once(folder);
    loop {
        let mut builder = Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX);
        let file = readable_by_all(&mut builder).tempfile_in(folder)?;
        // Not every file system has locks.
        let swept = file.as_file().try_lock().is_err_and(|error| is_held(&error));
        if !swept && file.path().exists() {
            return Ok(file);
        }
    }
}

fn is_held(error: &fs::TryLockError) -> bool {
    matches!(error, fs::TryLockError::WouldBlock)
}

/// Removes what was left behind, the first time that something is written to a folder.
fn sweep_once(folder: &Path) {
    static SWEPT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let mut swept = SWEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if swept.insert(folder.to_path_buf()) {
        let left = fs::read_dir(folder).into_iter().flatten().flatten();
        left.filter(|entry| is_ours(&entry.file_name())).for_each(|entry| sweep(&entry.path()));
    }
}

fn is_ours(name: &std::ffi::OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX))
}

/// Removes a file, unless somebody is writing it.
fn sweep(path: &Path) {
    let is_file = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
    if is_file && File::open(path).is_ok_and(|file| file.try_lock().is_ok()) {
        // Somebody else may have been quicker.
        let _ = fs::remove_file(path);
    }
}

/// A temporary file is its owner's alone; what becomes of it is a file like any other.
#[cfg(unix)]
fn readable_by_all<'a, 'b, 'c>(builder: &'a mut Builder<'b, 'c>) -> &'a mut Builder<'b, 'c> {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn readable_by_all<'a, 'b, 'c>(builder: &'a mut Builder<'b, 'c>) -> &'a mut Builder<'b, 'c> {
    builder
}

/// Gives a new file the mode and the owner of the one whose place it takes.
#[cfg(unix)]
fn keep(there: &Metadata, new: &File) -> Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let owner = |metadata: &Metadata| (metadata.uid(), metadata.gid());
    if owner(there) != owner(&new.metadata()?) {
        fchown(new, Some(there.uid()), Some(there.gid()))?;
    }
    Ok(new.set_permissions(there.permissions())?)
}

#[cfg(not(unix))]
fn keep(there: &Metadata, new: &File) -> Result<()> {
    Ok(new.set_permissions(there.permissions())?)
}

#[cfg(unix)]
fn has_other_names(metadata: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) > 1
}

#[cfg(not(unix))]
fn has_other_names(_: &Metadata) -> bool {
    false
}
