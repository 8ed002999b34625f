//! Files that do something by themselves: a change in them is looked at by the user first.
//!
//! An edit of one is a step from text to running code, or to other rules for assistants. The user may well
//! want it; the model alone may not do it.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use crate::text::without_invisible;

/// Why a file is not edited without a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    name: String,
    why: &'static str,
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: look at the change first", self.name, self.why)
    }
}

const CONFIGURES_TOOLS: &str = "can make editors and tools run programs";
const RUNS_IN_CI: &str = "runs in CI";
const RUNS_IN_BUILD: &str = "runs in every build";
const PINS: &str = "pins what is installed";
const RULES: &str = "holds rules for assistants";
const STARTS: &str = "runs when a shell starts";
const OURS: &str = "is configuration of arawn";
const KEYS: &str = "holds keys or says where they go";

/// Folders: everything below one is protected.
const FOLDERS: &[(&[&str], &str)] = &[
    (&[".git", ".hg", ".svn", ".jj", ".githooks", ".husky"], "belongs to version control"),
    (
        &[
            ".vscode",
            ".vscode-server",
            ".idea",
            ".fleet",
            ".zed",
            ".helix",
            ".nvim",
            ".vim",
            ".emacs.d",
            ".devcontainer",
            ".cargo",
            ".mvn",
            ".bundle",
            ".yarn",
            ".direnv",
            ".docker",
            ".kube",
        ],
        CONFIGURES_TOOLS,
    ),
    (&[".circleci", ".buildkite", ".gitlab", ".woodpecker", ".teamcity", ".semaphore"], RUNS_IN_CI),
    (&[".arawn"], OURS),
    (
        &[
            ".claude",
            ".cursor",
            ".codex",
            ".continue",
            ".windsurf",
            ".clinerules",
            ".gemini",
            ".agents",
        ],
        RULES,
    ),
    (&[".ssh", ".gnupg", ".aws"], KEYS),
];

/// Folders inside the folders of the hosts.
const NESTED: &[(&str, &[&str], &str)] = &[
    (".github", &["workflows", "actions"], RUNS_IN_CI),
    (".gitea", &["workflows"], RUNS_IN_CI),
    (".forgejo", &["workflows"], RUNS_IN_CI),
    (".github", &["prompts", "instructions", "agents", "chatmodes"], RULES),
    (".config", &["arawn"], OURS),
    (".config", &["fish"], STARTS),
    (".config", &["nvim", "helix", "zed", "git", "systemd", "autostart"], CONFIGURES_TOOLS),
];

/// File names, wherever they are.
const FILES: &[(&[&str], &str)] = &[
    (&["build.rs", "lefthook.yml", ".pre-commit-config.yaml", "setup.cfg"], RUNS_IN_BUILD),
    (
        &[
            "cargo.lock",
            "package-lock.json",
            "npm-shrinkwrap.json",
            "pnpm-lock.yaml",
            "bun.lockb",
            "go.sum",
            "packages.lock.json",
            "gradle.lockfile",
            ".terraform.lock.hcl",
            "package.resolved",
            "gopkg.lock",
        ],
        PINS,
    ),
    (
        &[
            ".gitlab-ci.yml",
            ".gitlab-ci.yaml",
            ".travis.yml",
            "appveyor.yml",
            ".appveyor.yml",
            "azure-pipelines.yml",
            "azure-pipelines.yaml",
            "bitbucket-pipelines.yml",
            "jenkinsfile",
            ".drone.yml",
            ".woodpecker.yml",
            ".cirrus.yml",
            "buildspec.yml",
            "cloudbuild.yaml",
            "cloudbuild.yml",
            ".build.yml",
        ],
        RUNS_IN_CI,
    ),
    (
        &[
            ".nvim.lua",
            ".nvimrc",
            ".exrc",
            ".vimrc",
            ".gvimrc",
            ".ideavimrc",
            ".lvimrc",
            ".dir-locals.el",
            ".emacs",
            ".gitconfig",
            ".gitmodules",
            ".gitattributes",
            ".npmrc",
            ".yarnrc",
            ".yarnrc.yml",
            ".mcp.json",
            ".tool-versions",
            "mise.toml",
            ".mise.toml",
            ".devcontainer.json",
        ],
        CONFIGURES_TOOLS,
    ),
    (
        &[
            ".bashrc",
            ".bash_profile",
            ".bash_login",
            ".bash_logout",
            ".bash_aliases",
            ".profile",
            ".zshrc",
            ".zshenv",
            ".zprofile",
            ".zlogin",
            ".zlogout",
            ".kshrc",
            ".cshrc",
            ".tcshrc",
            ".login",
            "config.fish",
            ".envrc",
            ".xprofile",
            ".xinitrc",
            ".xsession",
            ".inputrc",
            "crontab",
        ],
        STARTS,
    ),
    (
        &[
            "agents.md",
            "agents.override.md",
            "agent.md",
            "claude.md",
            "claude.local.md",
            "gemini.md",
            ".rules",
            ".cursorrules",
            ".windsurfrules",
            ".clinerules",
            "copilot-instructions.md",
        ],
        RULES,
    ),
    (&["arawn.toml", ".arawnignore", ".aiignore"], OURS),
    (&[".netrc", "_netrc", ".pypirc", "authorized_keys"], KEYS),
];

