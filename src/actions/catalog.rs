//! All actions: the built-in ones, then the user's files, then the tables of the configuration.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::definition::{Defined, define};
use super::{Action, front_matter};
use crate::config::{ActionSettings, Settings};

/// The built-in actions, in menu order.
const BUILT_IN: [(&str, &str); 12] = [
    ("explain", include_str!("builtin/explain.md")),
    ("fix", include_str!("builtin/fix.md")),
    ("refactor", include_str!("builtin/refactor.md")),
    ("simplify", include_str!("builtin/simplify.md")),
    ("document", include_str!("builtin/document.md")),
    ("test", include_str!("builtin/test.md")),
    ("review", include_str!("builtin/review.md")),
    ("translate", include_str!("builtin/translate.md")),
    ("edit", include_str!("builtin/edit.md")),
    ("complete", include_str!("builtin/complete.md")),
    ("ask", include_str!("builtin/ask.md")),
    ("commit", include_str!("builtin/commit.md")),
];

/// A file larger than this is no prompt.
const LARGEST_FILE: u64 = 256 * 1024;

/// All actions, built in and the user's, in menu order.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// In menu order.
    pub actions: Vec<Arc<Action>>,
}

impl Catalog {
    /// The actions of a configuration, and what was wrong with those left out, a sentence each.
    pub fn load(settings: &Settings) -> (Self, Vec<String>) {
        Self::gather(&settings.action_folders, &settings.actions)
    }

    /// The built-in actions, then those of the folders' `*.md` files, then those of tables.
    ///
    /// An action of a known id takes the place of that one and inherits the keys it does not set.
    pub fn gather(folders: &[PathBuf], tables: &[ActionSettings]) -> (Self, Vec<String>) {
        let mut catalog = Self::default();
        let mut problems = Vec::new();
        for (id, text) in BUILT_IN {
            catalog.add_file(id, text, "built in", &mut problems);
        }
        for path in folders
            .iter()
            .flat_map(|folder| action_files(folder, &mut problems))
            .collect::<Vec<_>>()
        {
            let source = path.display().to_string();
            let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            match read(&path) {
                Ok(text) => catalog.add_file(&id, &text, &source, &mut problems),
                Err(problem) => problems.push(format!("{source}: {problem}")),
            }
        }
        for table in tables {
            let source = format!("[actions.{}]", table.id);
            let defined = define(&table.id, &table.fields, catalog.base(&table.id));
            catalog.add(defined, &source, &mut problems);
        }
        (catalog, problems)
    }

    /// The action of that id.
    pub fn find(&self, id: &str) -> Option<&Arc<Action>> {
        self.actions.iter().find(|action| action.id == id)
    }

    fn base(&self, id: &str) -> Option<&Action> {
        self.find(id).map(AsRef::as_ref)
    }

    fn add_file(&mut self, id: &str, text: &str, source: &str, problems: &mut Vec<String>) {
        let defined = front_matter::split(text).and_then(|parts| {
            let mut fields = parts.fields;
            if !parts.body.trim().is_empty() {
                fields.insert("template".to_owned(), parts.body);
            }
            define(id, &fields, self.base(id))
        });
        self.add(defined, source, problems);
    }

    fn add(&mut self, defined: Result<Defined, String>, source: &str, problems: &mut Vec<String>) {
        match defined {
            Ok(Defined { action, warnings }) => {
                problems.extend(warnings.into_iter().map(|warning| format!("{source}: {warning}")));
                match self.actions.iter_mut().find(|known| known.id == action.id) {
                    Some(known) => *known = Arc::new(action),
                    None => self.actions.push(Arc::new(action)),
                }
            }
            Err(problem) => problems.push(format!("{source}: {problem}")),
        }
    }
}

/// The `*.md` files of a folder in order of their names; a folder that does not exist has none.
fn action_files(folder: &Path, problems: &mut Vec<String>) -> Vec<PathBuf> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            problems.push(format!("{}: {error}", folder.display()));
            return Vec::new();
        }
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    files.sort();
    files
}

