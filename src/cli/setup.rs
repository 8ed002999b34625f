//! `arawn setup EDITOR`: prints or writes what an editor has to be told.

use std::io::Write;
use std::process::ExitCode;

use super::config::{print, work};
use super::{Session, note};
use crate::editors::{self, Editor, NotWritten, Written};
use crate::report::{Kind, Report};

#[derive(Debug, clap::Args)]
pub(super) struct SetupArguments {
    /// vscode, neovim, helix, zed, emacs, vim, kate, sublime or jetbrains; without it the editors found here are listed
    editor: Option<String>,
    /// Write it into the editor's configuration; nothing that is there goes away
    #[arg(long)]
    write: bool,
}

pub(super) fn run(
    arguments: &SetupArguments,
    session: &Session,
    out: &mut dyn Write,
) -> Result<ExitCode, Report> {
    let Some(name) = &arguments.editor else {
        return print(out, &list(session)).map(|()| ExitCode::SUCCESS);
    };
    let editor = known(name)?;
    let guide = editors::guide(editor, &session.environment);
    let path = guide.path.as_ref().map(|path| session.environment.shown(path));
    if arguments.write {
        let written = guide.write().map_err(|error| not_written(&error, editor))?;
        let path = path.unwrap_or_default();
        print(
            out,
            &match written {
                Written::Done => format!("wrote {path}\n"),
                Written::Already => format!("{path} has it already\n"),
            },
        )?;
    } else {
        print(out, &guide.text)?;
        match path {
            Some(path) if guide.can_be_written() => {
                note(&format!(
                    "belongs into {path}; `arawn setup {} --write` puts it there",
                    editor.id
                ));
            }
            Some(path) => note(&format!("belongs into {path}")),
            None => {}
        }
    }
    for remark in guide.remarks {
        note(&format!("{}: {remark}", editor.name));
    }
    Ok(ExitCode::SUCCESS)
}

/// The editor of a name.
pub(super) fn known(name: &str) -> Result<&'static Editor, Report> {
    editors::by_name(name).ok_or_else(|| {
        let known: Vec<&str> = editors::ALL.iter().map(|editor| editor.id).collect();
        Report::new(Kind::Usage, format!("unknown editor \"{name}\"")).with_hint(format!(
            "known are: {}; every other one starts `arawn lsp`",
            known.join(", ")
        ))
    })
}

fn list(session: &Session) -> String {
    let found = editors::found(&session.environment);
    let line = |editor: &'static Editor| {
        let state = match found.iter().find(|found| found.editor == editor) {
            None => "not on PATH".to_owned(),
            Some(editors::Found { set_up_in: Some(path), .. }) => {
                format!("is set up in {}", session.environment.shown(path))
            }
            Some(_) => "is here, not set up".to_owned(),
        };
        format!("{:<10} {state}\n", editor.id)
    };
    editors::ALL.iter().map(line).collect()
}

fn not_written(error: &NotWritten, editor: &Editor) -> Report {
    work(error.to_string())
        .with_hint(format!("`arawn setup {}` prints what to put where", editor.id))
}
