//! The built-in list of files that hold secrets; no setting takes one off it.

use std::path::{Component, Path};

/// Folders all of whose content is secret.
const FOLDERS: [&str; 5] = [".ssh", ".gnupg", ".aws", ".azure", ".password-store"];

/// The same, where only the folder above makes the meaning sure.
const NESTED_FOLDERS: [(&str, &str); 4] =
    [("share", "keyrings"), ("share", "kwalletd"), ("library", "keychains"), (".config", "gcloud")];

/// Names of files, whole.
const NAMES: [&str; 27] = [
    ".netrc",
    "_netrc",
    ".npmrc",
    ".yarnrc.yml",
    ".pypirc",
    ".git-credentials",
    ".htpasswd",
    ".pgpass",
    ".my.cnf",
    ".s3cfg",
    ".dockercfg",
    ".vault-token",
    "credentials",
    "credentials.json",
    "credentials.toml",
    "credentials.yml",
    "credentials.yaml",
    "credentials.ini",
    "credentials.xml",
    "credentials.csv",
    "credentials.db",
    "application_default_credentials.json",
    "secrets.json",
    "secrets.toml",
    "secrets.yml",
    "secrets.yaml",
    "login.keyring",
];

/// Endings of files.
const ENDINGS: [&str; 16] = [
    ".pem",
    ".key",
    ".p12",
    ".pfx",
    ".p8",
    ".jks",
    ".keystore",
    ".kdbx",
    ".kdb",
    ".ppk",
    ".gpg",
    ".keyring",
    ".keychain",
    ".keychain-db",
    ".kwl",
    ".ovpn",
];

/// Beginnings of the names of SSH keys, which are followed by nothing or by an ending.
const KEY_NAMES: [&str; 7] =
    ["id_rsa", "id_dsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk", "id_xmss"];

/// The rule that a path falls under, if it falls under one. Upper and lower case are the same.
pub(super) fn rule(path: &Path) -> Option<String> {
    let parts: Vec<String> = path
        .components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(folded(&name.to_string_lossy())),
            _ => None,
        })
        .collect();
    let (name, folders) = parts.split_last()?;
    let folder = folders.iter().find(|folder| FOLDERS.contains(&folder.as_str()));
    let nested = folders
        .windows(2)
        .find(|pair| NESTED_FOLDERS.contains(&(pair[0].as_str(), pair[1].as_str())))
        .map(|pair| format!("{}/{}/**", pair[0], pair[1]));
    let parent = folders.last().map_or("", String::as_str);
    by_name(name)
        .or_else(|| by_name_in_folder(name, parent))
        .or_else(|| folder.map(|folder| format!("{folder}/**")))
        .or(nested)
}

/// Lower case, without what Windows drops from the end of a name or takes as a stream of the same file.
fn folded(name: &str) -> String {
    let name = name.to_lowercase();
    let name = if cfg!(windows) { name.split(':').next().unwrap_or_default() } else { &name };
    let trimmed = name.trim_end_matches(['.', ' ']);
    if trimmed.is_empty() { name.to_owned() } else { trimmed.to_owned() }
}

fn by_name(name: &str) -> Option<String> {
    if name.starts_with(".env") {
        return Some(".env*".to_owned());
    }
    if NAMES.contains(&name) {
        return Some(name.to_owned());
    }
    if let Some(ending) = ENDINGS.iter().find(|ending| name.ends_with(*ending)) {
        return Some(format!("*{ending}"));
    }
    let (stem, has_ending) = name.split_once('.').map_or((name, false), |(stem, _)| (stem, true));
    // `id_map.rs` is code: with an ending only the names of real key files count.
    let is_key = KEY_NAMES.contains(&stem) || (name.starts_with("id_") && !has_ending);
    is_key.then(|| "id_*".to_owned())
}

fn by_name_in_folder(name: &str, folder: &str) -> Option<String> {
    let is_secret = matches!((folder, name), (".kube", "config") | (".docker", "config.json"));
    is_secret.then(|| format!("{folder}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_files_are_known_in_any_case() {
        for path in [
            "/p/.env",
            "/p/.env.local",
            "/p/.ENV",
            "/p/.envrc",
            "/p/server.PEM",
            "/p/tls.key",
            "/h/.ssh/config",
            "/h/.SSH/known_hosts",
            "/p/id_rsa",
            "/p/id_ed25519.bak",
            "/p/ID_work",
            "/h/.aws/credentials",
            "/p/.npmrc",
            "/p/x.kdbx",
            "/h/.local/share/keyrings/login.keyring",
            "/h/.kube/config",
            "/p/.env.",
        ] {
            assert!(rule(Path::new(path)).is_some(), "{path}");
        }
    }

    #[test]
    fn code_with_similar_names_is_not_secret() {
        for path in [
            "/p/env.rs",
            "/p/id_map.rs",
            "/p/keys.rs",
            "/p/credentials.rs",
            "/p/config",
            "/p/monkey.py",
            "/",
        ] {
            assert_eq!(rule(Path::new(path)), None, "{path}");
        }
    }
}
