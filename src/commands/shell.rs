//! What a shell wants of this program: completions, and pages of its manual.

use std::path::Path;

use anyhow::Result;
use canonfuzz::{files, plain};
use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use super::print;

pub fn completions(shell: Shell) -> Result<bool> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut crate::Arguments::command(), "canonfuzz", &mut script);
    print(String::from_utf8(script)?.trim_end());
    Ok(true)
}

/// Writes a page for the program, and one for each of its commands.
pub fn man(folder: &Path) -> Result<bool> {
    let mut program = crate::Arguments::command();
    program.build();
    let commands = program.get_subcommands().filter(|command| !command.is_hide_set());
    for command in std::iter::once(&program).chain(commands) {
        let name = command.get_display_name().unwrap_or_else(|| command.get_name());
        let mut page = Vec::new();
        Man::new(command.clone()).title(name).render(&mut page)?;
        let path = folder.join(format!("{name}.1"));
        files::write(&path, &page)?;
        print(&plain::name(&path));
    }
    Ok(true)
}
