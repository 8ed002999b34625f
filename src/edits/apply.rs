//! Puts changed text into a file on disk: whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Replaces the content of an existing file, keeping its permissions.
///
/// The text is written to a new file beside it, flushed to disk and renamed over it, so that a crash or a
/// full disk leaves the old text.
pub fn replace_file(path: &Path, text: &str) -> io::Result<()> {
    let (staged, mut file) = stage_beside(path)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::set_permissions(&staged, fs::metadata(path)?.permissions()))
        .and_then(|()| fs::rename(&staged, path));
    if written.is_err() {
        // The error that matters is the one above; the old text is still there.
        let _ = fs::remove_file(&staged);
    }
    written
}

/// Makes a file that is not there, and the folders it lies in. Never writes into anything that is there.
pub fn create_file(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a file is worse than none; the error that matters is the one above.
        let _ = fs::remove_file(path);
    }
    written
}

/// Creates a new file in the same folder, under a name that nobody has.
fn stage_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    loop {
        let staged = folder.join(format!(".{name}.{:08x}.arawn", fastrand::u32(..)));
        match OpenOptions::new().write(true).create_new(true).open(&staged) {
            Ok(file) => return Ok((staged, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_the_new_text_and_no_other_file_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.rs");
        fs::write(&path, "old\r\n").unwrap();
        replace_file(&path, "new\r\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new\r\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_new_file_is_made_with_its_folders_and_never_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/c.rs");
        create_file(&path, "one").unwrap();
        let again = create_file(&path, "two").unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
    }

    #[cfg(unix)]
    #[test]
    fn permissions_stay() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.sh");
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
        replace_file(&path, "#!/bin/sh\ntrue\n").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o750);
    }
}
