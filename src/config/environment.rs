//! What the process was started with, as a value: variables, home and working folder.
//!
//! Captured once at the rim and passed down, so that nothing else reads the real environment and every
//! test brings its own.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Variables, home and working folder of the process. `Debug` shows the names of variables only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// All variables whose names and values are Unicode.
    pub vars: BTreeMap<String, String>,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// Where the process was started.
    pub working_folder: PathBuf,
    /// This program, to start it once more; `None` where another program uses arawn as a library.
    pub program: Option<PathBuf>,
}

impl Environment {
    /// Reads the environment of the process.
    pub fn capture() -> Self {
        let vars: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let home = std::env::home_dir().filter(|home| home.is_absolute());
        let working_folder = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        Self { vars, home, working_folder, program: program() }
    }

    /// An environment of exactly these variables.
    pub fn of<'a>(home: &Path, vars: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let vars = vars.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { vars, home: Some(home.to_owned()), working_folder: home.to_owned(), program: None }
    }

    /// A variable without surrounding white space; `None` if it is not set or empty.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Where the user's configuration lies; `None` without a home.
    pub fn config_folder(&self) -> Option<PathBuf> {
        let platform = if cfg!(windows) { "APPDATA" } else { "" };
        self.folder("XDG_CONFIG_HOME", platform, ".config")
    }

    /// Where answers, logs and trust are kept; `None` without a home.
    pub fn state_folder(&self) -> Option<PathBuf> {
        let platform = if cfg!(windows) { "LOCALAPPDATA" } else { "" };
        self.folder("XDG_STATE_HOME", platform, ".local/state")
    }

    /// Where what was installed is kept; `None` without a home.
    pub fn data_folder(&self) -> Option<PathBuf> {
        let platform = if cfg!(windows) { "LOCALAPPDATA" } else { "" };
        self.folder("XDG_DATA_HOME", platform, ".local/share")
    }

    /// Where all programs keep the user's configuration; `None` without a home.
    pub fn config_root(&self) -> Option<PathBuf> {
        self.config_folder()?.parent().map(Path::to_owned)
    }

    /// Where all programs keep what they installed; `None` without a home.
    pub fn data_root(&self) -> Option<PathBuf> {
        self.data_folder()?.parent().map(Path::to_owned)
    }

    /// A program on PATH.
    pub fn find_program(&self, name: &str) -> Option<PathBuf> {
        let endings: &[&str] = if cfg!(windows) { &[".exe", ".cmd", ".bat"] } else { &[""] };
        let folders = self.var("PATH").map(std::env::split_paths)?;
        folders
            .filter(|folder| folder.is_absolute())
            .flat_map(|folder| {
                endings.iter().map(move |ending| folder.join(format!("{name}{ending}")))
            })
            .find(|path| is_program(path))
    }

    /// How other programs start this one: by its name where PATH leads to it, else by its path.
    pub fn own_command(&self) -> String {
        let own = self.program.as_ref().and_then(|program| program.canonicalize().ok());
        let on_path = self.find_program("arawn");
        match (own, on_path) {
            (Some(own), None) => own.display().to_string(),
            _ => "arawn".to_owned(),
        }
    }

    /// A path as people write it: below the home folder with `~`.
    pub fn shown(&self, path: &Path) -> String {
        let below = self.home.as_ref().and_then(|home| path.strip_prefix(home).ok());
        match below {
            Some(below) if below.as_os_str().is_empty() => "~".to_owned(),
            Some(below) => format!("~{}{}", std::path::MAIN_SEPARATOR, below.display()),
            None => path.display().to_string(),
        }
    }

    /// A path as the user wrote it: `~` expanded, relative ones taken from the working folder.
    pub fn path(&self, written: &str) -> PathBuf {
        let home = self.home.as_deref();
        let expanded = match (home, written.strip_prefix("~/"), written) {
            (Some(home), Some(rest), _) => home.join(rest),
            (Some(home), None, "~") => home.to_owned(),
            _ => PathBuf::from(written),
        };
        self.working_folder.join(expanded)
    }

    /// The XDG specification has relative values ignored; empty ones are relative.
    fn folder(&self, xdg: &str, platform: &str, below_home: &str) -> Option<PathBuf> {
        let named =
            [xdg, platform].into_iter().filter_map(|name| self.var(name)).map(PathBuf::from);
        named
            .into_iter()
            .find(|folder| folder.is_absolute())
            .or_else(|| self.home.as_ref().map(|home| home.join(below_home)))
            .map(|folder| folder.join("arawn"))
    }
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// On Linux by a name that holds while the file is replaced by a newer version.
fn program() -> Option<PathBuf> {
    if cfg!(target_os = "linux") {
        return Some(PathBuf::from("/proc/self/exe"));
    }
    std::env::current_exe().ok()
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("vars", &self.vars.keys())
            .field("home", &self.home)
            .field("working_folder", &self.working_folder)
            .field("program", &self.program)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_follow_the_xdg_variables_and_ignore_relative_ones() {
        let home = Path::new("/home/ann");
        let plain = Environment::of(home, []);
        assert_eq!(plain.config_folder(), Some("/home/ann/.config/arawn".into()));
        assert_eq!(plain.state_folder(), Some("/home/ann/.local/state/arawn".into()));
        let set =
            Environment::of(home, [("XDG_CONFIG_HOME", "/etc/ann"), ("XDG_STATE_HOME", "state")]);
        assert_eq!(set.config_folder(), Some("/etc/ann/arawn".into()));
        assert_eq!(set.state_folder(), Some("/home/ann/.local/state/arawn".into()));
    }

    #[test]
    fn an_empty_variable_is_not_set_and_white_space_goes() {
        let environment = Environment::of(Path::new("/h"), [("A", "  "), ("B", " b\n")]);
        assert_eq!(environment.var("A"), None);
        assert_eq!(environment.var("B"), Some("b"));
    }

    #[test]
    fn debug_shows_no_values() {
        let environment = Environment::of(Path::new("/h"), [("OPENAI_API_KEY", "sk-canary")]);
        let text = format!("{environment:?}");
        assert!(text.contains("OPENAI_API_KEY") && !text.contains("canary"), "{text}");
    }

    #[test]
    fn paths_below_the_home_are_shown_with_a_tilde() {
        let environment = Environment::of(Path::new("/h"), []);
        assert_eq!(
            environment.shown(Path::new("/h/a")),
            format!("~{}a", std::path::MAIN_SEPARATOR)
        );
        assert_eq!(environment.shown(Path::new("/hot/a")), "/hot/a");
    }

    #[cfg(unix)]
    #[test]
    fn a_program_is_found_in_the_first_absolute_folder_that_has_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hx");
        std::fs::write(&path, "").unwrap();
        let search = format!("bin:{}", folder.path().display());
        let environment = Environment::of(folder.path(), [("PATH", search.as_str())]);
        assert_eq!(environment.find_program("hx"), None, "it may not be run");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(environment.find_program("hx"), Some(path));
        assert_eq!(environment.own_command(), "arawn");
    }

    #[test]
    fn a_tilde_is_the_home_folder() {
        let environment = Environment::of(Path::new("/h"), []);
        assert_eq!(environment.path("~/key"), Path::new("/h/key"));
        assert_eq!(environment.path("key"), Path::new("/h/key"));
        assert_eq!(environment.path("/key"), Path::new("/key"));
    }
}
