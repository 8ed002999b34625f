//! Finds the projector of a model, which lets it see images: another GGUF file in the same folder.

use std::path::{Path, PathBuf};

/// By custom a projector has `mmproj` in its name, and the model's name or nothing else besides.
const MARK: &str = "mmproj";

/// The projector beside a model. Where the folder holds several models, only one that bears the model's name:
/// of the others nobody can tell whose they are. They differ in precision alone; the smallest is taken.
pub(super) fn beside(model: &Path) -> Option<PathBuf> {
    let files = std::fs::read_dir(model.parent()?).ok()?;
    let files = files.filter_map(|entry| Some(entry.ok()?.path()));
    let (mut projectors, models): (Vec<PathBuf>, Vec<PathBuf>) = files
        .filter(|path| path.extension().is_some_and(|ending| ending == "gguf"))
        .partition(|path| stem(path).contains(MARK));
    let name = words(model);
    let begins =
        |one: &[String], other: &[String]| one.starts_with(other) || other.starts_with(one);
    // A tag may stand before the precision.
    let is_alone = models.iter().map(|other| words(other)).all(|other| {
        other == name || !other.is_empty() && !name.is_empty() && begins(&other, &name)
    });
    let of_name = |path: &PathBuf| !name.is_empty() && words(path) == name;
    if !is_alone || projectors.iter().any(of_name) {
        projectors.retain(of_name);
    }
    // What plainly bears another model's name is that one's.
    projectors.retain(|path| begins(&words(path), &name));
    projectors
        .into_iter()
        .min_by_key(|path| (path.metadata().map_or(0, |file| file.len()), path.clone()))
}

/// What a file is called, without its precision: `qwen2`, `5`, `vl`, `3b` of `mmproj-Qwen2.5-VL-3B-Q8_0.gguf`.
fn words(path: &Path) -> Vec<String> {
    let stem = stem(path);
    let words = stem.split(['-', '_', '.']).filter(|word| !["", MARK, "model"].contains(word));
    words.take_while(|word| !is_precision(word)).map(str::to_owned).collect()
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase()
}

fn is_precision(word: &str) -> bool {
    let after = |begin: &str| {
        let rest = word.strip_prefix(begin);
        rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit()))
    };
    ["q", "iq", "f", "fp", "bf"].into_iter().any(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(files: &[&str], model: &str, expected: Option<&str>) {
        let folder = tempfile::tempdir().unwrap();
        for (idx, file) in files.iter().enumerate() {
            std::fs::write(folder.path().join(file), vec![0; idx + 1]).unwrap();
        }
        let found = beside(&folder.path().join(model));
        assert_eq!(found, expected.map(|name| folder.path().join(name)));
    }

    #[test]
    fn beside_a_lone_model_every_projector_is_its_own() {
        check(
            &["gemma-3-4b-it-Q4_K_M.gguf", "mmproj-model-f16.gguf"],
            "gemma-3-4b-it-Q4_K_M.gguf",
            Some("mmproj-model-f16.gguf"),
        );
        check(
            &["a.gguf", "mmproj-BF16.gguf", "mmproj-F32.gguf"],
            "a.gguf",
            Some("mmproj-BF16.gguf"),
        );
        check(&["a.gguf", "README.md"], "a.gguf", None);
    }

    #[test]
    fn one_that_bears_another_models_name_is_not_taken() {
        let files = ["qwen2.5-coder-7b-Q4_K_M.gguf", "mmproj-gemma-3-4b-it-f16.gguf"];
        check(&files, files[0], None);
    }

    #[test]
    fn a_model_in_two_precisions_is_one_model() {
        let files = ["X-Q4_K_M.gguf", "X-UD-Q4_K_XL.gguf", "mmproj-BF16.gguf"];
        check(&files, files[0], Some(files[2]));
        check(&files, files[1], Some(files[2]));
        check(
            &["a-Q4_K_M.gguf", "a-Q8_0.gguf", "mmproj-model-f16.gguf"],
            "a-Q8_0.gguf",
            Some("mmproj-model-f16.gguf"),
        );
    }

    #[test]
    fn among_several_models_the_name_tells_whose_it_is() {
        let files = [
            "Qwen2.5-VL-3B-Instruct-Q4_K_M.gguf",
            "SmolVLM-256M-Instruct-Q8_0.gguf",
            "Pixtral-12B.Q4_K_M.gguf",
            "model.gguf",
            "mmproj-Qwen2.5-VL-3B-Instruct-f16.gguf",
            "mmproj-SmolVLM-256M-Instruct-f16.gguf",
            "mmproj-SmolVLM-256M-Instruct-Q8_0.gguf",
            "Pixtral-12B.mmproj-fp16.gguf",
            "mmproj-model-f16.gguf",
        ];
        check(&files, files[0], Some(files[4]));
        check(&files, files[1], Some(files[5]));
        check(&files, files[2], Some(files[7]));
        check(&files, files[3], None);
    }

    #[test]
    fn of_a_projector_without_a_name_among_several_models_nobody_knows_whose_it_is() {
        check(&["a.gguf", "b.gguf", "mmproj-model-f16.gguf"], "a.gguf", None);
    }
}
