//! `arawn trust`: lets a project choose among the user's backends, and add rules and actions.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::config::{print, work};
use crate::config::{self, Environment, Project, RulesFile, TrustStore};
use crate::report::{Kind, Report};
use crate::text::without_invisible;

/// Arguments of `arawn trust`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct TrustArguments {
    /// The project; the one you stand in when left out
    dir: Option<PathBuf>,
    /// Trust it no longer
    #[arg(long, conflicts_with = "list")]
    remove: bool,
    /// List the projects that are trusted
    #[arg(long, conflicts_with = "dir")]
    list: bool,
}

/// Runs `arawn trust`.
pub(crate) fn run(
    arguments: &TrustArguments,
    environment: &Environment,
    out: &mut dyn Write,
) -> Result<(), Report> {
    let mut store = TrustStore::open(environment)?;
    let text = if arguments.list {
        list(&store)
    } else {
        let root = root(arguments.dir.as_deref(), environment);
        if arguments.remove { remove(&mut store, &root)? } else { add(&mut store, &root)? }
    };
    print(out, &text)
}

fn root(dir: Option<&Path>, environment: &Environment) -> PathBuf {
    match dir {
        Some(dir) => environment.working_folder.join(dir),
        None => config::workspace_root(&environment.working_folder, environment),
    }
}

fn add(store: &mut TrustStore, root: &Path) -> Result<String, Report> {
    if !root.is_dir() {
        let message = format!("\"{}\" is no folder", root.display());
        return Err(Report { kind: Kind::Usage, ..work(message) });
    }
    let project = Project::read(root)?;
    if project.is_empty() {
        let message = format!(
            "\"{}\" has no `.arawn/arawn.toml`, no `.arawn/actions/*.md` and no `AGENTS.md`",
            root.display()
        );
        let hint = Some("there is nothing to trust; write one first".to_owned());
        return Err(Report { kind: Kind::Usage, hint, ..work(message) });
    }
    let failed = |error| work(format!("cannot trust \"{}\": {error}", root.display()));
    store.add(&project).map_err(failed)?;
    let root = project.root.display();
    let mut text = format!("trusted {root} as long as these files stay as they are:\n");
    for file in project.files() {
        let _ = writeln!(text, "  {}", file.display());
    }
    for rules in project.rules() {
        let n_invisible = n_invisible(&rules.text);
        let n_lines = rules.text.lines().count();
        let lines = if n_lines == 1 { "1 line".to_owned() } else { format!("{n_lines} lines") };
        let _ = write!(text, "  {} ({lines} of rules", rules.path.display());
        if n_invisible > 0 {
            let _ = write!(text, "; {n_invisible} invisible characters in them are left out");
        }
        text.push_str(")\n");
    }
    Ok(text)
}

fn n_invisible(text: &str) -> usize {
    text.chars().count() - without_invisible(text).chars().count()
}

fn remove(store: &mut TrustStore, root: &Path) -> Result<String, Report> {
    let removed =
        store.remove(root).map_err(|error| work(format!("cannot write the list: {error}")))?;
    let state = if removed { "is trusted no longer" } else { "was not trusted" };
    Ok(format!("{} {state}\n", root.display()))
}

fn list(store: &TrustStore) -> String {
    let line = |root: &Path| {
        let state = match Project::read(root) {
            Ok(project) if store.trusts(&project) => "",
            _ => "  (its files have changed: not trusted)",
        };
        format!("{}{state}\n", root.display())
    };
    let rules_line = |(path, digest): (&Path, &str)| {
        let state = match RulesFile::at(path) {
            Some(rules) if rules.digest == digest => "rules",
            _ => "rules that have changed: not used",
        };
        format!("{}  ({state})\n", path.display())
    };
    store.roots().map(line).chain(store.rules().map(rules_line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_in(project: &Path, home: &Path, remove: bool, list: bool) -> Result<String, Report> {
        let mut environment = Environment::of(home, []);
        environment.working_folder = project.to_owned();
        let mut out = Vec::new();
        run(&TrustArguments { dir: None, remove, list }, &environment, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn trust_is_given_listed_lost_by_a_change_and_taken_back() {
        let home = tempfile::tempdir().unwrap();
        let project = home.path().canonicalize().unwrap().join("project");
        let file = project.join(".arawn/arawn.toml");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "[llm]\n").unwrap();
        let run = |remove, list| run_in(&project, home.path(), remove, list);

        let given = run(false, false).unwrap();
        assert!(given.starts_with("trusted ") && given.contains("arawn.toml"), "{given}");
        assert_eq!(run(false, true).unwrap(), format!("{}\n", project.display()));
        std::fs::write(&file, "[privacy]\n").unwrap();
        assert!(run(false, true).unwrap().ends_with("(its files have changed: not trusted)\n"));
        assert!(run(true, false).unwrap().ends_with("is trusted no longer\n"));
        assert!(run(true, false).unwrap().ends_with("was not trusted\n"));
        assert_eq!(run(false, true).unwrap(), "");
    }

    #[test]
    fn a_folder_without_files_of_ours_cannot_be_trusted() {
        let home = tempfile::tempdir().unwrap();
        let report = run_in(home.path(), home.path(), false, false).unwrap_err();
        assert_eq!(report.kind, Kind::Usage);
    }
}
