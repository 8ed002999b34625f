//! Configuration: layers of options as written, and the settings the program runs with.
//!
//! [`load`] reads every layer, lets layers that came with a repository narrow only, and resolves the rest.
//! Only this module and `secrets` read the environment, the home folder and the keyring.

mod options;

mod environment;
mod settings;
mod starter;

mod check;
mod endpoint;
mod layers;
mod load;
pub mod local;
mod merge;
mod narrow;
mod offered;
mod private_file;
mod problem;
mod reference;
mod resolve;
mod rules;
mod tree;
mod trust;
mod watch;

pub use environment::Environment;
pub use load::{Entry, LoadInputs, Loaded, candidate_files, load, workspace_root};
pub use local::LocalSettings;
pub use offered::editor_settings;
pub use options::Options;
pub(crate) use private_file::write as write_private;
pub(crate) use problem::dotted;
pub use problem::{ConfigError, Warning};
pub use reference::{readme_table, reference_markdown, schema};
pub use rules::{RulesFile, UnreadRules};
pub use settings::{
    ActionSettings, BackendSettings, Chain, Clocks, CloudPolicy, Dialect, EditSettings,
    EmbeddingSettings, EmbeddingSource, Engine, Link, Place, Preview, PrivacySettings, Provider,
    ServerSettings, Settings, TaskSettings,
};
pub use starter::{Choices, PROJECT_STARTER, STARTER, write_starter};
pub use tree::{Origin, Source};
pub use trust::{Project, TrustStore};
pub use watch::{Watcher, watch};

pub(crate) use layers::reason as io_reason;
