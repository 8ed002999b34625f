//! Makes settings of the merged layers: names are looked up, addresses parsed, chains built.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize as _;
use url::Url;

use super::endpoint::{self, Endpoint, Grants};
use super::environment::Environment;
use super::local::{self, LocalSettings};
use super::options::{ActionOptions, BackendOptions, Options, TaskOptions};
use super::problem::{ConfigError, Warning, dotted, nearest};
use super::settings::{
    ActionSettings, BackendSettings, Chain, Clocks, CloudPolicy, Dialect, EditSettings,
    EmbeddingSettings, EmbeddingSource, Engine, Link, Place, PrivacySettings, Provider,
    ServerSettings, Settings, TaskSettings,
};
use super::tree::{Node, Origin, Source};
use crate::model::{BackendName, Task};
use crate::secrets::{self, KeyReference};

/// Most tokens of the local engine's answers: small models run in circles until something stops them.
const LOCAL_MAX_TOKENS: u32 = 2048;

/// What resolving works on and fills.
struct Resolver<'a> {
    merged: &'a Node,
    options: Options,
    environment: &'a Arc<Environment>,
    warnings: &'a mut Vec<Warning>,
    backends: BTreeMap<BackendName, Arc<BackendSettings>>,
    unusable: BTreeMap<BackendName, String>,
    local: Arc<LocalSettings>,
}

/// Makes settings of the merged layers.
pub(super) fn settings(
    merged: &Node,
    environment: &Arc<Environment>,
    action_folders: Vec<PathBuf>,
    warnings: &mut Vec<Warning>,
) -> Result<Settings, ConfigError> {
    let options = Options::deserialize(merged.to_toml())
        .map_err(|error| ConfigError::Unexpected { reason: error.message().to_owned() })?;
    let state_folder = environment.state_folder().ok_or(ConfigError::NoHome)?;
    let (backends, unusable) = (BTreeMap::new(), BTreeMap::new());
    let local = Arc::new(LocalSettings::of(&options.local, environment));
    let mut resolver =
        Resolver { merged, options, environment, warnings, backends, unusable, local };
    resolver.resolve_backends();
    resolver.resolve_local();
    resolver.check_references();
    let embeddings = resolver.embeddings();
    let chain = resolver.chain(&["llm"])?;
    let tasks = resolver.tasks()?;
    let server = resolver.server();
    let Resolver { options, backends, unusable, local, .. } = resolver;
    Ok(Settings {
        backends,
        chain,
        tasks,
        privacy: PrivacySettings {
            cloud: options.privacy.cloud.unwrap_or(CloudPolicy::Allowed),
            ignore: options.privacy.ignore.unwrap_or_default(),
        },
        edits: EditSettings {
            preview: options.edits.preview.unwrap_or_default(),
            reask: options.edits.reask.unwrap_or(EditSettings::default().reask),
        },
        embeddings,
        actions: options
            .actions
            .into_iter()
            .map(|(id, action)| action_settings(id, action))
            .collect(),
        action_folders,
        local,
        server,
        state_folder,
        environment: environment.clone(),
        unusable,
        log: options.log.level.unwrap_or_else(|| "warn".to_owned()),
    })
}

