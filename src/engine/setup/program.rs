//! The engine's program: the one there is, or one that is brought, and in either case one that was started once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::python::{Package, Python};
use super::{SetupError, SetupProgress, Watch};
use crate::config::local::{EngineProgram, EngineSource, Record};
use crate::config::{LocalSettings, write_private};

/// The engine as a package: llama.cpp's server for processors of the last ten years.
pub(super) const ENGINE: Package = Package {
    name: "xllamacpp",
    version: "2026.10.11549",
    hashes: &[
        "c54e7d13520ecc989c63dc99d55de3065e2f343a91f43f053d16b5e62077c261",
        "e2a3e79e775515de4ad197e667f874070446ef9ac9cf2044bc9866bc4c72289e",
        "4ecda27a308b2403aa13c9d04b270befab95edc556c24ed00b2f8a98bd7f6781",
        "1f2a08052bb653659bcf1bedbbaf86b97f41dd46aa2763d596d7f27c5d89a689",
        "1b76730ab9af47ec8d05a3d55154305fa92642f694dd9ad87d9e5a5e9956a59d",
    ],
    bytes: 33_827_498,
    unpacked: 106_000_000,
};
/// The program that makes an engine of the package.
const SERVE: &str = include_str!("serve.py");
/// Patience with an engine that is asked for its version.
const VERSION_LIMIT: Duration = Duration::from_secs(20);

/// Why an engine does not tell its version.
enum Untold {
    /// It takes too long, which may be the machine's fault.
    Late,
    /// It cannot be started, or ends with a complaint.
    Broken(String),
}

/// Gives the engine that was found, else brings the package; either was started once.
///
/// What came of the package is written down at once: a model that does not come takes no engine along. One
/// that does not start any more is forgotten, so that the next setup does not take it for whole.
pub(super) async fn bring(
    found: Option<&EngineProgram>,
    package: &Package,
    local: &LocalSettings,
    watch: &mut Watch<'_>,
) -> Result<EngineProgram, SetupError> {
    let engine = match found {
        Some(engine) => engine.clone(),
        None => install(package, local, watch).await?,
    };
    let is_ours = engine.source == EngineSource::Setup;
    if is_ours {
        renew_serve(&engine, package, local)?;
    }
    let fails = |reason: &str| SetupError::DoesNotRun {
        reason: format!("the engine cannot be started: {reason}"),
    };
    match version_of(&engine, local).await {
        Ok(version) => {
            let engine = EngineProgram { version, ..engine };
            if is_ours {
                remember(Some(engine.clone()), local)?;
            }
            Ok(engine)
        }
        Err(Untold::Broken(reason)) if is_ours && found.is_some() => {
            remember(None, local)?;
            Err(SetupError::NotWhole { reason })
        }
        Err(Untold::Broken(reason)) => Err(fails(&reason)),
        Err(Untold::Late) => Err(fails("it does not tell its version")),
    }
}

fn remember(engine: Option<EngineProgram>, local: &LocalSettings) -> Result<(), SetupError> {
    let folder = &local.data_folder;
    let mut record = Record::read(folder).unwrap_or_default();
    if record.engine == engine {
        return Ok(());
    }
    record.engine = engine;
    record.write(folder).map_err(|error| SetupError::of_io(&error, folder))
}

/// Where the package is unpacked to.
fn home_of(package: &Package, local: &LocalSettings) -> PathBuf {
    local.data_folder.join(format!("{}-{}", package.name, package.version))
}

/// Downloads and unpacks the engine; it is there whole, or not at all.
async fn install(
    package: &Package,
    local: &LocalSettings,
    watch: &mut Watch<'_>,
) -> Result<EngineProgram, SetupError> {
    let python = Python::find(&local.environment).await?;
    let home = home_of(package, local);
    let part = local.data_folder.join("engine.part");
    let broken = |error: std::io::Error| SetupError::of_io(&error, &part);
    watch(SetupProgress::Step("downloading llama.cpp's server".to_owned()));
    let wheel = python.download(package, &part, watch).await?;
    watch(SetupProgress::Step("unpacking it".to_owned()));
    let unpacked = part.join("unpacked");
    python.unpack(&wheel, &unpacked).await?;
    fs::write(unpacked.join("serve.py"), SERVE).map_err(broken)?;
    let _ = fs::remove_dir_all(&home);
    fs::rename(&unpacked, &home).map_err(broken)?;
    let _ = fs::remove_dir_all(&part);
    let words = |path: &Path| path.display().to_string();
    Ok(EngineProgram {
        // Isolated: nothing of the user's Python reaches in, and nothing is written beside the package.
        command: vec![
            words(&python.program),
            "-I".to_owned(),
            "-B".to_owned(),
            words(&home.join("serve.py")),
        ],
        version: None,
        source: EngineSource::Setup,
    })
}

