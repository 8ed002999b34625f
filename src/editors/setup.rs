//! What each editor has to be told, and where that is written.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::known::Editor;
use crate::config::Environment;

/// How to set up an editor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guide {
    /// Which.
    pub editor: &'static Editor,
    /// What its configuration has to hold; commands of a shell where it has none.
    pub text: String,
    /// The file that it belongs into, if there is one.
    pub path: Option<PathBuf>,
    /// What else to know or to do, a sentence each.
    pub remarks: &'static [&'static str],
    way: Way,
}

/// How the text gets into the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The file is ours alone: the editor reads all files of that folder.
    OwnFile,
    /// The file is the user's: ours is a marked block at its end, after this sign for comments.
    Block(&'static str),
    /// The file is written if there is none; two of its kind cannot be joined by machine.
    NewFile,
    /// People have to do it.
    ByHand,
}

/// What became of writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The file is written.
    Done,
    /// It holds the same already.
    Already,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum NotWritten {
    /// It cannot be done by writing a file.
    #[error("{0} is not set up by writing a file")]
    ByHand(&'static str),
    /// The file is there, and only its owner knows how to join the two.
    #[error("\"{}\" is there already, and arawn does not change it", .0.display())]
    Exists(PathBuf),
    /// The system refused.
    #[error("cannot write \"{}\": {reason}", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// How to set up an editor on this machine.
pub fn guide(editor: &'static Editor, environment: &Environment) -> Guide {
    let command = environment.own_command();
    let below = |folder: Option<PathBuf>, path: &str| folder.map(|folder| folder.join(path));
    let (config, home) = (environment.config_root(), environment.home.clone());
    let (way, template, path, remarks): (_, _, _, &'static [&'static str]) = match editor.id {
        "neovim" => {
            let remarks: &[_] = &[
                "needs 0.11 or newer; `gra` on a selection shows the actions",
                "the plugin in `editors/nvim` of arawn's source does more: commands, health check, safer edits",
            ];
            (
                Way::OwnFile,
                include_str!("templates/neovim.lua"),
                below(config, "nvim/plugin/arawn.lua"),
                remarks,
            )
        }
        "vim" => (
            Way::OwnFile,
            include_str!("templates/vim.vim"),
            below(home, ".vim/after/plugin/arawn.vim"),
            &[
                "works with vim-lsp or ALE, whichever is installed; for coc.nvim see the comment in it",
            ],
        ),
        "emacs" => {
            let usual = below(home, ".emacs.d/init.el");
            let xdg = below(config, "emacs/init.el").filter(|path| path.exists());
            (
                Way::Block(";;"),
                include_str!("templates/emacs.el"),
                xdg.or(usual),
                &[
                    "lsp-mode runs arawn beside the language's own server; Eglot has one server a buffer, and takes \
                   arawn for those modes that have none",
                ],
            )
        }
        "helix" => (
            Way::NewFile,
            include_str!("templates/helix.toml"),
            below(config, "helix/languages.toml"),
            &[
                "Helix knows no server for all languages: each one is listed with its own servers, and arawn last",
            ],
        ),
        "kate" => (
            Way::NewFile,
            include_str!("templates/kate.json"),
            below(config, "kate/lspclient/settings.json"),
            &[
                "Kate runs one server a language: name those that have none, or put arawn behind a multiplexer",
            ],
        ),
        "sublime" => (
            Way::NewFile,
            include_str!("templates/sublime.json"),
            below(config, "sublime-text/Packages/User/LanguageServers.sublime-settings"),
            &["needs the package LSP (`Package Control: Install Package`)"],
        ),
        "zed" => (
            Way::ByHand,
            include_str!("templates/zed.json"),
            below(config, "zed/settings.json"),
            &[
                "Zed starts only servers that an extension brings; with one for arawn, these are its settings",
            ],
        ),
        "jetbrains" => (
            Way::ByHand,
            include_str!("templates/jetbrains.txt"),
            None,
            &["needs the plugin LSP4IJ"],
        ),
        _ => (
            Way::ByHand,
            include_str!("templates/vscode.sh"),
            None,
            &["run it in a checkout of arawn; needs Node 20 or newer"],
        ),
    };
    let text = template.replace("@ARAWN@", &command.replace('\\', "/"));
    Guide { editor, text, path, remarks, way }
}

impl Guide {
    /// Whether [`Guide::write`] can do it without touching a file of the user's.
    pub fn is_own_file(&self) -> bool {
        self.way == Way::OwnFile
    }

    /// Whether a machine can do it at all.
    pub fn can_be_written(&self) -> bool {
        self.way != Way::ByHand && self.path.is_some()
    }

    /// Writes it: whole or not at all, and nothing of the user's goes away.
    pub fn write(&self) -> Result<Written, NotWritten> {
        let path = self.path.as_ref().filter(|_| self.way != Way::ByHand);
        let path = path.ok_or(NotWritten::ByHand(self.editor.name))?;
        let failed = |error: &io::Error| NotWritten::Failed {
            path: path.clone(),
            reason: crate::config::io_reason(error),
        };
        let before = match fs::read_to_string(path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(&error)),
        };
        let after = match (self.way, &before) {
            (Way::Block(sign), before) => {
                with_block(before.as_deref().unwrap_or_default(), &self.text, sign)
            }
            (_, None) => self.text.clone(),
            (_, Some(before)) if *before == self.text => return Ok(Written::Already),
            // Ours by its name, but somebody may have changed it.
            (_, Some(_)) => return Err(NotWritten::Exists(path.clone())),
        };
        if before.as_deref() == Some(after.as_str()) {
            return Ok(Written::Already);
        }
        replace(path, &after).map_err(|error| failed(&error))?;
        Ok(Written::Done)
    }
}

