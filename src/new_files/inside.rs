//! Whether a new file may be made at a path.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Why no file is made there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotThere {
    /// It lies outside the workspace and the document's folder, or a link leads out.
    #[error("{} lies outside the workspace", .0.display())]
    Outside(PathBuf),
    /// A folder on the way is hidden or belongs to a tool.
    #[error("{} lies in a protected folder", .0.display())]
    Protected(PathBuf),
    /// There is something that is no file, or a link.
    #[error("{} is there already and is no plain file", .0.display())]
    NoFile(PathBuf),
    /// It cannot be looked at.
    #[error("{} cannot be looked at", .0.display())]
    Unknown(PathBuf),
}

/// Folders whose content is made by tools.
const PROTECTED: [&str; 2] = ["node_modules", "__pycache__"];

/// Checks that `path` lies inside the workspace, or beside `document`, with all links followed.
///
/// Returns whether the file is there already.
pub fn check(path: &Path, document: &Path, workspace: &[PathBuf]) -> Result<bool, NotThere> {
    let folder = document.parent().unwrap_or(document);
    let roots = workspace.iter().map(PathBuf::as_path).chain([folder]);
    let roots: Vec<PathBuf> = roots.filter_map(|root| root.canonicalize().ok()).collect();
    let parent = path.parent().unwrap_or(path);
    if parent.components().any(|part| part == Component::ParentDir) {
        return Err(NotThere::Outside(path.to_owned()));
    }
    let existing = parent.ancestors().find(|folder| fs::symlink_metadata(folder).is_ok());
    let real = existing.and_then(|existing| {
        let below = parent.strip_prefix(existing).ok()?;
        Some(existing.canonicalize().ok()?.join(below))
    });
    let real = real.ok_or_else(|| NotThere::Unknown(path.to_owned()))?;
    let root = roots.iter().filter(|root| real.starts_with(root));
    let root = root.max_by_key(|root| root.as_os_str().len());
    let root = root.ok_or_else(|| NotThere::Outside(path.to_owned()))?;
    let below = real.strip_prefix(root).unwrap_or(&real);
    let is_protected = |part: Component<'_>| {
        let name = part.as_os_str().to_string_lossy();
        name.starts_with('.') || PROTECTED.contains(&&*name)
    };
    let is_hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
    if is_hidden || below.components().any(is_protected) {
        return Err(NotThere::Protected(path.to_owned()));
    }
    match fs::symlink_metadata(path) {
        Ok(facts) if facts.is_file() => Ok(true),
        Ok(_) => Err(NotThere::NoFile(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(_) => Err(NotThere::Unknown(path.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_files_stay_in_the_workspace_and_out_of_hidden_folders() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("w");
        fs::create_dir_all(root.join("src")).unwrap();
        fs::create_dir_all(root.join(".git")).unwrap();
        fs::write(root.join("src/a.py"), "").unwrap();
        fs::create_dir(root.join("src/test_b.py")).unwrap();
        let document = root.join("src/a.py");
        let checked = |path: &str| check(&root.join(path), &document, std::slice::from_ref(&root));
        assert_eq!(checked("src/test_a.py"), Ok(false));
        assert_eq!(checked("new/folder/test_a.py"), Ok(false));
        assert_eq!(checked("src/a.py"), Ok(true));
        assert!(matches!(checked("../test_a.py"), Err(NotThere::Outside(_))));
        assert!(matches!(checked("src/../../x.py"), Err(NotThere::Outside(_))));
        assert!(matches!(checked(".git/hooks"), Err(NotThere::Protected(_))));
        assert!(matches!(checked("src/.env"), Err(NotThere::Protected(_))));
        assert!(matches!(checked("src/test_b.py"), Err(NotThere::NoFile(_))));
        let elsewhere = folder.path().join("elsewhere/a.py");
        assert!(matches!(check(&elsewhere, &document, &[]), Err(NotThere::Outside(_))));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_never_written_over() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let (root, out) = (folder.path().join("w"), folder.path().join("out"));
        fs::create_dir_all(&root).unwrap();
        fs::create_dir_all(&out).unwrap();
        symlink(&out, root.join("tests")).unwrap();
        symlink("nowhere.py", root.join("test_a.py")).unwrap();
        let document = root.join("a.py");
        let checked = |path: &str| check(&root.join(path), &document, std::slice::from_ref(&root));
        assert!(matches!(checked("tests/test_a.py"), Err(NotThere::Outside(_))));
        assert!(matches!(checked("test_a.py"), Err(NotThere::NoFile(_))));
    }
}
