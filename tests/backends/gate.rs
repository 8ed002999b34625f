//! What the gate lets through and what it does not.

use std::path::{Path, PathBuf};

use arawn::config::{CloudPolicy, Dialect, Place, Provider, Settings};
use arawn::gate::{Gate, Origin, Refusal, is_cloud};
use arawn::model::Task;

use crate::setup::{backend, settings};

struct Workspace {
    folder: tempfile::TempDir,
    settings: Settings,
    gate: Gate,
}

impl Workspace {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let local = backend("b", Dialect::Openai, Provider::Other, "http://127.0.0.1:1/v1");
        Self { folder, settings: settings([local]), gate: Gate::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn reason(&self, file: &Path) -> Option<String> {
        let origin =
            Origin { files: vec![file.to_owned()], workspace: vec![self.folder.path().to_owned()] };
        let backend = self.settings.backend(&"b".into()).unwrap();
        match self.gate.clear(&self.settings, backend, "m", Task::Edit, &origin) {
            Ok(_) => None,
            Err(Refusal::FileExcluded { reason, .. }) => Some(reason),
            Err(other) => panic!("{other}"),
        }
    }

    fn leaves(&self, name: &str) -> bool {
        self.reason(&self.path(name)).is_none()
    }
}

#[test]
fn ignore_files_of_all_kinds_count_from_the_root_down() {
    let workspace = Workspace::new(&[
        (".git/info/exclude", "private.rs\n"),
        (".gitignore", "target/\n*.log\n"),
        (".aiignore", "/legacy\n"),
        ("src/.arawnignore", "vendor/*.c\n"),
        ("src/main.rs", ""),
        ("src/vendor/a.c", ""),
        ("legacy/old.rs", ""),
    ]);
    assert!(workspace.leaves("src/main.rs"));
    assert!(workspace.leaves("src/legacy/new.rs"), "anchored patterns stay at their root");
    assert!(!workspace.leaves("target/debug/x.rs"), "an ignored folder hides what is in it");
    assert!(!workspace.leaves("src/a.log"));
    assert!(!workspace.leaves("legacy/old.rs"));
    assert!(!workspace.leaves("src/vendor/a.c"));
    assert!(!workspace.leaves("src/private.rs"));
    assert_eq!(
        workspace.reason(&workspace.path("src/a.log")).unwrap(),
        "excluded by `*.log` in .gitignore"
    );
}

#[test]
fn a_negation_takes_back_only_what_its_own_kind_said() {
    let workspace = Workspace::new(&[
        (".gitignore", "*.gen.rs\n!keep.gen.rs\nbuild/\n!build/x.rs\n"),
        (".arawnignore", "!other.gen.rs\n!.env\n"),
        ("sub/.gitignore", "!sub.gen.rs\n"),
    ]);
    assert!(!workspace.leaves("a.gen.rs"));
    assert!(workspace.leaves("keep.gen.rs"));
    assert!(workspace.leaves("sub/sub.gen.rs"), "the deeper file decides");
    assert!(!workspace.leaves("other.gen.rs"), "another kind of file cannot open it");
    assert!(!workspace.leaves("build/x.rs"), "nothing comes back out of an ignored folder");
    assert!(!workspace.leaves(".env"), "the built-in list has no exceptions");
}

#[test]
fn the_users_own_patterns_count_too() {
    let mut workspace = Workspace::new(&[("a.rs", "")]);
    workspace.settings.privacy.ignore =
        vec!["secret/**".to_owned(), "*.sql".to_owned(), "!ok.sql".to_owned()];
    assert!(workspace.leaves("a.rs"));
    assert!(!workspace.leaves("secret/a.rs"));
    assert!(!workspace.leaves("db/x.sql"));
    assert!(workspace.leaves("db/ok.sql"));
    assert_eq!(
        workspace.reason(&workspace.path("x.sql")).unwrap(),
        "excluded by `*.sql` in `[privacy] ignore`"
    );
}

#[test]
fn a_changed_ignore_file_counts_at_once() {
    let workspace = Workspace::new(&[(".aiignore", "a.rs\n")]);
    assert!(!workspace.leaves("a.rs"));
    std::fs::write(workspace.path(".aiignore"), "another.rs\n").unwrap();
    assert!(workspace.leaves("a.rs"));
    std::fs::remove_file(workspace.path(".aiignore")).unwrap();
    assert!(workspace.leaves("another.rs"));
}

#[test]
fn a_workspace_below_its_repository_obeys_the_repository() {
    let workspace =
        Workspace::new(&[(".git/HEAD", ""), (".gitignore", "*.tmp\n"), ("app/a.tmp", "")]);
    let origin =
        Origin { files: vec![workspace.path("app/a.tmp")], workspace: vec![workspace.path("app")] };
    let backend = workspace.settings.backend(&"b".into()).unwrap();
    assert!(workspace.gate.clear(&workspace.settings, backend, "m", Task::Edit, &origin).is_err());
}

#[test]
fn dots_in_a_path_hide_nothing() {
    let workspace =
        Workspace::new(&[(".aiignore", "/private\n"), ("src/a.rs", ""), ("private/a.rs", "")]);
    assert!(!workspace.leaves("src/../private/a.rs"));
    assert!(!workspace.leaves("src/./../private/./a.rs"));
}

#[cfg(unix)]
#[test]
fn links_are_judged_by_where_they_lead_and_by_what_they_are_called() {
    let workspace = Workspace::new(&[
        (".aiignore", "hidden/\n"),
        (".env", "K=1"),
        ("hidden/a.rs", ""),
        ("b.rs", ""),
    ]);
    for (link, target) in [("notes.txt", ".env"), ("shown", "hidden"), ("key.pem", "b.rs")] {
        std::os::unix::fs::symlink(workspace.path(target), workspace.path(link)).unwrap();
    }
    assert!(!workspace.leaves("notes.txt"));
    assert!(!workspace.leaves("shown/a.rs"));
    assert!(!workspace.leaves("shown/not-there-yet.rs"));
    assert!(!workspace.leaves("key.pem"));
    assert!(workspace.leaves("b.rs"));
}

#[test]
fn cloud_services_and_cloud_models_are_kept_out_where_the_user_says_never() {
    let mut cloud =
        backend("groq", Dialect::Openai, Provider::Groq, "https://api.groq.com/openai/v1");
    cloud.place = Place::Cloud;
    let local = backend("ollama", Dialect::Ollama, Provider::Ollama, "http://localhost:11434");
    let mut settings = settings([cloud.clone(), local.clone()]);
    settings.privacy.cloud = CloudPolicy::Never;
    let gate = Gate::new();
    let is_clear = |backend, model: &str| {
        gate.clear(&settings, backend, model, Task::Chat, &Origin::default()).is_ok()
    };
    assert!(!is_clear(&cloud, "llama"));
    assert!(is_clear(&local, "codellama:7b"));
    assert!(!is_clear(&local, "gpt-oss:120b-cloud"));
    assert!(!is_clear(&local, "kimi-k2:Cloud"));
    assert!(is_cloud(&local, "deepseek:cloud") && !is_cloud(&local, "cloudy:7b"));
    let refusal = gate.clear(&settings, &cloud, "m", Task::Chat, &Origin::default()).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "backend \"groq\" is a cloud service, and `[privacy] cloud = \"never\"` forbids those"
    );
}
