//! Configuration: layers of options as written, and the settings the program runs with.

mod settings;

pub use settings::{
    ActionSettings, BackendSettings, Chain, Clocks, CloudPolicy, Dialect, Link, Place,
    PrivacySettings, Provider, Settings, TaskSettings,
};
