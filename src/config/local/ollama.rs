//! Models that Ollama has pulled: the engine loads the same files.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::environment::Environment;

/// The media type of a model's weights in Ollama's manifests.
const WEIGHTS: &str = "application/vnd.ollama.image.model";
/// That of a projector.
const PROJECTOR: &str = "application/vnd.ollama.image.projector";
/// Where names without a registry come from.
const REGISTRY: &str = "registry.ollama.ai";

/// The files of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OllamaModel {
    /// As `ollama list` shows it.
    pub name: String,
    /// The weights, GGUF.
    pub path: PathBuf,
    /// The projector.
    pub projector: Option<PathBuf>,
}

/// The folders that Ollama keeps models in, the user's own first.
fn folders(environment: &Environment) -> Vec<PathBuf> {
    if let Some(folder) = environment.var("OLLAMA_MODELS") {
        return vec![environment.path(folder)];
    }
    let own = environment.home.as_ref().map(|home| home.join(".ollama/models"));
    // Where the installer's service on Linux keeps them; others may read there.
    let service =
        cfg!(target_os = "linux").then(|| PathBuf::from("/usr/share/ollama/.ollama/models"));
    own.into_iter().chain(service).collect()
}

/// Finds a model by the name that `ollama list` shows.
pub fn find(environment: &Environment, name: &str) -> Option<OllamaModel> {
    let (path, tag) = match name.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, tag),
        _ => (name, "latest"),
    };
    let parts: Vec<&str> = path.split('/').collect();
    let manifest = match parts.as_slice() {
        [model] => format!("{REGISTRY}/library/{model}/{tag}"),
        [user, model] => format!("{REGISTRY}/{user}/{model}/{tag}"),
        [host, user, model] => format!("{host}/{user}/{model}/{tag}"),
        _ => return None,
    };
    // The name is a path below the folder and must stay one.
    if manifest.split('/').any(|part| part.is_empty() || part.starts_with('.')) {
        return None;
    }
    folders(environment)
        .iter()
        .find_map(|folder| read(folder, &folder.join("manifests").join(&manifest), name))
}

/// All models there are.
pub fn list(environment: &Environment) -> Vec<OllamaModel> {
    let mut models = Vec::new();
    for folder in folders(environment) {
        let library = folder.join("manifests").join(REGISTRY);
        for (user, users) in entries(&library) {
            for (model, tags) in entries(&users) {
                for (tag, manifest) in entries(&tags) {
                    let name = if user == "library" {
                        format!("{model}:{tag}")
                    } else {
                        format!("{user}/{model}:{tag}")
                    };
                    models.extend(read(&folder, &manifest, &name));
                }
            }
        }
    }
    models.sort_by(|a: &OllamaModel, b| a.name.cmp(&b.name));
    models
}

fn entries(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path())).collect()
}

fn read(folder: &Path, manifest: &Path, name: &str) -> Option<OllamaModel> {
    let manifest: Value = serde_json::from_slice(&std::fs::read(manifest).ok()?).ok()?;
    let layers = manifest.get("layers")?.as_array()?;
    let blob = |kind: &str| {
        let layer = layers.iter().find(|layer| layer["mediaType"] == kind)?;
        let digest = layer["digest"].as_str()?.strip_prefix("sha256:")?;
        let is_hex = digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        let path = folder.join("blobs").join(format!("sha256-{digest}"));
        (is_hex && path.is_file()).then_some(path)
    };
    Some(OllamaModel { name: name.to_owned(), path: blob(WEIGHTS)?, projector: blob(PROJECTOR) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulled() -> (tempfile::TempDir, Environment) {
        let home = tempfile::tempdir().unwrap();
        let models = home.path().join(".ollama/models");
        let manifest = models.join("manifests/registry.ollama.ai/library/codellama/7b-code");
        std::fs::create_dir_all(manifest.parent().unwrap()).unwrap();
        std::fs::create_dir_all(models.join("blobs")).unwrap();
        std::fs::write(models.join("blobs/sha256-ab12"), "GGUF").unwrap();
        let layers = serde_json::json!({"layers": [
            {"mediaType": "application/vnd.ollama.image.license", "digest": "sha256:ff"},
            {"mediaType": WEIGHTS, "digest": "sha256:ab12"}]});
        std::fs::write(&manifest, layers.to_string()).unwrap();
        let environment = Environment::of(home.path(), []);
        (home, environment)
    }

    #[test]
    fn a_pulled_model_is_found_by_its_name() {
        let (home, environment) = pulled();
        let found = find(&environment, "codellama:7b-code").unwrap();
        assert_eq!(found.path, home.path().join(".ollama/models/blobs/sha256-ab12"));
        assert_eq!(found.projector, None);
        assert_eq!(list(&environment), [found]);
        assert_eq!(find(&environment, "codellama"), None, "another tag");
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_no_name() {
        let (_home, environment) = pulled();
        for name in ["../../x", "a/../b:c", "", ":", "/etc/passwd"] {
            assert_eq!(find(&environment, name), None, "{name}");
        }
    }
}