/// Ends of file names.
const ENDS: &[(&str, &str)] = &[
    (".lock", PINS),
    (".code-workspace", CONFIGURES_TOOLS),
    (".sublime-project", CONFIGURES_TOOLS),
    (".instructions.md", RULES),
    (".prompt.md", RULES),
];

/// Whether a file is protected: by its name, or by that of the file behind a link.
///
/// `own_folders` are those in which arawn's own configuration lies. Asks the file system where links lead.
pub fn protection(path: &Path, own_folders: &[PathBuf]) -> Option<Protection> {
    let resolved = std::fs::canonicalize(path).ok();
    let is_own = |path: &Path| {
        let mut folders = own_folders.iter();
        folders.any(|folder| {
            path.starts_with(folder)
                || std::fs::canonicalize(folder).is_ok_and(|folder| path.starts_with(folder))
        })
    };
    [Some(path), resolved.as_deref()].into_iter().flatten().find_map(|path| {
        let why = by_name(path).or_else(|| is_own(path).then_some(OURS))?;
        let name = path.file_name()?.to_string_lossy();
        let name = without_invisible(&name).chars().filter(|c| !c.is_control()).collect();
        Some(Protection { name, why })
    })
}

/// What the names in a path tell.
fn by_name(path: &Path) -> Option<&'static str> {
    let names: Vec<String> = path
        .components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(folded(&name.to_string_lossy())),
            _ => None,
        })
        .collect();
    let (file, folders) = names.split_last()?;
    let in_folder = folders.iter().enumerate().rev().find_map(|(idx, folder)| {
        let whole = FOLDERS.iter().find(|(names, _)| names.contains(&folder.as_str()));
        let nested = || {
            let below = folders.get(idx + 1)?;
            NESTED
                .iter()
                .find(|(outer, names, _)| outer == folder && names.contains(&below.as_str()))
        };
        whole.map(|it| it.1).or_else(|| nested().map(|it| it.2))
    });
    let by_file = || FILES.iter().find(|(names, _)| names.contains(&file.as_str())).map(|it| it.1);
    let by_end = || ENDS.iter().find(|(end, _)| file.ends_with(end)).map(|it| it.1);
    in_folder.or_else(by_file).or_else(by_end)
}

/// A name as file systems that are lenient would find it: without regard to case, to characters that some
/// ignore, to dots and spaces at the end, and to the streams of NTFS.
fn folded(name: &str) -> String {
    let name = without_invisible(name);
    let name = name.split(':').next().unwrap_or_default();
    name.trim_end_matches(['.', ' ']).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_protected(path: &str) -> bool {
        protection(Path::new(path), &[]).is_some()
    }

    #[test]
    fn files_that_run_something_are_protected() {
        for path in [
            "/p/.git/config",
            "/p/.git/hooks/pre-commit",
            "/p/.vscode/settings.json",
            "/p/.idea/workspace.xml",
            "/p/.github/workflows/ci.yml",
            "/p/.github/actions/x/action.yml",
            "/p/.github/copilot-instructions.md",
            "/p/.gitlab-ci.yml",
            "/p/sub/build.rs",
            "/p/Cargo.lock",
            "/p/uv.lock",
            "/p/web/package-lock.json",
            "/p/.cargo/config.toml",
            "/p/.arawn/arawn.toml",
            "/home/u/.config/arawn/actions/mine.md",
            "/home/u/.bashrc",
            "/p/.envrc",
            "/p/x.code-workspace",
            "/p/AGENTS.md",
            "/p/docs/CLAUDE.md",
            "/p/.cursor/rules/a.mdc",
            "/p/.nvim.lua",
            "/p/.exrc",
            "/p/Jenkinsfile",
        ] {
            assert!(is_protected(path), "{path}");
        }
    }

    #[test]
    fn files_of_every_day_are_not() {
        for path in [
            "/p/src/main.rs",
            "/p/src/build/rs.rs",
            "/p/.github/ISSUE_TEMPLATE/bug.md",
            "/p/README.md",
            "/p/src/git/config.rs",
            "/p/locks/lock.rs",
            "/p/src/agents.rs",
            "/p/Cargo.toml",
            "/home/u/.config/app/main.py",
        ] {
            assert!(!is_protected(path), "{path}");
        }
    }

    #[test]
    fn other_spellings_of_the_same_file_are_seen_through() {
        for path in [
            "/p/.GIT/config",
            "/p/.VsCode/tasks.json",
            "/p/Build.RS",
            "/p/build.rs.",
            "/p/build.rs::$DATA",
            "/p/.g\u{200C}it/config",
        ] {
            assert!(is_protected(path), "{path}");
        }
    }

    #[test]
    fn what_was_found_is_a_sentence() {
        let told = protection(Path::new("/p/build.rs"), &[]).unwrap().to_string();
        assert_eq!(told, "build.rs runs in every build: look at the change first");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_to_what_is_behind_it() {
        let folder = tempfile::tempdir().unwrap();
        let hooks = folder.path().join(".git/hooks");
        std::fs::create_dir_all(&hooks).unwrap();
        std::fs::write(hooks.join("pre-commit"), "true\n").unwrap();
        let link = folder.path().join("harmless.sh");
        std::os::unix::fs::symlink(hooks.join("pre-commit"), &link).unwrap();
        assert!(protection(&link, &[]).is_some());
        let own = folder.path().join("actions");
        std::fs::create_dir_all(&own).unwrap();
        std::fs::write(own.join("a.md"), "").unwrap();
        assert!(protection(&own.join("a.md"), &[own]).is_some());
    }
}
