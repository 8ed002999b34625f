//! Where each language has its tests, as far as the folders tell.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// The file that holds the tests of `path`.
pub(super) fn test_file(path: &Path, language: &str, workspace: &[PathBuf]) -> PathBuf {
    let source = Source::of(path, workspace);
    match language {
        "python" => source.in_tests(&["tests", "test"], &format!("test_{}", source.name())),
        "javascript" | "javascriptreact" | "typescript" | "typescriptreact" | "vue" | "svelte" => {
            source.script_tests(language)
        }
        "go" => source.beside(&source.suffixed("_test")),
        "java" | "kotlin" | "scala" | "groovy" => source
            .mirrored("main", "test", &source.suffixed("Test"))
            .unwrap_or_else(|| source.beside(&source.suffixed("Test"))),
        "csharp" | "fsharp" | "swift" => source.beside(&source.suffixed("Tests")),
        "ruby" => source.ruby_tests(),
        "php" => source.in_tests(&["tests"], &source.suffixed("Test")),
        "c" | "cpp" | "objective-c" => {
            let ending = match (source.extension.as_str(), language) {
                ("h" | "hh" | "hpp" | "hxx", "cpp") => "cpp",
                ("h", _) => "c",
                (extension, _) => extension,
            };
            source.in_tests(&["tests", "test"], &format!("test_{}.{ending}", source.stem))
        }
        "elixir" => {
            let name = format!("{}_test.exs", source.stem);
            source.mirrored("lib", "test", &name).unwrap_or_else(|| source.beside(&name))
        }
        "dart" => {
            let name = source.suffixed("_test");
            source.mirrored("lib", "test", &name).unwrap_or_else(|| source.beside(&name))
        }
        "lua" => source.in_tests(&["spec"], &source.suffixed("_spec")),
        "haskell" => source.in_tests(&["test"], &source.suffixed("Spec")),
        _ => source.in_tests(&["tests", "test"], &source.suffixed("_test")),
    }
}

/// The file of Rust's `mod tests;`.
pub(super) fn rust_tests(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default();
    if ["lib", "main", "mod"].iter().any(|root| stem == *root) {
        path.with_file_name("tests.rs")
    } else {
        path.with_file_name(stem).join("tests.rs")
    }
}

/// Whether a file's name says that it holds tests already.
pub(super) fn is_test(path: &Path) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let ends = ["_test", "_spec", ".test", ".spec", "Test", "Tests", "Spec"];
    stem.starts_with("test_")
        || ends.iter().any(|end| stem.len() > end.len() && stem.ends_with(end))
}

/// Whether a file lies somewhere below a folder of that name.
pub(super) fn is_in_folder(path: &Path, name: &str) -> bool {
    let folders = path.parent().into_iter().flat_map(Path::components);
    folders.into_iter().any(|part| part == Component::Normal(name.as_ref()))
}

/// A source file in its project.
struct Source<'p> {
    path: &'p Path,
    folder: &'p Path,
    /// The folder of the workspace it lies in, or its own.
    root: PathBuf,
    stem: String,
    extension: String,
}

impl<'p> Source<'p> {
    fn of(path: &'p Path, workspace: &[PathBuf]) -> Self {
        let folder = path.parent().unwrap_or(path);
        let root = workspace.iter().filter(|root| path.starts_with(root));
        let root = root.max_by_key(|root| root.as_os_str().len());
        let text = |part: Option<&std::ffi::OsStr>| {
            part.unwrap_or_default().to_string_lossy().into_owned()
        };
        Self {
            path,
            folder,
            root: root.map_or_else(|| folder.to_owned(), Clone::clone),
            stem: text(path.file_stem()),
            extension: text(path.extension()),
        }
    }

    fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn suffixed(&self, suffix: &str) -> String {
        let ending = if self.extension.is_empty() { "" } else { "." };
        format!("{}{suffix}{ending}{}", self.stem, self.extension)
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// In the nearest folder for tests on the way up to the root, or beside.
    fn in_tests(&self, folders: &[&str], name: &str) -> PathBuf {
        let up = self.folder.ancestors().take_while(|folder| folder.starts_with(&self.root));
        let found = up
            .flat_map(|folder| folders.iter().map(|tests| folder.join(tests)))
            .find(|tests| tests.is_dir());
        found.map_or_else(|| self.beside(name), |tests| tests.join(name))
    }

    /// At the same place below `to` as it has below `from`.
    fn mirrored(&self, from: &str, to: &str, name: &str) -> Option<PathBuf> {
        let below = self.folder.strip_prefix(&self.root).ok()?;
        let parts: Vec<Component<'_>> = below.components().collect();
        let at = parts.iter().position(|part| *part == Component::Normal(from.as_ref()))?;
        let mut path = self.root.clone();
        path.extend(&parts[..at]);
        path.push(to);
        path.extend(&parts[at + 1..]);
        Some(path.join(name))
    }

    /// `x.test.ts`, or `x.spec.ts` where the project has such; in `__tests__` where there is one.
    fn script_tests(&self, language: &str) -> PathBuf {
        let ending = match (self.extension.as_str(), language) {
            ("vue" | "svelte" | "", _) => "ts",
            (extension, _) => extension,
        };
        let folders =
            [self.folder.join("__tests__"), self.root.join("tests"), self.root.join("test")];
        let tests = folders.iter().find(|folder| folder.is_dir());
        let looked_at = tests.map_or(self.folder, PathBuf::as_path);
        let word = if has_name_with(looked_at, ".spec.") && !has_name_with(looked_at, ".test.") {
            "spec"
        } else {
            "test"
        };
        let name = format!("{}.{word}.{ending}", self.stem);
        let has_own_beside =
            has_name_with(self.folder, ".test.") || has_name_with(self.folder, ".spec.");
        match tests {
            // A folder of the project's counts only where tests do not stand beside the code.
            Some(tests) if tests == &folders[0] || !has_own_beside => tests.join(name),
            _ => self.beside(&name),
        }
    }

    /// Below `spec` or `test`, at the same place as below `lib` or `app`.
    fn ruby_tests(&self) -> PathBuf {
        let (folder, name) = if self.root.join("spec").is_dir() {
            ("spec", self.suffixed("_spec"))
        } else {
            ("test", self.suffixed("_test"))
        };
        let mirrored = self.mirrored("lib", folder, &name);
        let mirrored = mirrored.or_else(|| self.mirrored("app", folder, &name));
        match mirrored {
            Some(path) if self.root.join(folder).is_dir() => path,
            _ => self.in_tests(&[folder], &name),
        }
    }
}

fn has_name_with(folder: &Path, part: &str) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    // A folder of so many files has shown its habit by then.
    entries.take(2000).flatten().any(|entry| entry.file_name().to_string_lossy().contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test file of `path` in a workspace that has `files`.
    fn check(files: &[&str], path: &str, language: &str, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        for file in files.iter().chain([&path]) {
            let file = folder.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "").unwrap();
        }
        let root = folder.path().to_owned();
        let found = test_file(&root.join(path), language, std::slice::from_ref(&root));
        assert_eq!(found, root.join(expected), "{path} with {files:?}");
    }

    #[test]
    fn python_has_its_tests_beside_or_in_the_folder_that_is_there() {
        check(&[], "pkg/shapes.py", "python", "pkg/test_shapes.py");
        check(&["tests/x.py"], "pkg/shapes.py", "python", "tests/test_shapes.py");
        check(&["tests/x", "pkg/tests/y"], "pkg/a.py", "python", "pkg/tests/test_a.py");
    }

    #[test]
    fn scripts_follow_the_word_and_the_folder_of_the_project() {
        check(&[], "src/a.ts", "typescript", "src/a.test.ts");
        check(&["src/b.spec.ts"], "src/a.ts", "typescript", "src/a.spec.ts");
        check(&["src/__tests__/b.js"], "src/a.jsx", "javascriptreact", "src/__tests__/a.test.jsx");
        check(&["test/b.spec.js"], "src/a.js", "javascript", "test/a.spec.js");
        check(&["test/setup.js", "src/b.test.js"], "src/a.js", "javascript", "src/a.test.js");
    }

    #[test]
    fn the_others_have_it_their_way() {
        check(&[], "a/b.go", "go", "a/b_test.go");
        check(&[], "m/src/main/java/p/A.java", "java", "m/src/test/java/p/ATest.java");
        check(&[], "A.java", "java", "ATest.java");
        check(&["spec/x"], "lib/p/a.rb", "ruby", "spec/p/a_spec.rb");
        check(&[], "lib/p/a.rb", "ruby", "lib/p/a_test.rb");
        check(&["tests/x"], "src/A.php", "php", "tests/ATest.php");
        check(&[], "src/a.h", "c", "src/test_a.c");
        check(&[], "lib/p/a.ex", "elixir", "test/p/a_test.exs");
        check(&[], "a.unknown", "klingon", "a_test.unknown");
        check(&[], "Program.cs", "csharp", "ProgramTests.cs");
    }

    #[test]
    fn files_of_tests_are_known_by_their_names() {
        for name in ["test_a.py", "a_test.go", "a.test.ts", "a_spec.rb", "ATest.java", "ATests.cs"]
        {
            assert!(is_test(Path::new(name)), "{name}");
        }
        for name in ["testing.py", "contest.py", "latest.ts", "Test.java", "a.rs"] {
            assert!(!is_test(Path::new(name)), "{name}");
        }
    }
}