/// An older arawn may have put another program beside the same package.
fn renew_serve(
    engine: &EngineProgram,
    package: &Package,
    local: &LocalSettings,
) -> Result<(), SetupError> {
    let path = home_of(package, local).join("serve.py");
    let is_started = engine.command.iter().any(|part| Path::new(part) == path);
    if !is_started || fs::read(&path).is_ok_and(|text| text == SERVE.as_bytes()) {
        return Ok(());
    }
    write_private(&path, SERVE.as_bytes()).map_err(|error| SetupError::of_io(&error, &path))
}

/// Asks the engine for its version, which shows whether it can be started at all.
async fn version_of(
    engine: &EngineProgram,
    local: &LocalSettings,
) -> Result<Option<String>, Untold> {
    let mut command = command_of(engine, local);
    let output = timeout(VERSION_LIMIT, command.arg("--version").output()).await;
    let output = output.map_err(|_| Untold::Late)?;
    let output = output.map_err(|error| Untold::Broken(error.to_string()))?;
    // llama-server tells it on stderr.
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if !output.status.success() {
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        return Err(Untold::Broken(format!("{last} ({})", output.status)));
    }
    let told = said.lines().find(|line| line.starts_with("version") || line.starts_with('b'));
    Ok(told.map(|line| line.trim().to_owned()))
}

