//! A path that is known to lie inside the workspace, however it was written and whatever links it passes.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Component, Path, PathBuf};

/// A folder of the workspace, all links followed.
#[derive(Clone, Debug)]
pub(super) struct Root {
    path: PathBuf,
    /// What paths below it begin with, where there are several.
    name: String,
}

/// An existing file or folder inside the workspace. Can be made by [`resolve`] and [`found`] alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WorkspacePath {
    absolute: PathBuf,
    shown: String,
}

/// Why a path is not one of the workspace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotInside {
    /// It begins at the root of the file system or of a drive.
    #[error("\"{0}\" is absolute; name files relative to the workspace")]
    Absolute(String),
    /// It has `..` in it.
    #[error("\"{0}\" has `..` in it; name files relative to the workspace")]
    Upward(String),
    /// It has characters that no honest path has.
    #[error("the path has control characters or reserved names in it")]
    Malformed,
    /// It is of the version control system's own.
    #[error("\"{0}\" belongs to the version control system and is not shown")]
    Internal(String),
    /// A link leads out of the workspace.
    #[error("\"{0}\" leads out of the workspace")]
    Outside(String),
    /// There is nothing of that name.
    #[error("\"{0}\" is not there")]
    Absent(String),
    /// A device, a pipe, a socket.
    #[error("\"{0}\" is neither a file nor a folder")]
    Special(String),
    /// There is no workspace.
    #[error("no folder is open as a workspace")]
    NoWorkspace,
}

/// Folders of version control systems: their configuration can hold credentials.
const INTERNAL: [&str; 5] = [".git", ".hg", ".svn", ".jj", ".bzr"];

/// The folders of a workspace that are there.
pub(super) fn roots(workspace: &[PathBuf]) -> Vec<Root> {
    let mut roots: Vec<Root> = Vec::new();
    for path in workspace.iter().filter_map(|path| path.canonicalize().ok()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && roots.iter().all(|root| root.path != path) {
            roots.push(Root { path, name });
        }
    }
    roots
}

impl Root {
    /// The folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl WorkspacePath {
    /// The path with all links followed.
    pub(super) fn absolute(&self) -> &Path {
        &self.absolute
    }

    /// As the model and the user read it.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// What is there now, if it is still the file that was meant.
    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        fs::symlink_metadata(&self.absolute)
    }

    /// Opens the file: no link in its last part is followed, no pipe is waited for, and what was opened is
    /// compared with what the path now leads to, in case it was exchanged meanwhile.
    pub(super) fn open(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::custom_flags(
            &mut options,
            libc::O_NOFOLLOW | libc::O_NONBLOCK,
        );
        let file = options.open(&self.absolute)?;
        let opened = file.metadata()?;
        if !opened.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let is_same = self.absolute.canonicalize()? == self.absolute
            && is_same_file(&opened, &fs::symlink_metadata(&self.absolute)?);
        if is_same {
            Ok(file)
        } else {
            Err(io::Error::other("it was exchanged while it was opened"))
        }
    }
}