impl Resolver<'_> {
    fn warn<S: AsRef<str>>(&mut self, path: &[S], message: impl Into<String>) {
        let default = Origin::new(Source::Default);
        let origin = self.merged.at(path).map_or(&default, |node| &node.origin);
        let path: Vec<String> = path.iter().map(|key| key.as_ref().to_owned()).collect();
        self.warnings.push(Warning::new(origin, &path, message));
    }

    fn resolve_backends(&mut self) {
        for (name, options) in self.options.backends.clone() {
            if is_managed(&name, &options) {
                continue;
            }
            match self.backend(&name, &options) {
                Ok(settings) => {
                    self.backends.insert(BackendName::new(&name), Arc::new(settings));
                }
                Err((key, reason)) => {
                    let path = ["backends", &name, key];
                    let path = if self.merged.at(&path).is_some() { &path[..] } else { &path[..2] };
                    let message =
                        if path.len() == 2 { format!("`{key}` {reason}") } else { reason };
                    self.warn(path, message.clone());
                    self.unusable
                        .insert(BackendName::new(&name), format!("`{}` {message}", dotted(path)));
                }
            }
        }
    }

    fn backend(
        &mut self,
        name: &str,
        options: &BackendOptions,
    ) -> Result<BackendSettings, (&'static str, String)> {
        let all = "must be set: anthropic, openai or ollama";
        let dialect = options.dialect.ok_or_else(|| ("dialect", all.to_owned()))?;
        let written =
            self.address(options).ok_or_else(|| ("base_url", "must be set".to_owned()))?;
        let grants = Grants {
            local: options.local == Some(true),
            allow_http: options.allow_http == Some(true),
        };
        let Endpoint { url, text, place } =
            endpoint::parse(&written, dialect, grants).map_err(|reason| ("base_url", reason))?;
        let provider = endpoint::provider(name, dialect, &url);
        let seconds = |seconds: Option<u32>, usual: Duration| {
            seconds.map_or(usual, |seconds| Duration::from_secs(seconds.into()))
        };
        let usual = Clocks::for_place(place);
        Ok(BackendSettings {
            name: BackendName::new(name),
            dialect,
            provider,
            base_url: url,
            base_url_text: text,
            model: options.model.clone().filter(|model| !model.trim().is_empty()),
            max_tokens: options.max_tokens,
            temperature: options.temperature,
            api_key: self.key(name, options, provider)?,
            headers: self.headers(name, options)?,
            place,
            clocks: Clocks {
                connect: seconds(options.connect_timeout, usual.connect),
                first_byte: seconds(options.first_byte_timeout, usual.first_byte),
                idle: seconds(options.idle_timeout, usual.idle),
            },
            context_length: options.context_length,
            keep_alive: options.keep_alive.clone(),
            engine: None,
        })
    }

    /// The backend of the local engine, unless the user calls a server of their own so.
    fn resolve_local(&mut self) {
        let written = self.options.backends.get(local::BACKEND).cloned();
        let options = written.clone().unwrap_or_default();
        if !is_managed(local::BACKEND, &options) {
            return;
        }
        if written.is_some() || self.local.is_set_up() {
            for problem in self.local.problems.clone() {
                self.warn(&["local"], problem);
            }
        }
        let name = BackendName::new(local::BACKEND);
        // Where a chain begins with it, the configuration must load before it is set up: setup loads it too.
        if self.local.is_set_up() || self.begins_a_chain(local::BACKEND) {
            let backend = local_backend(name.clone(), &options, &self.local);
            self.backends.insert(name, Arc::new(backend));
        }
    }

    fn begins_a_chain(&self, name: &str) -> bool {
        let begins = |table: &[&str]| {
            let key: Vec<&str> = table.iter().copied().chain(["backend"]).collect();
            self.merged.text_at(&key) == Some(name)
        };
        begins(&["llm"]) || Task::ALL.iter().any(|task| begins(&["tasks", task.as_str()]))
    }

    /// `base_url`; a backend of another name that speaks Ollama's dialect is where Ollama usually is.
    fn address(&self, options: &BackendOptions) -> Option<String> {
        let usual = || {
            let variable = self.environment.var("OLLAMA_HOST").and_then(endpoint::from_ollama_host);
            variable.unwrap_or_else(|| "http://localhost:11434".to_owned())
        };
        let is_ollama = options.dialect == Some(Dialect::Ollama);
        options.base_url.clone().or_else(|| is_ollama.then(usual))
    }

    /// Without `api_key` the provider's well-known variable counts, if it is set.
    fn key(
        &mut self,
        name: &str,
        options: &BackendOptions,
        provider: Provider,
    ) -> Result<Option<KeyReference>, (&'static str, String)> {
        let written = options.api_key.as_deref().unwrap_or_default();
        let reference = KeyReference::parse(written, self.environment)
            .map_err(|reason| ("api_key", reason.to_owned()))?;
        let path = ["backends", name, "api_key"];
        match &reference {
            Some(KeyReference::Literal(_)) => self.warn(
                &path,
                "holds the key itself; `arawn secret set NAME` and \"$keyring:NAME\" keep it out of files",
            ),
            Some(KeyReference::File(file)) if secrets::is_open_to_others(file) => {
                let message = format!("names \"{}\", which others may read; `chmod 600` it", file.display());
                self.warn(&path, message);
            }
            _ => {}
        }
        let well_known =
            provider.key_variable().filter(|name| self.environment.var(name).is_some());
        Ok(reference.or_else(|| well_known.map(|name| KeyReference::Env(name.to_owned()))))
    }

    fn headers(
        &mut self,
        name: &str,
        options: &BackendOptions,
    ) -> Result<BTreeMap<String, String>, (&'static str, String)> {
        let mut headers = BTreeMap::new();
        for (header, value) in &options.headers {
            let value = match value.strip_prefix("$env:") {
                Some(variable) => self.environment.var(variable.trim()).ok_or_else(|| {
                    (
                        "headers",
                        format!("need environment variable \"{variable}\", which is not set"),
                    )
                })?,
                None => value.trim(),
            };
            if let Some(reason) = bad_header(header, value) {
                self.warn(&["backends", name, "headers", header], reason);
                continue;
            }
            headers.insert(header.clone(), value.to_owned());
        }
        Ok(headers)
    }

    /// References outside the backends are checked as theirs are, so that a typing error does not wait.
    fn check_references(&mut self) {
        let path = ["embeddings", "openai", "api_key"];
        let written = self.options.embeddings.openai.api_key.clone().unwrap_or_default();
        match KeyReference::parse(&written, self.environment) {
            Ok(Some(KeyReference::Literal(_))) => {
                self.warn(&path, "holds the key itself; use \"$keyring:NAME\"");
            }
            Ok(_) => {}
            Err(reason) => self.warn(&path, reason),
        }
        let indexing = self.options.memory.indexing.backend.clone();
        let embeddings = self.options.embeddings.backend.clone();
        for (path, name, other) in [
            (["memory", "indexing", "backend"].as_slice(), indexing, "default"),
            (&["embeddings", "backend"], embeddings, "local"),
        ] {
            if let Some(name) = name.filter(|name| name != other && !self.is_defined(name)) {
                let message = self.unknown_backend(&name);
                self.warn(path, message);
            }
        }
    }

    /// A table for `openai` and no word about the backend means `openai`.
    fn embeddings(&self) -> EmbeddingSettings {
        let written = |text: &Option<String>| {
            text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let options = &self.options.embeddings;
        // A reference that is wrong was warned about already.
        let key = options.openai.api_key.as_deref().unwrap_or_default();
        let openai_key = KeyReference::parse(key, self.environment).ok().flatten();
        let openai_model = written(&options.openai.model);
        let source = match written(&options.backend).as_deref() {
            Some("local") => EmbeddingSource::Local,
            Some(name) => EmbeddingSource::Backend(name.into()),
            None if openai_key.is_some() || openai_model.is_some() => {
                EmbeddingSource::Backend("openai".into())
            }
            None => EmbeddingSource::Local,
        };
        EmbeddingSettings { source, model: written(&options.model), openai_key, openai_model }
    }

    fn server(&mut self) -> ServerSettings {
        let path = ["server", "token"];
        let written = self.options.server.token.clone().unwrap_or_default();
        let token = KeyReference::parse(&written, self.environment);
        match &token {
            Ok(Some(KeyReference::Literal(_))) => self.warn(
                &path,
                "holds the token itself; `arawn secret set NAME` and \"$keyring:NAME\" keep it out of files",
            ),
            Ok(Some(KeyReference::File(file))) if secrets::is_open_to_others(file) => {
                let message = format!("names \"{}\", which others may read; `chmod 600` it", file.display());
                self.warn(&path, message);
            }
            Ok(_) => {}
            Err(reason) => self.warn(&path, *reason),
        }
        ServerSettings {
            port: self.options.server.port.and_then(|port| u16::try_from(port).ok()),
            token: token.map_err(str::to_owned),
        }
    }

    fn is_defined(&self, name: &str) -> bool {
        name == local::BACKEND || self.options.backends.contains_key(name)
    }

    fn known_backends(&self) -> Vec<String> {
        let written = self.options.backends.keys().cloned();
        let managed = self.local.is_set_up().then(|| local::BACKEND.to_owned());
        let mut names: Vec<String> = written.chain(managed).collect();
        names.sort();
        names.dedup();
        names
    }

    fn unknown_backend(&self, name: &str) -> String {
        let known = self.known_backends();
        let near = nearest(name, known.iter().map(String::as_str));
        let guess = near.map_or(String::new(), |near| format!(" Did you mean \"{near}\"?"));
        format!("names unknown backend {name:?}; it is ignored.{guess} Known: {}", known.join(", "))
    }

    fn tasks(&mut self) -> Result<BTreeMap<Task, TaskSettings>, ConfigError> {
        let mut tasks = BTreeMap::new();
        for task in Task::ALL {
            let options = self.options.tasks.of(task).clone();
            if options != TaskOptions::default() {
                let chain = self.chain(&["tasks", task.as_str()])?;
                tasks.insert(task, TaskSettings { chain, max_tokens: options.max_tokens });
            }
        }
        Ok(tasks)
    }

    /// The chain of `[llm]`, or of a task, which takes from `[llm]` what it leaves out.
    fn chain(&mut self, table: &[&str]) -> Result<Chain, ConfigError> {
        let (merged, key) =
            (self.merged, |name| table.iter().copied().chain([name]).collect::<Vec<_>>());
        let own_or_llm = |name: &'static str| {
            let own = key(name);
            if merged.at(&own).is_some() { own } else { vec!["llm", name] }
        };
        let first_key = own_or_llm("backend");
        let first = merged.text_at(&first_key).unwrap_or("ollama");
        if !self.is_defined(first) {
            return Err(self.unknown_first(&first_key, first));
        }
        let own_backend =
            first_key[0] == table[0] && merged.text_at(&["llm", "backend"]) != Some(first);
        let model_key = if own_backend { key("model") } else { own_or_llm("model") };
        let model = merged.text_at(&model_key).map(str::trim).filter(|model| !model.is_empty());
        let mut links = vec![Link { backend: first.into(), model: model.map(str::to_owned) }];
        let fallback_key = own_or_llm("fallback");
        let names = merged.at(&fallback_key).and_then(Node::leaf).and_then(toml::Value::as_array);
        for name in names.into_iter().flatten().filter_map(toml::Value::as_str) {
            if !self.is_defined(name) {
                // Said once, for the table that the list stands in.
                if fallback_key[0] == table[0] {
                    let message = self.unknown_backend(name);
                    self.warn(&fallback_key, message);
                }
            } else if links.iter().all(|link| link.backend.as_str() != name) {
                links.push(Link { backend: name.into(), model: None });
            }
        }
        let is_named = links.iter().any(|link| link.backend.as_str() == local::BACKEND);
        let own_server = self.options.backends.get(local::BACKEND);
        let is_ours = own_server.is_none_or(|options| is_managed(local::BACKEND, options));
        if is_named && is_ours && !self.local.is_set_up() {
            let is_first = first == local::BACKEND;
            let key = if is_first { &first_key } else { &fallback_key };
            // Said once, for the table that names it.
            if key[0] == table[0] {
                let key = key.clone();
                self.warn(
                    &key,
                    "names \"local\", and the local engine is not set up; run `arawn local setup`",
                );
            }
        }
        if !is_named && self.local.is_set_up() && self.local.in_every_chain {
            links.push(Link { backend: local::BACKEND.into(), model: None });
        }
        self.usable(links, &first_key)
    }

    fn usable(&self, mut links: Vec<Link>, key: &[&str]) -> Result<Chain, ConfigError> {
        let reason = self.unusable.get(&links[0].backend).cloned().unwrap_or_default();
        links.retain(|link| self.backends.contains_key(&link.backend));
        if links.is_empty() {
            return Err(ConfigError::NoUsableBackend { key: dotted(key), reason });
        }
        Ok(Chain { links })
    }

    fn unknown_first(&self, key: &[&str], name: &str) -> ConfigError {
        let origin = self.merged.at(key).map(|node| node.origin.to_string()).unwrap_or_default();
        let known = self.known_backends();
        ConfigError::UnknownBackend { origin, key: dotted(key), name: name.to_owned(), known }
    }
}

