//! Packages from the Python index: asked of pip, which knows the user's mirror, proxy and certificates.
//!
//! Nothing is installed into any Python: packages are downloaded, held against the hashes that this program
//! knows, and unpacked into arawn's own folder.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::process::Command;
use tokio::time::sleep;

use super::{SetupError, SetupProgress, Watch};
use crate::config::Environment;

/// How often the size of a download is looked at.
const BEAT: Duration = Duration::from_millis(150);

/// A package as it is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Package {
    /// Its name in the index.
    pub(super) name: &'static str,
    /// The version.
    pub(super) version: &'static str,
    /// SHA-256 of the files that are accepted, one a platform.
    pub(super) hashes: &'static [&'static str],
    /// Size of the download, roughly.
    pub(super) bytes: u64,
    /// Size of what is unpacked, roughly.
    pub(super) unpacked: u64,
}

/// A Python with pip.
#[derive(Clone, Debug)]
pub(super) struct Python {
    /// The interpreter, outside of any virtual environment.
    pub(super) program: PathBuf,
    environment: Environment,
}

/// Tells version, interpreter, and whether pip is there.
const LOOK: &str = "import sys, os, importlib.util as u\n\
    print(sys.version_info >= (3, 10), u.find_spec('pip') is not None)\n\
    print(os.path.realpath(sys.executable))\n\
    print(sys.executable)";

impl Python {
    /// Finds one on PATH.
    pub(super) async fn find(environment: &Environment) -> Result<Self, SetupError> {
        let mut error = SetupError::NoPython;
        for program in ["python3", "python", "py"] {
            let mut command = Command::new(program);
            command.env_clear().envs(&environment.vars).args(["-c", LOOK]);
            let Ok(output) = command.stdin(Stdio::null()).output().await else { continue };
            let told = String::from_utf8_lossy(&output.stdout).into_owned();
            let mut lines = told.lines();
            match (lines.next(), lines.next(), lines.next()) {
                (Some("True True"), Some(real), Some(own)) => {
                    // A virtual environment has its own pip, and its interpreter may be gone tomorrow.
                    let real = PathBuf::from(real);
                    let program = if real.is_file() { real } else { PathBuf::from(own) };
                    let environment = environment.clone();
                    return Ok(Self { program, environment }.with_pip(own).await);
                }
                (Some("True False"), ..) => error = SetupError::NoPip,
                (Some("False True" | "False False"), ..) => {
                    error = SetupError::OldPython;
                }
                _ => {}
            }
        }
        Err(error)
    }

    /// The interpreter itself, unless only that of the virtual environment has pip.
    async fn with_pip(self, own: &str) -> Self {
        let mut command = self.command(&self.program);
        let has_pip = command.args(["-m", "pip", "--version"]).output().await;
        if has_pip.is_ok_and(|output| output.status.success()) {
            return self;
        }
        Self { program: PathBuf::from(own), ..self }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(&self.environment.vars).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Downloads a package into `folder`, which is emptied first, and gives its file.
    pub(super) async fn download(
        &self,
        package: &Package,
        folder: &Path,
        watch: &mut Watch<'_>,
    ) -> Result<PathBuf, SetupError> {
        let broken = |error: io::Error| SetupError::of_io(&error, folder);
        let _ = fs::remove_dir_all(folder);
        let temporary = folder.join("tmp");
        fs::create_dir_all(&temporary).map_err(broken)?;
        let mut wanted = format!("{}=={}", package.name, package.version);
        for hash in package.hashes {
            wanted.push_str(" --hash=sha256:");
            wanted.push_str(hash);
        }
        let list = folder.join("wanted.txt");
        fs::write(&list, wanted).map_err(broken)?;
        let mut command = self.command(&self.program);
        command
            .args(["-m", "pip", "--disable-pip-version-check", "--no-input", "download"])
            .args(["--no-deps", "--only-binary", ":all:", "--require-hashes", "--no-cache-dir"])
            .args(["--progress-bar", "off", "--quiet", "-d"])
            .arg(folder.join("got"))
            .arg("-r")
            .arg(&list)
            .env("TMPDIR", &temporary)
            .env("TEMP", &temporary)
            .env("TMP", &temporary)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|_| SetupError::NoPython)?;
        let mut stderr = child.stderr.take();
        let said = tokio::spawn(async move {
            let mut said = String::new();
            if let Some(stderr) = &mut stderr {
                let _ = tokio::io::AsyncReadExt::read_to_string(stderr, &mut said).await;
            }
            said
        });
        let status = loop {
            tokio::select! {
                status = child.wait() => break status,
                () = sleep(BEAT) => watch(SetupProgress::Bytes {
                    done: size_of(folder).min(package.bytes),
                    total: package.bytes,
                }),
            }
        };
        let said = said.await.unwrap_or_default();
        if !status.is_ok_and(|status| status.success()) {
            return Err(failure(&said, package, folder));
        }
        watch(SetupProgress::Bytes { done: package.bytes, total: package.bytes });
        let files = fs::read_dir(folder.join("got")).map_err(broken)?;
        let file = files.flatten().map(|entry| entry.path()).next();
        let file = file.ok_or_else(|| SetupError::NotOffered { what: package.name.to_owned() })?;
        // pip did that too; the word of a program that the user can replace is not enough here.
        if !package.hashes.contains(&sha256(&file).map_err(broken)?.as_str()) {
            return Err(SetupError::WrongHash { what: package.name.to_owned() });
        }
        Ok(file)
    }