fn read(path: &Path) -> Result<String, String> {
    // A pipe or a device with that name would hang the program.
    let metadata = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a file".to_owned());
    }
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut text = String::new();
    file.take(LARGEST_FILE + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(format!("it is larger than {} KB", LARGEST_FILE / 1024));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::Output;
    use crate::model::Task;

    fn table(id: &str, fields: &[(&str, &str)]) -> ActionSettings {
        let fields = fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        ActionSettings { id: id.to_owned(), fields }
    }

    #[test]
    fn the_built_in_actions_are_whole() {
        let (catalog, problems) = Catalog::gather(&[], &[]);
        assert_eq!(problems, Vec::<String>::new());
        let ids: Vec<&str> = catalog.actions.iter().map(|action| action.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "explain",
                "fix",
                "refactor",
                "simplify",
                "document",
                "test",
                "review",
                "translate",
                "edit",
                "complete",
                "ask",
                "commit",
            ]
        );
        let kind = |id: &str| catalog.find(id).unwrap().kind.clone();
        assert_eq!(kind("fix"), "quickfix");
        assert_eq!(kind("simplify"), "refactor.rewrite.arawn.simplify");
        assert_eq!(kind("explain"), "arawn.explain");
        assert_eq!(kind("test"), "refactor.rewrite.arawn.test");
        assert_eq!(kind("review"), "arawn.review");
        assert_eq!(catalog.find("complete").unwrap().output, Output::Continue);
        assert!(catalog.find("edit").unwrap().needs_input);
        assert!(!catalog.find("fix").unwrap().needs_input);
    }

    #[test]
    fn a_users_file_adds_or_replaces_an_action() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("explain.md", "---\ntitle: Explain to me\n---\nTell me: {{ selection | fenced }}\n");
        write(
            "make_fast.md",
            "---\noutput = \"replace\"\nlanguages = [\"rust\", \"go\"]\n---\nMake it fast.\n",
        );
        write("notes.txt", "not an action");
        let (catalog, problems) = Catalog::gather(&[folder.path().to_owned()], &[]);
        assert_eq!(problems, Vec::<String>::new());
        let explain = catalog.find("explain").unwrap();
        assert_eq!((explain.title.as_str(), explain.task), ("Explain to me", Task::Explain));
        assert_eq!(catalog.actions[0].id, "explain", "it keeps its place in the menu");
        let fast = catalog.find("make_fast").unwrap();
        assert_eq!((fast.title.as_str(), fast.task), ("Make fast", Task::Edit));
        assert!(fast.fits("go") && !fast.fits("python"));
    }

    #[test]
    fn a_table_replaces_what_it_names_and_keeps_the_rest() {
        let tables =
            [table("fix", &[("title", "Mend")]), table("haiku", &[("prompt", "Write a haiku.")])];
        let (catalog, problems) = Catalog::gather(&[], &tables);
        assert_eq!(problems, Vec::<String>::new());
        let fix = catalog.find("fix").unwrap();
        assert_eq!(
            (fix.title.as_str(), fix.kind.as_str(), fix.output),
            ("Mend", "quickfix", Output::Replace)
        );
        assert_eq!(catalog.find("haiku").unwrap().output, Output::Answer);
    }

    #[test]
    fn a_gap_is_filled_without_the_prompt_unless_the_user_wants_the_prompt_read() {
        let infill = |fields: &[(&str, &str)]| {
            let (catalog, problems) = Catalog::gather(&[], &[table("complete", fields)]);
            assert_eq!(problems, Vec::<String>::new());
            catalog.find("complete").unwrap().infill
        };
        assert!(infill(&[("title", "Go on")]));
        assert!(!infill(&[("infill", "false")]));
        assert!(!infill(&[("template", "Write a poem.")]));
        assert!(infill(&[("template", "Write on."), ("infill", "true")]));
        assert!(!infill(&[("output", "replace")]), "only what goes on can be a gap");
    }

    #[test]
    fn every_output_is_open_to_the_user() {
        let tables = [
            table("notes", &[("output", "new_file"), ("file", "{stem}.md"), ("prompt", "x")]),
            table("audit", &[("output", "diagnostics"), ("prompt", "x")]),
            table("lost", &[("output", "new_file"), ("file", "../{stem}.md"), ("prompt", "x")]),
        ];
        let (catalog, problems) = Catalog::gather(&[], &tables);
        let notes = catalog.find("notes").unwrap();
        assert_eq!((notes.output, notes.task), (Output::NewFile, Task::Edit));
        assert_eq!(notes.file.as_deref(), Some("{stem}.md"));
        let audit = catalog.find("audit").unwrap();
        assert_eq!((audit.task, audit.kind.as_str()), (Task::Review, "arawn.audit"));
        assert!(catalog.find("lost").is_none());
        assert!(problems[0].contains("`file`"), "{problems:?}");
    }

    #[test]
    fn a_broken_action_is_reported_and_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("a.md", "---\noutput = \"replce\"\n---\nx");
        write("b.md", "{{ selecton }}");
        write("c.md", "{% if %}");
        write("d.md", "---\ntitle = \"d\"\n---\n");
        write("e e.md", "x");
        write("f.md", "---\ntitel = \"F\"\n---\nx");
        std::fs::create_dir(folder.path().join("g.md")).unwrap();
        std::fs::write(folder.path().join("h.md"), [0xFF, 0xFE]).unwrap();
        let (catalog, problems) = Catalog::gather(&[folder.path().to_owned()], &[]);
        assert!(["a", "b", "c", "d", "e e", "g", "h"].iter().all(|id| catalog.find(id).is_none()));
        assert!(catalog.find("f").is_some(), "an unknown key is no reason to leave it out");
        let said = |name: &str, what: &str| {
            problems.iter().any(|problem| problem.contains(name) && problem.contains(what))
        };
        assert!(said("a.md", "expected one of replace"), "{problems:?}");
        assert!(said("b.md", "its prompt is broken: line 1"), "{problems:?}");
        assert!(said("c.md", "its prompt is broken"), "{problems:?}");
        assert!(said("d.md", "it has no prompt"), "{problems:?}");
        assert!(said("e e.md", "cannot be the name"), "{problems:?}");
        assert!(said("f.md", "did you mean `title`?"), "{problems:?}");
        assert!(said("g.md", "not a file"), "{problems:?}");
        assert_eq!(problems.len(), 8, "{problems:?}");
    }

    #[test]
    fn a_missing_folder_is_no_problem() {
        let (catalog, problems) = Catalog::gather(&[PathBuf::from("/does/not/exist")], &[]);
        assert_eq!((catalog.actions.len(), problems.len()), (12, 0));
    }
}
