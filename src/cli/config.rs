//! `arawn config`: shows, checks and starts the configuration.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::Globals;
use super::init::{self, InitArguments};
use crate::config::{
    self, BackendSettings, Entry, Environment, LoadInputs, Loaded, Settings, Source,
};
use crate::report::{Kind, Report};
use crate::secrets;

/// Subcommands of `arawn config`.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every value in force and where it comes from
    Show {
        /// Show for each backend where its key comes from and whether it is there; the key itself is masked
        #[arg(long)]
        secrets: bool,
        /// Form of the output
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Print the files that are read, and which of them exist
    Path,
    /// Print every problem; exit code 3 if there is an error
    Check,
    /// Print the JSON Schema of a configuration file
    Schema {
        /// Print the table of all keys in Markdown instead
        #[arg(long)]
        markdown: bool,
    },
    /// Write a commented configuration file to start from, by four questions or by flags
    Init(InitArguments),
}

/// Forms of output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Runs a subcommand of `arawn config`.
pub(crate) fn run(
    command: &ConfigCommand,
    globals: &Globals,
    environment: Arc<Environment>,
    out: &mut dyn Write,
) -> Result<(), Report> {
    let inputs = load_inputs(globals, environment);
    let text = match command {
        ConfigCommand::Show { secrets, format } => {
            let loaded = config::load(&inputs)?;
            match (secrets, format) {
                (false, Format::Text) => values_text(&loaded),
                (false, Format::Json) => pretty(&values_json(&loaded)),
                (true, Format::Text) => keys_text(&loaded.settings),
                (true, Format::Json) => pretty(&keys_json(&loaded.settings)),
            }
        }
        ConfigCommand::Path => paths_text(&inputs),
        ConfigCommand::Check => return check(&inputs, out),
        ConfigCommand::Schema { markdown: true } => config::reference_markdown(),
        ConfigCommand::Schema { markdown: false } => pretty(&config::schema()),
        ConfigCommand::Init(arguments) => init::write_plain(arguments, &inputs)?,
    };
    print(out, &text)
}

/// What the configuration is loaded from on the command line: the project is the one we stand in.
pub(crate) fn load_inputs(globals: &Globals, environment: Arc<Environment>) -> LoadInputs {
    let root = config::workspace_root(&environment.working_folder, &environment);
    LoadInputs {
        explicit_file: globals.config.clone(),
        workspace: vec![root],
        editor: None,
        backend: globals.backend.as_ref().map(ToString::to_string),
        model: globals.model.clone(),
        environment,
    }
}

/// Prints; a reader that went away, as `head` does, is no error.
pub(crate) fn print(out: &mut dyn Write, text: &str) -> Result<(), Report> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(work(format!("cannot write: {error}")))
        }
        _ => Ok(()),
    }
}

/// A report of work that failed.
pub(crate) fn work(message: impl Into<String>) -> Report {
    Report::new(Kind::Work, message)
}

fn pretty(json: &Json) -> String {
    format!("{json:#}\n")
}

/// The merged configuration as TOML, each value with the place it comes from.
fn values_text(loaded: &Loaded) -> String {
    let mut text = String::new();
    let mut table: Option<&[String]> = None;
    for entry in in_tables(&loaded.entries) {
        let Some((key, parents)) = entry.path.split_last() else { continue };
        if table != Some(parents) {
            if table.is_some() {
                text.push('\n');
            }
            if !parents.is_empty() {
                let _ = writeln!(text, "[{}]", config::dotted(parents));
            }
            table = Some(parents);
        }
        let line = format!("{} = {}", config::dotted(&[key]), shown_value(entry));
        let _ = writeln!(text, "{line:<48}  # {}", entry.origin);
    }
    text
}

/// Keys of one table stand together, tables in the order of their names.
fn in_tables(entries: &[Entry]) -> Vec<&Entry> {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by(|a, b| {
        let parents = |entry: &Entry| entry.path[..entry.path.len().saturating_sub(1)].to_vec();
        parents(a).cmp(&parents(b))
    });
    sorted
}

/// The value as TOML; what may be a secret only if it is a reference to one.
fn shown_value(entry: &Entry) -> String {
    if is_secret(entry) { "\"***\"".to_owned() } else { entry.value.to_string() }
}

