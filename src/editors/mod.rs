//! The editors that arawn knows: whether they are on this machine, whether arawn is set up in them, and what
//! they need to be told. Looks at their files; writes only what `setup` is asked to write.

mod known;
mod setup;

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::config::Environment;
pub use known::{ALL, Editor};
use known::{Base, Look};
pub use setup::{Guide, NotWritten, Written, guide};

/// Largest file that is looked into; no editor's configuration is near it.
const MAX_BYTES: u64 = 1 << 20;
/// Most files of one folder that are looked into.
const MAX_FILES: usize = 500;
/// How deep folders are looked into.
const MAX_DEPTH: usize = 4;

/// An editor on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which.
    pub editor: &'static Editor,
    /// Its program.
    pub program: PathBuf,
    /// The file or folder that says that arawn is set up in it.
    pub set_up_in: Option<PathBuf>,
}

/// The editors whose programs are on PATH.
pub fn found(environment: &Environment) -> Vec<Found> {
    let found = ALL.iter().filter_map(|editor| {
        let program = editor.programs.iter().find_map(|name| environment.find_program(name))?;
        Some(Found { editor, program, set_up_in: set_up_in(editor, environment) })
    });
    found.collect()
}

/// The editor of a name: its own, or that of one of its programs.
pub fn by_name(name: &str) -> Option<&'static Editor> {
    let name = name.trim().to_ascii_lowercase();
    ALL.iter().find(|editor| editor.id == name || editor.programs.contains(&name.as_str()))
}

/// Where arawn is set up in an editor.
fn set_up_in(editor: &Editor, environment: &Environment) -> Option<PathBuf> {
    editor.looks.iter().find_map(|look| {
        let base = look.base().folder(environment)?;
        match look {
            Look::File(_, path) => Some(base.join(path)).filter(|path| mentions_us(path)),
            Look::Tree(_, path) => in_tree(&base.join(path), MAX_DEPTH, &mut { MAX_FILES }),
            Look::Name(_, path) => named_after_us(&base.join(path)),
        }
    })
}

impl Base {
    fn folder(self, environment: &Environment) -> Option<PathBuf> {
        match self {
            Self::Home => environment.home.clone(),
            Self::Config => environment.config_root(),
            Self::Data => environment.data_root(),
        }
    }
}

/// Whether a file has our name in it.
fn mentions_us(path: &Path) -> bool {
    let mut bytes = Vec::new();
    let is_file = path.metadata().is_ok_and(|file| file.is_file() && file.len() <= MAX_BYTES);
    // IDEs also write down which folders were opened, and one of them may be named like us.
    let is_xml = path.extension().is_some_and(|ending| ending == "xml");
    let words: &[u8] = if is_xml { b"arawn lsp" } else { b"arawn" };
    is_file
        && fs::File::open(path)
            .and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes))
            .is_ok_and(|_| bytes.windows(words.len()).any(|window| window == words))
}

/// The first file below a folder that has our name in it. Links to folders are not followed.
fn in_tree(folder: &Path, depth: usize, n_left: &mut usize) -> Option<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(folder).ok()?.flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    let is_dot = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with('.');
    entries.retain(|entry| !is_dot(entry));
    let (folders, files): (Vec<_>, Vec<_>) =
        entries.iter().partition(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    for file in files {
        *n_left = n_left.checked_sub(1)?;
        let path = file.path();
        if path.file_name().is_some_and(|name| name == "arawn.lua" || name == "arawn.vim")
            || mentions_us(&path)
        {
            return Some(path);
        }
    }
    if depth == 0 {
        return None;
    }
    folders.into_iter().find_map(|folder| in_tree(&folder.path(), depth - 1, n_left))
}

/// The first entry of a folder whose name has ours in it.
fn named_after_us(folder: &Path) -> Option<PathBuf> {
    let mut entries = fs::read_dir(folder).ok()?.flatten();
    let ours = entries.find(|entry| entry.file_name().to_string_lossy().contains("arawn"))?;
    Some(ours.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(home: &Path, name: &str, text: &str) {
        let path = home.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn an_editor_is_set_up_where_its_own_files_have_our_name() {
        let home = tempfile::tempdir().unwrap();
        let environment = Environment::of(home.path(), []);
        let look = |name: &str| set_up_in(by_name(name).unwrap(), &environment);
        for editor in ALL {
            assert_eq!(look(editor.id), None, "{}", editor.id);
        }
        write(home.path(), ".config/nvim/init.lua", "require('mine')");
        write(home.path(), ".config/nvim/lua/mine/lsp.lua", "vim.lsp.enable({ 'arawn' })");
        write(home.path(), ".config/helix/languages.toml", "[language-server.arawn]");
        write(home.path(), ".vscode/extensions/arawn.arawn-0.1.0/package.json", "{}");
        write(home.path(), ".emacs.d/init.el", "(require 'eglot)");
        let lua = home.path().join(".config/nvim/lua/mine/lsp.lua");
        assert_eq!(look("neovim"), Some(lua));
        assert!(look("helix").is_some() && look("vscode").is_some());
        assert_eq!((look("emacs"), look("vim")), (None, None));
    }

    #[test]
    fn editors_are_known_by_name_and_program() {
        assert_eq!(by_name("nvim").map(|editor| editor.id), Some("neovim"));
        assert_eq!(by_name(" Helix").map(|editor| editor.id), Some("helix"));
        assert!(by_name("ed").is_none());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_a_circle_ends() {
        let home = tempfile::tempdir().unwrap();
        write(home.path(), ".config/nvim/init.lua", "");
        std::os::unix::fs::symlink(home.path(), home.path().join(".config/nvim/home")).unwrap();
        let environment = Environment::of(home.path(), []);
        assert_eq!(set_up_in(by_name("neovim").unwrap(), &environment), None);
    }
}