/// Whether a table `[backends.NAME]` is about the engine that arawn manages.
fn is_managed(name: &str, options: &BackendOptions) -> bool {
    name == local::BACKEND && options.base_url.is_none()
}

/// The local engine as a backend. Its address is known when it runs, and nothing is sent before.
fn local_backend(
    name: BackendName,
    options: &BackendOptions,
    local: &Arc<LocalSettings>,
) -> BackendSettings {
    let usual = Clocks::for_place(Place::Local);
    let seconds = |seconds: Option<u32>, usual: Duration| {
        seconds.map_or(usual, |seconds| Duration::from_secs(seconds.into()))
    };
    let own = options.model.clone().filter(|model| !model.trim().is_empty());
    BackendSettings {
        name,
        dialect: Dialect::Openai,
        provider: Provider::Other,
        base_url: Url::parse("http://localhost/v1").expect("it is an address"),
        base_url_text: "the local engine".to_owned(),
        model: own.or_else(|| local.models.first().map(|model| model.name.clone())),
        max_tokens: options.max_tokens.or(Some(LOCAL_MAX_TOKENS)),
        temperature: options.temperature,
        api_key: None,
        headers: BTreeMap::new(),
        place: Place::Local,
        clocks: Clocks {
            connect: seconds(options.connect_timeout, usual.connect),
            first_byte: seconds(options.first_byte_timeout, usual.first_byte),
            idle: seconds(options.idle_timeout, usual.idle),
        },
        context_length: local.context,
        keep_alive: None,
        engine: Some(Engine::Asleep(local.clone())),
    }
}