/// Tables of other programs: nobody here knows what is secret in them.
const FOREIGN_TABLES: [&str; 5] = ["mcp", "agent", "workstreams", "logging", "plugins"];

fn is_secret(entry: &Entry) -> bool {
    let path: Vec<&str> = entry.path.iter().map(String::as_str).collect();
    let may_be = match path.as_slice() {
        // Addresses may carry a password or a token; those that do are refused or unusual.
        ["backends", _, "base_url"] => {
            entry.value.as_str().is_some_and(|url| url.contains('@') || url.contains('?'))
        }
        [table, ..] if FOREIGN_TABLES.contains(table) => true,
        [.., "api_key"]
        | ["server", "token" | "auth", ..]
        | ["backends", _, "headers", ..]
        | ["memory", "recall", ..] => true,
        _ => false,
    };
    let is_reference = entry.value.as_str().is_some_and(|text| {
        ["$env:", "$keyring:", "$file:"].iter().any(|start| text.trim().starts_with(start))
    });
    may_be && !is_reference
}

fn values_json(loaded: &Loaded) -> Json {
    let entries = loaded.entries.iter().map(|entry| {
        let value = if is_secret(entry) {
            json!("***")
        } else {
            serde_json::to_value(&entry.value).unwrap_or_default()
        };
        let (layer, file) = match &*entry.origin.source {
            Source::Default => ("built in", None),
            Source::User(path) => ("user", Some(path)),
            Source::Project(path) => ("project", Some(path)),
            Source::Editor => ("editor", None),
            Source::Variable(name) | Source::Flag(name) => (*name, None),
        };
        let file = file.map(|path| path.display().to_string());
        json!({"key": config::dotted(&entry.path), "value": value, "layer": layer, "file": file, "line": entry.origin.line})
    });
    Json::Array(entries.collect())
}

/// What is known about the key of one backend.
struct KeyState {
    reference: String,
    found_in: &'static str,
    outcome: Result<String, (String, String)>,
}

fn key_state(backend: &BackendSettings, settings: &Settings) -> Option<KeyState> {
    use secrets::KeyReference;
    let reference = backend.api_key.as_ref()?;
    let found_in = match reference {
        KeyReference::Env(_) => "environment",
        KeyReference::Keyring(_) => "keyring",
        KeyReference::File(_) => "file",
        KeyReference::Literal(_) => "configuration file",
    };
    let resolved = reference.resolve(&settings.environment);
    let outcome = match resolved {
        Ok(key) => Ok(secrets::mask(&key)),
        Err(error) => Err((error.to_string(), error.hint())),
    };
    Some(KeyState { reference: reference.to_string(), found_in, outcome })
}

fn no_key(backend: &BackendSettings) -> String {
    match backend.provider.key_variable() {
        Some(variable) => {
            format!("no key: set {variable}, or `api_key` in [backends.{}]", backend.name)
        }
        None => "no key, none needed unless the server asks for one".to_owned(),
    }
}

fn keys_text(settings: &Settings) -> String {
    let mut text = String::new();
    for backend in settings.backends.values() {
        let _ = writeln!(text, "[backends.{}]", config::dotted(&[backend.name.as_str()]));
        match key_state(backend, settings) {
            None => {
                let _ = writeln!(text, "  {}", no_key(backend));
            }
            Some(KeyState { reference, found_in, outcome }) => {
                let _ = writeln!(text, "  reference: {reference}\n  place:     {found_in}");
                let _ = match outcome {
                    Ok(masked) => writeln!(text, "  resolves:  yes\n  value:     {masked}"),
                    Err((error, hint)) => {
                        writeln!(text, "  resolves:  no: {error}\n  hint:      {hint}")
                    }
                };
            }
        }
    }
    text
}