/// The text with our block in it: in the place of an older one, else at its end.
fn with_block(text: &str, block: &str, sign: &str) -> String {
    let (begin, end) = (format!("{sign} arawn: begin\n"), format!("{sign} arawn: end\n"));
    let block = format!("{begin}{block}{end}");
    let old = text.find(&begin).and_then(|start| {
        let len = text[start..].find(&end)?;
        Some(start..start + len + end.len())
    });
    let mut text = text.to_owned();
    if let Some(old) = old {
        text.replace_range(old, &block);
    } else {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&block);
    }
    text
}

/// Puts a new text in the place of an old one, links followed and permissions kept.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    let draft = folder.join(format!(".arawn-{:016x}.tmp", fastrand::u64(..)));
    let written =
        fs::OpenOptions::new().write(true).create_new(true).open(&draft).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            if let Ok(metadata) = path.metadata() {
                file.set_permissions(metadata.permissions())?;
            }
            fs::rename(&draft, &path)
        });
    written.inspect_err(|_| {
        let _ = fs::remove_file(&draft);
    })
}

#[cfg(test)]
mod tests {
    use super::super::{ALL, by_name};
    use super::*;

    fn home() -> (tempfile::TempDir, Environment) {
        let home = tempfile::tempdir().unwrap();
        let environment = Environment::of(home.path(), []);
        (home, environment)
    }

    #[test]
    fn every_editor_is_told_to_start_the_language_server() {
        let (_home, environment) = home();
        for editor in ALL {
            let guide = guide(editor, &environment);
            assert!(!guide.text.contains('@') || editor.id == "vscode", "{}", guide.text);
            assert!(guide.text.contains("lsp") || editor.id == "vscode", "{}", guide.text);
            assert!(!guide.remarks.is_empty());
        }
    }

    #[test]
    fn what_is_toml_or_json_can_be_read_as_such() {
        let (_home, environment) = home();
        let text = |name: &str| guide(by_name(name).unwrap(), &environment).text;
        let helix: toml::Table = text("helix").parse().unwrap();
        assert_eq!(helix["language-server"]["arawn"]["command"].as_str(), Some("arawn"));
        for name in ["kate", "sublime", "zed"] {
            let json: serde_json::Value = serde_json::from_str(&text(name)).unwrap();
            assert!(json.is_object(), "{name}");
        }
    }

    #[test]
    fn a_file_of_ours_is_written_once_and_never_over_another() {
        let (home, environment) = home();
        let guide = guide(by_name("neovim").unwrap(), &environment);
        assert_eq!(guide.write().unwrap(), Written::Done);
        assert_eq!(guide.write().unwrap(), Written::Already);
        let path = home.path().join(".config/nvim/plugin/arawn.lua");
        fs::write(&path, "-- mine").unwrap();
        assert!(matches!(guide.write(), Err(NotWritten::Exists(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "-- mine");
    }

    #[test]
    fn a_block_is_added_to_the_users_file_and_renewed_in_its_place() {
        let (home, environment) = home();
        let guide = guide(by_name("emacs").unwrap(), &environment);
        let path = home.path().join(".emacs.d/init.el");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "(setq a 1)").unwrap();
        assert_eq!(guide.write().unwrap(), Written::Done);
        let once = fs::read_to_string(&path).unwrap();
        assert!(once.starts_with("(setq a 1)\n\n;; arawn: begin\n"), "{once}");
        assert_eq!(guide.write().unwrap(), Written::Already);
        let changed = once.replace("lsp-mode", "lsp-node") + "(setq b 2)\n";
        fs::write(&path, changed).unwrap();
        assert_eq!(guide.write().unwrap(), Written::Done);
        assert_eq!(fs::read_to_string(&path).unwrap(), once + "(setq b 2)\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_linked_file_stays_a_link_and_keeps_its_permissions() {
        use std::os::unix::fs::PermissionsExt as _;
        let (home, environment) = home();
        let real = home.path().join("dotfiles/init.el");
        fs::create_dir_all(real.parent().unwrap()).unwrap();
        fs::create_dir_all(home.path().join(".emacs.d")).unwrap();
        fs::write(&real, "").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o600)).unwrap();
        let link = home.path().join(".emacs.d/init.el");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert_eq!(guide(by_name("emacs").unwrap(), &environment).write().unwrap(), Written::Done);
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(real.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::read_to_string(&real).unwrap().contains("arawn"));
    }

    #[test]
    fn what_people_have_to_do_is_not_written() {
        let (_home, environment) = home();
        for name in ["zed", "jetbrains", "vscode"] {
            let guide = guide(by_name(name).unwrap(), &environment);
            assert!(!guide.can_be_written());
            assert!(matches!(guide.write(), Err(NotWritten::ByHand(_))));
        }
    }
}
