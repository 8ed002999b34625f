//! The rules that go with a request: the user's own, and those of the project once the user has allowed them.
//!
//! Rules that come with a repository are somebody else's words. They count only with the content that the user
//! has seen and allowed, outside of the repository; see [`TrustStore`].

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::assistant::Assistant;
use crate::config::{RulesFile, Settings, TrustStore};
use crate::context::cut_to_fit;
use crate::gate::{Gate, Origin};
use crate::text::without_invisible;

/// Most tokens of rules in a conversation.
const MOST: usize = 2560;

/// The rules that go with a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// What they say; empty where there are none.
    pub text: String,
    /// The files they are from.
    pub files: Vec<PathBuf>,
    /// Rules that are there and not used.
    pub unused: Option<Unused>,
}

/// Rules that are there and not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unused {
    /// The user has not allowed them as they are.
    NotAllowed(Unallowed),
    /// They cannot or must not be used, whatever the user says.
    Refused {
        /// One sentence.
        reason: String,
    },
}

/// Rules that wait to be allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unallowed {
    /// The file.
    pub path: PathBuf,
    /// Its path below the project.
    pub name: String,
    /// How long it is.
    pub n_lines: usize,
    /// How many characters nobody sees are in it; they are left out.
    pub n_invisible: usize,
    /// A digest of the content that would be allowed.
    pub digest: String,
    /// Whether the file was allowed with another content.
    pub has_changed: bool,
}

impl fmt::Display for Unused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { reason } => f.write_str(reason),
            Self::NotAllowed(rules) => {
                let name = &rules.name;
                if rules.has_changed {
                    write!(f, "the rules in {name} have changed and are used no longer")?;
                } else {
                    write!(f, "the rules in {name} come with the project and are not used")?;
                }
                rules.write_invisible(f)?;
                let again = if rules.has_changed { " again" } else { "" };
                write!(f, "; look at them and run `arawn trust`{again}")
            }
        }
    }
}

impl Unallowed {
    /// The question whether to use them, for a front that can ask.
    pub fn question(&self) -> String {
        struct Invisible<'a>(&'a Unallowed);
        impl fmt::Display for Invisible<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.write_invisible(f)
            }
        }
        let Self { name, n_lines, .. } = self;
        let lines = if *n_lines == 1 { "1 line".to_owned() } else { format!("{n_lines} lines") };
        let invisible = Invisible(self);
        if self.has_changed {
            format!(
                "the rules for assistants in {name} have changed ({lines}){invisible}. Use them?"
            )
        } else {
            format!("this project has rules for assistants ({name}, {lines}){invisible}. Use them?")
        }
    }

    fn write_invisible(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.n_invisible {
            0 => Ok(()),
            1 => f.write_str(" (1 invisible character in them is left out)"),
            n => write!(f, " ({n} invisible characters in them are left out)"),
        }
    }
}

impl Rules {
    /// A system prompt with the rules after it, for a model with a window of so many tokens.
    pub(crate) fn after(&self, system: &str, window: usize) -> String {
        let shown = cut_to_fit(&self.text, MOST.min(window / 6));
        if shown.is_empty() {
            return system.to_owned();
        }
        let rules = format!(
            "Rules of the user and of this project, to be followed where they apply:\n\n{shown}"
        );
        if system.is_empty() { rules } else { format!("{system}\n\n{rules}") }
    }
}

impl Assistant {
    /// The rules for work on a file, or in a workspace. Blocks for as long as reading small files takes.
    pub fn rules(&self, file: Option<&Path>, workspace: &[PathBuf]) -> Rules {
        read(&self.settings(), self.gate(), file, workspace)
    }

    /// The rules for a question that is asked in a workspace; outside of one, the user's own alone.
    pub(crate) fn rules_of_workspace(&self, origin: &Origin) -> Rules {
        self.rules(None, &origin.workspace)
    }

    /// Allows rules with the content they were found with: the user's own act.
    pub fn allow_rules(&self, rules: &Unallowed) -> io::Result<()> {
        let mut store = TrustStore::open(&self.settings().environment).map_err(io::Error::other)?;
        store.allow_rules(&rules.path, &rules.digest)
    }
}

fn read(settings: &Settings, gate: &Gate, file: Option<&Path>, workspace: &[PathBuf]) -> Rules {
    let mut rules = Rules::default();
    let own = settings.environment.config_folder();
    if let Some(Ok(Some(own))) = own.as_deref().map(RulesFile::own)
        && gate.check_file(settings, &own.path, workspace).is_ok()
    {
        rules.add(&own);
    }
    let Some((folder, root)) = place(file, workspace) else { return rules };
    match RulesFile::nearest(&folder, &root) {
        Ok(None) => {}
        Ok(Some(found)) => match unused(settings, gate, &found, workspace) {
            None => rules.add(&found),
            unused => rules.unused = unused,
        },
        Err(unread) => rules.unused = Some(Unused::Refused { reason: unread.to_string() }),
    }
    rules
}

/// The folder whose rules count, and the root of the workspace it lies in.
fn place(file: Option<&Path>, workspace: &[PathBuf]) -> Option<(PathBuf, PathBuf)> {
    let Some(file) = file else {
        let root = workspace.first()?;
        return Some((root.clone(), root.clone()));
    };
    let folder = file.parent()?.canonicalize().ok()?;
    let roots = workspace.iter().filter_map(|root| root.canonicalize().ok());
    let root =
        roots.filter(|root| folder.starts_with(root)).max_by_key(|root| root.as_os_str().len())?;
    Some((folder, root))
}

/// Why rules are not used; `None` where they are.
fn unused(
    settings: &Settings,
    gate: &Gate,
    found: &RulesFile,
    workspace: &[PathBuf],
) -> Option<Unused> {
    if let Err(refusal) = gate.check_file(settings, &found.path, workspace) {
        return Some(Unused::Refused { reason: refusal.to_string() });
    }
    let store = TrustStore::open(&settings.environment).ok();
    if store.as_ref().is_some_and(|store| store.allows_rules(&found.path, &found.digest)) {
        return None;
    }
    let n_invisible = found.text.chars().count() - without_invisible(&found.text).chars().count();
    Some(Unused::NotAllowed(Unallowed {
        path: found.path.clone(),
        name: found.name.clone(),
        n_lines: found.text.lines().count(),
        n_invisible,
        digest: found.digest.clone(),
        has_changed: store.is_some_and(|store| store.knows_rules(&found.path)),
    }))
}

impl Rules {
    fn add(&mut self, file: &RulesFile) {
        let text = without_invisible(&file.text).replace("\r\n", "\n");
        if !self.text.is_empty() {
            self.text.push_str("\n\n");
        }
        self.text.push_str(text.trim());
        self.files.push(file.path.clone());
    }
}