fn keys_json(settings: &Settings) -> Json {
    let backends = settings.backends.values().map(|backend| match key_state(backend, settings) {
        None => json!({"backend": backend.name, "reference": null, "resolves": false, "reason": no_key(backend)}),
        Some(KeyState { reference, found_in, outcome }) => match outcome {
            Ok(masked) => json!({"backend": backend.name, "reference": reference, "place": found_in, "resolves": true, "value": masked}),
            Err((error, hint)) => json!({"backend": backend.name, "reference": reference, "place": found_in, "resolves": false, "reason": error, "hint": hint}),
        },
    });
    json!({"backends": backends.collect::<Vec<_>>()})
}

fn paths_text(inputs: &LoadInputs) -> String {
    let line = |path: &PathBuf| {
        let state = if path.exists() { "" } else { "  (does not exist)" };
        format!("{}{state}\n", path.display())
    };
    config::candidate_files(inputs).iter().map(line).collect()
}

fn check(inputs: &LoadInputs, out: &mut dyn Write) -> Result<(), Report> {
    let loaded = config::load(inputs)?;
    let mut text = String::new();
    for warning in &loaded.warnings {
        let _ = writeln!(text, "{warning}");
    }
    if loaded.warnings.is_empty() {
        text.push_str("no problems\n");
    }
    print(out, &text)?;
    // The local engine is nobody's mistake where it was never set up.
    let written =
        loaded.settings.unusable.keys().filter(|name| name.as_str() != config::local::BACKEND);
    match written.count() {
        0 => Ok(()),
        n_unusable => {
            let message = format!("{n_unusable} of the backends cannot be used");
            Err(Report { kind: Kind::Config, ..work(message) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Home {
        folder: tempfile::TempDir,
        environment: Arc<Environment>,
    }

    fn home(user: &str, vars: &[(&str, &str)]) -> Home {
        let folder = tempfile::tempdir().unwrap();
        if !user.is_empty() {
            let file = folder.path().join(".config/arawn/arawn.toml");
            config::write_private(&file, user.as_bytes()).unwrap();
        }
        let project = folder.path().join("project");
        std::fs::create_dir_all(project.join(".git")).unwrap();
        let mut environment = Environment::of(folder.path(), vars.iter().copied());
        environment.working_folder = project;
        Home { folder, environment: Arc::new(environment) }
    }

    impl Home {
        fn run(&self, command: &ConfigCommand) -> Result<String, Report> {
            let mut out = Vec::new();
            run(command, &Globals::default(), self.environment.clone(), &mut out)?;
            let text = String::from_utf8(out).unwrap();
            Ok(text.replace(&self.folder.path().display().to_string(), "~"))
        }
    }

    const SHOW: ConfigCommand = ConfigCommand::Show { secrets: false, format: Format::Text };
    const CANARY: &str = "gsk_canary0123456789";

    #[test]
    fn show_prints_every_value_with_its_source() {
        let text =
            home("[llm]\nmodel = \"x\"\n", &[("ARAWN_BACKEND", "ollama")]).run(&SHOW).unwrap();
        let line = |key: &str| text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        assert!(line("model = \"x\"").ends_with("# ~/.config/arawn/arawn.toml:2"), "{text}");
        assert!(
            line("backend = \"ollama\"").ends_with("# environment variable ARAWN_BACKEND"),
            "{text}"
        );
        assert!(line("cloud = \"allowed\"").ends_with("# built in"), "{text}");
        assert!(text.parse::<toml::Table>().is_ok(), "{text}");
    }

    #[test]
    fn show_prints_references_but_no_key_no_header_and_no_foreign_table() {
        let user = format!(
            "[backends.groq]\napi_key = \"{CANARY}\"\nheaders = {{ X = \"{CANARY}\" }}\n[server]\ntoken = \"{CANARY}\"\n\
             [backends.openai]\napi_key = \"$env:MINE\"\n[embeddings.openai]\napi_key = \"{CANARY}\"\n"
        );
        let home = home(&user, &[("MINE", CANARY)]);
        for format in [Format::Text, Format::Json] {
            for secrets in [false, true] {
                let text = home.run(&ConfigCommand::Show { secrets, format }).unwrap();
                assert!(!text.contains("canary"), "{text}");
                assert!(text.contains("$env:MINE"), "{text}");
            }
        }
    }

    #[test]
    fn show_secrets_tells_reference_place_and_masked_value() {
        let user = "[backends.groq]\napi_key = \"$env:MINE\"\n[backends.openai]\napi_key = \"$env:ABSENT\"\n";
        let text = home(user, &[("MINE", CANARY)])
            .run(&ConfigCommand::Show { secrets: true, format: Format::Text })
            .unwrap();
        let groq = "[backends.groq]\n  reference: $env:MINE\n  place:     environment\n  resolves:  yes\n  \
                    value:     gsk***6789 (20 characters)\n";
        let openai = "[backends.openai]\n  reference: $env:ABSENT\n  place:     environment\n  \
                      resolves:  no: Environment variable \"ABSENT\" not set\n";
        assert!(text.contains(groq) && text.contains(openai), "{text}");
        assert!(text.contains("[backends.anthropic]\n  no key: set ANTHROPIC_API_KEY"), "{text}");
    }

    #[test]
    fn check_prints_warnings_and_fails_where_a_backend_cannot_be_used() {
        assert_eq!(home("", &[]).run(&ConfigCommand::Check).unwrap(), "no problems\n");
        let warned = home("[llm]\nmodle = 1\n", &[]).run(&ConfigCommand::Check).unwrap();
        assert_eq!(
            warned,
            "~/.config/arawn/arawn.toml:2: `llm.modle` is not known; did you mean `llm.model`?\n"
        );
        let broken = home("[llm\n", &[]).run(&ConfigCommand::Check).unwrap_err();
        assert_eq!(broken.kind, Kind::Config);
        let unusable =
            home("[backends.work]\nmodel = \"m\"\n", &[]).run(&ConfigCommand::Check).unwrap_err();
        assert_eq!(
            (unusable.kind, unusable.message.as_str()),
            (Kind::Config, "1 of the backends cannot be used")
        );
    }

    #[test]
    fn init_writes_a_file_that_changes_nothing_and_overwrites_none() {
        let home = home("", &[]);
        let init = |project, force| {
            let arguments = InitArguments { project, force, ..InitArguments::default() };
            home.run(&ConfigCommand::Init(arguments))
        };
        assert_eq!(init(false, false).unwrap(), "wrote ~/.config/arawn/arawn.toml\n");
        assert_eq!(init(true, false).unwrap(), "wrote ~/project/.arawn/arawn.toml\n");
        assert!(init(false, false).unwrap_err().message.ends_with("exists already"));
        assert!(init(false, true).is_ok());
        assert_eq!(home.run(&ConfigCommand::Check).unwrap(), "no problems\n");
    }

    #[test]
    fn the_starters_are_right_when_their_comments_are_taken_off() {
        let bare = |starter: &str| {
            let is_code = |line: &&str| line.contains(" = ") || line.contains("# [");
            starter
                .lines()
                .filter(is_code)
                .map(|line| line.trim_start_matches("# ").to_owned() + "\n")
                .collect::<String>()
        };
        let home = home(&bare(config::STARTER), &[]);
        let file = home.folder.path().join("project/.arawn/arawn.toml");
        config::write_private(&file, bare(config::PROJECT_STARTER).as_bytes()).unwrap();
        assert_eq!(home.run(&ConfigCommand::Check).unwrap(), "no problems\n");
        assert!(home.run(&SHOW).unwrap().contains("qwen2.5-coder-32b"));
    }

    #[test]
    fn path_prints_all_candidates_and_which_exist() {
        let text = home("[llm]\n", &[]).run(&ConfigCommand::Path).unwrap();
        assert_eq!(
            text,
            "~/.config/arawn/arawn.toml\n~/.arawn/arawn.toml  (does not exist)\n\
             ~/project/.arawn/arawn.toml  (does not exist)\n"
        );
    }

    #[test]
    fn an_unknown_backend_in_a_flag_is_a_wrong_command_line() {
        let home = home("", &[]);
        let globals = Globals { backend: Some("nope".into()), ..Globals::default() };
        let report = run(&SHOW, &globals, home.environment.clone(), &mut Vec::new()).unwrap_err();
        assert_eq!((report.kind, report.kind.exit_code()), (Kind::Usage, 2));
        assert_eq!(report.hint.unwrap(), "known backends: anthropic, groq, ollama, openai");
    }
}