/// The engine with the variables of the process, ready for its arguments.
pub(super) fn command_of(engine: &EngineProgram, local: &LocalSettings) -> Command {
    let mut command = Command::new(engine.command.first().map_or("", String::as_str));
    command.args(engine.command.iter().skip(1));
    command.env_clear().envs(&local.environment.vars).stdin(Stdio::null()).kill_on_drop(true);
    command
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::process::Command;
    use std::sync::Arc;

    use super::*;
    use crate::config::{self, Environment, LoadInputs};
    use crate::engine::setup::{Plan, Step, Wish, carry_out, plan, python};

    /// A home, with an index that is a folder and has a package in place of the engine's.
    struct Home {
        folder: tempfile::TempDir,
        package: Package,
    }

    impl Home {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let module = include_str!("../../../tests/local/fake_xllamacpp.py");
            let wheel = wheel(folder.path(), module);
            let hash = python::sha256(&wheel).unwrap();
            let package = Package { hashes: vec![&*hash.leak()].leak(), bytes: 1, ..ENGINE };
            Self { folder, package }
        }

        fn local(&self) -> Arc<LocalSettings> {
            let index = self.folder.path().join("index").display().to_string();
            let own = Environment::capture();
            let vars = [
                // Python is that of whoever runs the test.
                ("PATH", own.var("PATH").unwrap()),
                ("HOME", self.folder.path().to_str().unwrap()),
                ("PIP_NO_INDEX", "1"),
                ("PIP_FIND_LINKS", &index),
                // Nobody listens there, so that no model comes.
                ("HF_ENDPOINT", "http://127.0.0.1:9"),
            ];
            let environment = Arc::new(Environment::of(self.folder.path(), vars));
            config::load(&LoadInputs { environment, ..LoadInputs::default() })
                .unwrap()
                .settings
                .local
        }

        fn plan(&self) -> Plan {
            let wish = Wish::HuggingFace {
                repository: "ann/tiny".to_owned(),
                file: Some("m.gguf".to_owned()),
            };
            let mut plan = plan(&self.local(), wish).unwrap();
            plan.package = self.package;
            plan
        }

        /// A setup; gives what was wrong.
        async fn fails(&self) -> SetupError {
            carry_out(&self.local(), &self.plan(), &mut |_| {}).await.unwrap_err()
        }

        #[track_caller]
        fn check_engine(&self, is_there: bool) {
            let engine = self.plan().engine;
            assert_eq!(matches!(engine, Step::Have(_)), is_there, "{engine:?}");
        }

        fn empty_index(&self) {
            fs::remove_dir_all(self.folder.path().join("index")).unwrap();
        }

        fn file(&self, name: &str) -> PathBuf {
            home_of(&self.package, &self.local()).join(name)
        }
    }

    /// A package with one module, in the folder `index`.
    fn wheel(folder: &Path, module: &str) -> PathBuf {
        let told = format!("{}-{}.dist-info", ENGINE.name, ENGINE.version);
        let content = folder.join("content");
        fs::create_dir_all(content.join(&told)).unwrap();
        fs::create_dir_all(folder.join("index")).unwrap();
        let write = |name: String, text: &str| fs::write(content.join(name), text).unwrap();
        write(format!("{}.py", ENGINE.name), module);
        let metadata =
            format!("Metadata-Version: 2.1\nName: {}\nVersion: {}\n", ENGINE.name, ENGINE.version);
        write(format!("{told}/METADATA"), &metadata);
        write(
            format!("{told}/WHEEL"),
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        );
        write(format!("{told}/RECORD"), "");
        let name = format!("index/{}-{}-py3-none-any.whl", ENGINE.name, ENGINE.version);
        let wheel = folder.join(name);
        let mut zip = Command::new("python3");
        zip.args(["-m", "zipfile", "-c"]).arg(&wheel).arg(format!("{}.py", ENGINE.name)).arg(told);
        assert!(zip.current_dir(content).status().unwrap().success());
        wheel
    }

    #[track_caller]
    fn check_no_model(error: &SetupError) {
        let SetupError::Interrupted { what, reason } = error else { panic!("{error}") };
        assert_eq!(what, "hf:ann/tiny:m.gguf");
        assert!(reason.contains("cannot be reached"), "{reason}");
    }

    #[tokio::test]
    async fn an_engine_stays_when_the_model_does_not_come() {
        // It was fetched again by every further try.
        let home = Home::new();
        home.check_engine(false);
        check_no_model(&home.fails().await);
        home.check_engine(true);
        assert!(!home.local().is_set_up(), "without a model there is nothing to ask");
        home.empty_index();
        check_no_model(&home.fails().await);
    }

    #[tokio::test]
    async fn what_lies_there_half_is_not_taken_for_an_engine() {
        let home = Home::new();
        let part = home.local().data_folder.join("engine.part/unpacked");
        fs::create_dir_all(&part).unwrap();
        fs::create_dir_all(home.file("")).unwrap();
        fs::write(home.file("serve.py"), SERVE).unwrap();
        home.check_engine(false);
        check_no_model(&home.fails().await);
        assert!(home.file("xllamacpp.py").exists());
        assert!(!part.exists());
    }

    #[tokio::test]
    async fn an_engine_of_another_hash_is_not_written_down() {
        let mut home = Home::new();
        home.package = Package { hashes: ENGINE.hashes, ..home.package };
        let error = home.fails().await;
        assert!(matches!(error, SetupError::WrongHash { .. }), "{error}");
        home.check_engine(false);
        assert!(!home.file("").exists());
    }

    #[tokio::test]
    async fn an_engine_that_lost_a_part_is_brought_anew() {
        let home = Home::new();
        check_no_model(&home.fails().await);
        fs::remove_file(home.file("xllamacpp.py")).unwrap();
        let error = home.fails().await;
        assert!(matches!(error, SetupError::NotWhole { .. }), "{error}");
        assert!(error.to_string().contains("No module named 'xllamacpp'"), "{error}");
        home.check_engine(false);
        check_no_model(&home.fails().await);
        home.check_engine(true);
    }

    #[tokio::test]
    async fn an_engine_of_an_older_arawn_is_started_by_the_program_of_this_one() {
        let home = Home::new();
        check_no_model(&home.fails().await);
        fs::write(home.file("serve.py"), "print('b1')\n").unwrap();
        check_no_model(&home.fails().await);
        assert_eq!(fs::read_to_string(home.file("serve.py")).unwrap(), SERVE);
    }
}