#[cfg(unix)]
fn is_same_file(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same_file(one: &Metadata, other: &Metadata) -> bool {
    one.file_type() == other.file_type() && one.len() == other.len()
}

/// The file or folder that a model means.
pub(super) fn resolve(roots: &[Root], requested: &str) -> Result<WorkspacePath, NotInside> {
    let named = || super::shortened(requested, 200);
    let relative = parts(requested)?;
    let candidates = candidates(roots, &relative);
    if candidates.is_empty() {
        return Err(NotInside::NoWorkspace);
    }
    let existing = candidates.into_iter().find_map(|path| path.canonicalize().ok());
    found(roots, &existing.ok_or_else(|| NotInside::Absent(named()))?).map_err(
        |error| match error {
            // Where a link leads is not the model's business.
            NotInside::Outside(_) => NotInside::Outside(named()),
            other => other,
        },
    )
}

/// The same of a path that was found on disk, or that the user named.
pub(super) fn found(roots: &[Root], path: &Path) -> Result<WorkspacePath, NotInside> {
    let shown = || super::shortened(&path.to_string_lossy(), 200);
    let absolute = path.canonicalize().map_err(|_| NotInside::Absent(shown()))?;
    let root = roots
        .iter()
        .filter(|root| absolute.starts_with(&root.path))
        .max_by_key(|root| root.path.as_os_str().len())
        .ok_or_else(|| NotInside::Outside(shown()))?;
    let below = absolute.strip_prefix(&root.path).map_err(|_| NotInside::Outside(shown()))?;
    let mut names: Vec<&str> = Vec::new();
    for part in below.components() {
        let name = part.as_os_str().to_str().ok_or(NotInside::Malformed)?;
        if is_internal(name) {
            return Err(NotInside::Internal(below.display().to_string()));
        }
        names.push(name);
    }
    if roots.len() > 1 {
        names.insert(0, &root.name);
    }
    let shown = if names.is_empty() { ".".to_owned() } else { names.join("/") };
    let kind = fs::symlink_metadata(&absolute).map_err(|_| NotInside::Absent(shown.clone()))?;
    if !kind.is_file() && !kind.is_dir() {
        return Err(NotInside::Special(shown));
    }
    Ok(WorkspacePath { absolute, shown })
}

/// The parts of a relative path, without those that mean nothing.
fn parts(requested: &str) -> Result<Vec<&str>, NotInside> {
    let named = || super::shortened(requested, 200);
    if requested.chars().any(char::is_control) {
        return Err(NotInside::Malformed);
    }
    let mut parts = Vec::new();
    for part in Path::new(requested.trim()).components() {
        match part {
            Component::Prefix(_) | Component::RootDir => return Err(NotInside::Absolute(named())),
            Component::ParentDir => return Err(NotInside::Upward(named())),
            Component::CurDir => {}
            Component::Normal(name) => {
                let name = name.to_str().ok_or(NotInside::Malformed)?;
                if is_internal(name) {
                    return Err(NotInside::Internal(named()));
                }
                if cfg!(windows) && is_reserved_on_windows(name) {
                    return Err(NotInside::Malformed);
                }
                parts.push(name);
            }
        }
    }
    Ok(parts)
}

/// Where a relative path may lead: with several folders its first part may name one of them.
fn candidates(roots: &[Root], parts: &[&str]) -> Vec<PathBuf> {
    let join = |root: &Root, parts: &[&str]| {
        parts.iter().fold(root.path.clone(), |path, part| path.join(part))
    };
    let mut candidates = Vec::new();
    if let ([_, _, ..], Some((first, rest))) = (roots, parts.split_first()) {
        candidates
            .extend(roots.iter().filter(|root| root.name == *first).map(|root| join(root, rest)));
    }
    candidates.extend(roots.iter().map(|root| join(root, parts)));
    candidates
}

/// Whether a name is that of a version control system's own folder.
pub(super) fn is_internal(name: &str) -> bool {
    // Some file systems take upper and lower case, or a name with dots and blanks behind it, for the same.
    let name = name.trim_end_matches(['.', ' ']);
    INTERNAL.iter().any(|internal| internal.eq_ignore_ascii_case(name))
        || name.eq_ignore_ascii_case("git~1")
}

/// Devices, streams of other files, and short names, all of which Windows takes for files.
fn is_reserved_on_windows(name: &str) -> bool {
    const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_lowercase();
    let is_port = (stem.starts_with("com") || stem.starts_with("lpt")) && stem.chars().count() == 4;
    name.contains([':', '~'])
        || name.ends_with(['.', ' '])
        || is_port
        || DEVICES.contains(&stem.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> (tempfile::TempDir, Vec<Root>) {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        fs::create_dir_all(work.join("src")).unwrap();
        fs::create_dir_all(work.join(".git")).unwrap();
        fs::create_dir_all(folder.path().join("work-of-another")).unwrap();
        fs::write(work.join("src/a.rs"), "a").unwrap();
        fs::write(work.join(".git/config"), "token").unwrap();
        fs::write(folder.path().join("work-of-another/secret"), "s").unwrap();
        fs::write(folder.path().join("outside"), "o").unwrap();
        let roots = roots(&[work]);
        (folder, roots)
    }

    #[test]
    fn files_inside_are_found_however_they_are_written() {
        let (_folder, roots) = workspace();
        for written in ["src/a.rs", "./src/a.rs", "src//a.rs", " src/a.rs ", "src/./a.rs"] {
            assert_eq!(resolve(&roots, written).unwrap().shown(), "src/a.rs", "{written}");
        }
        for written in ["", ".", "./"] {
            assert_eq!(resolve(&roots, written).unwrap().shown(), ".", "{written}");
        }
    }

    #[test]
    fn paths_that_lead_out_are_refused_before_they_are_looked_at() {
        let (folder, roots) = workspace();
        let absolute = folder.path().join("work/src/a.rs").display().to_string();
        let refused = |path: &str| resolve(&roots, path).unwrap_err();
        assert!(matches!(refused("../outside"), NotInside::Upward(_)));
        assert!(matches!(refused("src/../src/a.rs"), NotInside::Upward(_)));
        assert!(matches!(refused("../work-of-another/secret"), NotInside::Upward(_)));
        assert!(matches!(refused("/etc/passwd"), NotInside::Absolute(_)));
        assert!(matches!(refused("/proc/self/environ"), NotInside::Absolute(_)));
        assert!(matches!(refused(&absolute), NotInside::Absolute(_)));
        assert!(matches!(refused("src/absent.rs"), NotInside::Absent(_)));
        assert!(matches!(refused("src/a.rs/b"), NotInside::Absent(_)));
        for path in [".git/config", ".GIT/config", "src/.git", ".git./config"] {
            assert!(matches!(refused(path), NotInside::Internal(_)), "{path}");
        }
        for path in ["a\0b", "a\nb", "\u{1b}]0;x\u{7}"] {
            assert_eq!(refused(path), NotInside::Malformed);
        }
        let refusal = resolve(&[], "a").unwrap_err();
        assert_eq!(refusal, NotInside::NoWorkspace);
    }

    #[cfg(unix)]
    #[test]
    fn links_out_of_the_workspace_and_special_files_are_refused() {
        use std::os::unix::fs::symlink;
        let (folder, roots) = workspace();
        let work = folder.path().join("work");
        symlink("../outside", work.join("link")).unwrap();
        symlink(folder.path(), work.join("up")).unwrap();
        symlink("/dev/zero", work.join("zero")).unwrap();
        symlink("src", work.join("inner")).unwrap();
        symlink(".git", work.join("harmless")).unwrap();
        symlink("loop", work.join("loop")).unwrap();
        let refused = |path: &str| resolve(&roots, path).unwrap_err();
        for path in ["link", "up/outside", "up/work-of-another/secret", "zero"] {
            let refusal = refused(path);
            assert_eq!(refusal, NotInside::Outside(path.to_owned()));
            assert!(!refusal.to_string().contains(&*folder.path().to_string_lossy()));
        }
        assert!(matches!(refused("harmless/config"), NotInside::Internal(_)));
        assert!(matches!(refused("loop"), NotInside::Absent(_)));
        assert_eq!(resolve(&roots, "inner/a.rs").unwrap().shown(), "src/a.rs");
        assert_eq!(resolve(&roots, "up/work/src/a.rs").unwrap().shown(), "src/a.rs");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_refused_and_never_waited_for() {
        let (folder, roots) = workspace();
        let pipe = folder.path().join("work/pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(matches!(resolve(&roots, "pipe").unwrap_err(), NotInside::Special(_)));
        // A file that becomes a pipe after it was checked.
        let path = resolve(&roots, "src/a.rs").unwrap();
        fs::remove_file(path.absolute()).unwrap();
        fs::rename(&pipe, path.absolute()).unwrap();
        assert!(path.open().is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_is_exchanged_for_a_link_after_the_check_is_not_opened() {
        let (folder, roots) = workspace();
        let path = resolve(&roots, "src/a.rs").unwrap();
        fs::remove_file(path.absolute()).unwrap();
        std::os::unix::fs::symlink(folder.path().join("outside"), path.absolute()).unwrap();
        assert!(path.open().is_err());
        // The same with the folder around it.
        fs::remove_dir_all(folder.path().join("work/src")).unwrap();
        fs::write(folder.path().join("a.rs"), "elsewhere").unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("work/src")).unwrap();
        assert!(path.open().is_err());
    }

    #[test]
    fn with_several_folders_the_first_part_names_one() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        for (root, file) in [(&one, "a"), (&two, "b")] {
            fs::create_dir_all(root).unwrap();
            fs::write(root.join(file), file).unwrap();
        }
        let roots = roots(&[one.clone(), two, one]);
        assert_eq!(roots.len(), 2);
        assert_eq!(resolve(&roots, "two/b").unwrap().shown(), "two/b");
        assert_eq!(resolve(&roots, "b").unwrap().shown(), "two/b");
        assert!(resolve(&roots, "one/b").is_err());
    }
}
