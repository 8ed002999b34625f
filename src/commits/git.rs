//! Runs git, and nothing that a repository's own configuration names.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::CommitError;
use crate::config::Environment;

/// More than this is no difference that somebody wrote.
const MOST_OUTPUT: u64 = 8 * 1024 * 1024;

/// Variables that git needs, or by which it tells a hook and an editor which index is meant.
const KEPT: [&str; 13] = [
    "PATH",
    "HOME",
    "XDG_CONFIG_HOME",
    "USERPROFILE",
    "SYSTEMROOT",
    "SystemRoot",
    "TEMP",
    "TMP",
    "TMPDIR",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
];

/// What a cloned repository could set to have its own commands run, turned off.
const SAFE: [&str; 8] = [
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "core.quotePath=false",
    "diff.external=",
    "diff.noprefix=false",
    "diff.mnemonicPrefix=false",
    "protocol.allow=never",
];

/// The difference options of every call.
pub(super) const DIFF: [&str; 8] = [
    "diff",
    "--staged",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--submodule=short",
    "--ignore-submodules=dirty",
    "--find-renames",
];

/// Runs git in `folder` and hands over what it prints. Of too much output only the beginning is read.
pub(super) fn run(
    folder: &Path,
    environment: &Environment,
    arguments: &[&str],
) -> Result<Vec<u8>, CommitError> {
    let no_git = |error: std::io::Error| CommitError::NoGit { reason: error.to_string() };
    let mut command = Command::new("git");
    command.arg("--no-pager").arg("--literal-pathspecs");
    for setting in SAFE {
        command.arg("-c").arg(setting);
    }
    command.args(arguments).current_dir(folder).env_clear();
    for name in KEPT {
        if let Some(value) = environment.vars.get(name) {
            command.env(name, value);
        }
    }
    command
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(no_git)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let words = std::thread::spawn(move || {
        let mut words = String::new();
        if let Some(stderr) = stderr {
            // Words that are no text are no loss.
            let _ = stderr.take(64 * 1024).read_to_string(&mut words);
        }
        words
    });
    let mut output = Vec::new();
    if let Some(stdout) = stdout {
        stdout.take(MOST_OUTPUT).read_to_end(&mut output).map_err(no_git)?;
    }
    let is_cut = output.len() as u64 >= MOST_OUTPUT;
    if is_cut {
        // Nobody reads the rest; it may have ended by itself already.
        let _ = child.kill();
    }
    let status = child.wait().map_err(no_git)?;
    if status.success() || is_cut {
        return Ok(output);
    }
    let said = words.join().unwrap_or_default();
    if said.contains("not a git repository") {
        return Err(CommitError::NoRepository { folder: folder.to_owned() });
    }
    let said = said.lines().last().unwrap_or_default().trim().to_owned();
    Err(CommitError::Git { said })
}

/// The root of the work tree that `folder` lies in.
pub(super) fn top(folder: &Path, environment: &Environment) -> Result<PathBuf, CommitError> {
    let printed = run(folder, environment, &["rev-parse", "--show-toplevel"])?;
    let path = String::from_utf8_lossy(&printed).trim_end_matches(['\n', '\r']).to_owned();
    Ok(if path.is_empty() { folder.to_owned() } else { PathBuf::from(path) })
}

/// The work tree that a folder belongs to, where the folder is git's own and holds the message.
pub(super) fn work_tree(folder: &Path) -> PathBuf {
    let linked = |file: &str| {
        let text = fs::read_to_string(folder.join(file)).ok()?;
        Some(PathBuf::from(text.trim_end_matches(['\n', '\r'])))
    };
    if let Some(back) = linked("gitdir").filter(|path| path.is_absolute())
        && let Some(tree) = back.parent()
        && folder.join("commondir").is_file()
    {
        return tree.to_owned();
    }
    match folder.file_name() {
        Some(name) if name == ".git" => folder.parent().unwrap_or(folder).to_owned(),
        _ => folder.to_owned(),
    }
}
