//! The table of editors.

/// An editor that arawn can be set up in.
#[derive(Debug, PartialEq, Eq)]
pub struct Editor {
    /// What it is called on the command line.
    pub id: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// Its programs.
    pub(super) programs: &'static [&'static str],
    /// What tells that arawn is set up in it.
    pub(super) looks: &'static [Look],
}

/// Where to look for our name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// In a file.
    File(Base, &'static str),
    /// In the files below a folder.
    Tree(Base, &'static str),
    /// In the names of the entries of a folder.
    Name(Base, &'static str),
}

/// What a path lies below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// The home folder.
    Home,
    /// `$XDG_CONFIG_HOME`.
    Config,
    /// `$XDG_DATA_HOME`.
    Data,
}

impl Look {
    pub(super) fn base(self) -> Base {
        match self {
            Self::File(base, _) | Self::Tree(base, _) | Self::Name(base, _) => base,
        }
    }
}

use Base::{Config, Data, Home};
use Look::{File, Name, Tree};

/// All of them, in the order of lists.
pub const ALL: &[Editor] = &[
    Editor {
        id: "vscode",
        name: "VS Code",
        programs: &["code", "code-insiders", "codium", "code-server", "cursor", "windsurf"],
        looks: &[
            Name(Home, ".vscode/extensions"),
            Name(Home, ".vscode-insiders/extensions"),
            Name(Home, ".vscode-oss/extensions"),
            Name(Home, ".vscode-server/extensions"),
            Name(Data, "code-server/extensions"),
            Name(Home, ".cursor/extensions"),
            Name(Home, ".windsurf/extensions"),
        ],
    },
    Editor {
        id: "neovim",
        name: "Neovim",
        programs: &["nvim"],
        looks: &[Tree(Config, "nvim"), Tree(Data, "nvim/site/plugin"), Name(Data, "nvim/lazy")],
    },
    Editor {
        id: "helix",
        name: "Helix",
        programs: &["hx", "helix"],
        looks: &[File(Config, "helix/languages.toml")],
    },
    Editor {
        id: "zed",
        name: "Zed",
        programs: &["zed", "zeditor", "zedit"],
        looks: &[
            File(Config, "zed/settings.json"),
            Name(Data, "zed/extensions/installed"),
            Name(Home, "Library/Application Support/Zed/extensions/installed"),
        ],
    },
    Editor {
        id: "emacs",
        name: "Emacs",
        programs: &["emacs"],
        looks: &[
            File(Home, ".emacs"),
            File(Home, ".emacs.el"),
            File(Home, ".emacs.d/init.el"),
            Tree(Home, ".emacs.d/lisp"),
            Tree(Config, "emacs/lisp"),
            File(Config, "emacs/init.el"),
            Tree(Config, "doom"),
            Tree(Home, ".doom.d"),
        ],
    },
    Editor {
        id: "vim",
        name: "Vim",
        programs: &["vim", "gvim"],
        looks: &[
            File(Home, ".vimrc"),
            File(Home, ".vim/vimrc"),
            File(Home, ".vim/coc-settings.json"),
            Tree(Home, ".vim/plugin"),
            Tree(Home, ".vim/after"),
            Tree(Config, "vim"),
        ],
    },
    Editor {
        id: "kate",
        name: "Kate",
        programs: &["kate", "kwrite"],
        looks: &[File(Config, "kate/lspclient/settings.json")],
    },
    Editor {
        id: "sublime",
        name: "Sublime Text",
        programs: &["subl", "sublime_text"],
        looks: &[
            File(Config, "sublime-text/Packages/User/LanguageServers.sublime-settings"),
            File(Config, "sublime-text/Packages/User/LSP.sublime-settings"),
            File(
                Home,
                "Library/Application Support/Sublime Text/Packages/User/LSP.sublime-settings",
            ),
        ],
    },
    Editor {
        id: "jetbrains",
        name: "JetBrains IDEs",
        programs: &[
            "idea",
            "pycharm",
            "webstorm",
            "rustrover",
            "clion",
            "goland",
            "phpstorm",
            "rubymine",
            "rider",
            "studio",
        ],
        looks: &[Tree(Config, "JetBrains")],
    },
];