    /// Unpacks a package.
    pub(super) async fn unpack(&self, file: &Path, into: &Path) -> Result<(), SetupError> {
        let mut command = self.command(&self.program);
        command.args(["-I", "-m", "zipfile", "-e"]).arg(file).arg(into);
        let output = command.output().await.map_err(|_| SetupError::NoPython)?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if is_about_space(&said) {
            return Err(SetupError::DiskFull { folder: into.to_owned() });
        }
        Err(SetupError::Failed { reason: last_line(&said) })
    }
}

/// What pip's words mean.
fn failure(said: &str, package: &Package, folder: &Path) -> SetupError {
    let what = format!("{} {}", package.name, package.version);
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if is_about_space(said) {
        return SetupError::DiskFull { folder: folder.to_owned() };
    }
    if has(&["DO NOT MATCH THE HASHES", "Hashes are required", "THESE PACKAGES DO NOT"]) {
        return SetupError::WrongHash { what };
    }
    if has(&[
        "Failed to establish a new connection",
        "Temporary failure in name resolution",
        "Connection refused",
        "Connection aborted",
        "Connection broken",
        "Connection reset",
        "IncompleteRead",
        "Read timed out",
        "ConnectTimeout",
        "ProxyError",
        "SSLError",
        "ProtocolError",
        "Network is unreachable",
        "incomplete-download",
        "Download failed",
    ]) {
        return SetupError::Interrupted { what, reason: last_line(said) };
    }
    if has(&["No matching distribution", "Could not find a version"]) {
        return SetupError::NotOffered { what };
    }
    SetupError::Failed { reason: last_line(said) }
}

pub(super) fn is_about_space(said: &str) -> bool {
    ["No space left on device", "Disk quota exceeded", "not enough space", "Errno 28", "Errno 122"]
        .iter()
        .any(|word| said.contains(word))
}

/// The last line that says something.
fn last_line(said: &str) -> String {
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let told: Vec<&str> = lines.filter(|line| !line.contains("[notice]")).collect();
    let error = told.iter().rev().find(|line| line.starts_with("ERROR:")).or(told.last());
    error
        .map_or("pip gave no reason", |line| line.trim_start_matches("ERROR:").trim())
        .chars()
        .take(300)
        .collect()
}

/// Size of all files below a folder.
pub(super) fn size_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => size_of(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}

/// The SHA-256 of a file, in hexadecimal.
pub(super) fn sha256(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            n_bytes => hash.update(&buffer[..n_bytes]),
        }
    }
    Ok(crate::engine::hex(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGE: Package =
        Package { name: "p", version: "1", hashes: &[], bytes: 1, unpacked: 1 };

    fn failed(said: &str) -> SetupError {
        failure(said, &PACKAGE, Path::new("/data"))
    }

    #[test]
    fn the_words_of_pip_become_one_sentence() {
        let full = failed(
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
        );
        assert!(matches!(full, SetupError::DiskFull { .. }), "{full}");
        let wrong =
            failed("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.");
        assert!(matches!(wrong, SetupError::WrongHash { .. }), "{wrong}");
        let none = failed("ERROR: Could not find a version that satisfies the requirement p==1");
        assert!(matches!(none, SetupError::NotOffered { .. }), "{none}");
        let cut =
            failed("urllib3.exceptions.ProtocolError: ('Connection broken: IncompleteRead(1)')");
        assert!(matches!(cut, SetupError::Interrupted { .. }), "{cut}");
        let other = failed("WARNING: x\nERROR: something else\n[notice] new pip");
        assert_eq!(other, SetupError::Failed { reason: "something else".to_owned() });
    }
}