/// Why a header cannot be sent; the value is not repeated.
fn bad_header(name: &str, value: &str) -> Option<&'static str> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(is_token) {
        return Some("is no name of a header; it is ignored");
    }
    if value.starts_with("$keyring:") || value.starts_with("$file:") {
        return Some("can be \"$env:VARIABLE\" or the value itself; it is ignored");
    }
    if value.chars().any(|c| c.is_control() || !c.is_ascii()) {
        return Some("holds characters that cannot be in a header; it is ignored");
    }
    let own = [
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "content-type",
        "accept-encoding",
    ];
    own.iter()
        .any(|own| name.eq_ignore_ascii_case(own))
        .then_some("is set by arawn itself; it is ignored")
}

/// The fields of an action as they would stand in the front matter of a file.
fn action_settings(id: String, options: ActionOptions) -> ActionSettings {
    let fields = [
        ("title", options.title),
        ("task", options.task.map(|task| task.to_string())),
        ("kind", options.kind),
        ("output", options.output),
        ("languages", options.languages.map(|languages| languages.join(", "))),
        ("input", options.input.map(|input| input.to_string())),
        ("infill", options.infill.map(|infill| infill.to_string())),
        ("file", options.file.clone()),
        ("template", options.template),
    ];
    let fields = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    ActionSettings { id, fields: fields.collect() }
}
