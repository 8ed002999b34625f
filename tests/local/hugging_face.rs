//! A model of Hugging Face is downloaded whole, or gone on with; never are two files joined to one.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

use crate::home::{Home, model_bytes, programs, told};
use crate::hub::{Asked, Download, Heeds, Hub};

/// The program that arawn puts beside the package it installs.
const SERVE: &str = include_str!("../../src/engine/setup/serve.py");
/// Size of the files of these tests: several reads long.
const LENGTH: usize = 900_000;
/// Where a download breaks off.
const HALF: usize = LENGTH / 2;

/// A model file; those of two seeds differ in every byte after the head.
fn file(seed: u8) -> Vec<u8> {
    let mut bytes = model_bytes(&[("general.architecture", "llama")]);
    let places = 0..LENGTH - bytes.len();
    bytes.extend(places.map(|place| (place % 251).to_le_bytes()[0] ^ seed));
    bytes
}

fn whole(seed: u8, etag: &'static str) -> Download {
    Download { file: (file(seed), etag), cut_after: None, heeds: Heeds::Both }
}

fn cut(seed: u8, etag: &'static str) -> Download {
    Download { cut_after: Some(HALF), ..whole(seed, etag) }
}

fn asked(range: Option<usize>, if_range: Option<&str>) -> Asked {
    (range.map(|start| format!("bytes={start}-")), if_range.map(str::to_owned))
}

/// A folder with the program, and a package that ends as soon as it was given a model.
struct Downloader {
    folder: tempfile::TempDir,
}

impl Downloader {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("serve.py"), SERVE).unwrap();
        let package = include_str!("fake_xllamacpp.py").split("class Server").next().unwrap();
        let server = "def Server(params):\n    print(params.model.path)\n    sys.exit()\n";
        fs::write(folder.path().join("xllamacpp.py"), format!("{package}{server}")).unwrap();
        Self { folder }
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("ann_tiny/m.gguf")
    }

    fn run(&self, url: &str) -> (String, String, i32) {
        self.run_for(url, "m.gguf")
    }

    fn run_for(&self, url: &str, file: &str) -> (String, String, i32) {
        let mut command = Command::new("python3");
        command.args(["-I", "-B"]).arg(self.folder.path().join("serve.py"));
        command.args(["-hf", "ann/tiny", "-hff", file]).env_clear();
        command.env("PATH", programs()).env("HOME", self.folder.path());
        command.env("LLAMA_CACHE", self.folder.path()).env("HF_ENDPOINT", url);
        told(&command.output().unwrap())
    }

    /// A run that ends before the file is whole.
    #[track_caller]
    fn breaks_off(&self, hub: &Hub) {
        self.breaks_off_at(&hub.url, "goes on from here");
    }

    #[track_caller]
    fn breaks_off_at(&self, url: &str, next: &str) {
        let (_, err, code) = self.run(url);
        assert_eq!(code, 1, "{err}");
        let told = format!("broke before the end; the same command {next}");
        assert!(err.contains(&told), "{err}");
        assert!(!self.target().exists(), "half a file does not bear the name of a whole one");
    }

    /// A run that brings the file, and nothing lies beside it.
    #[track_caller]
    fn brings(&self, hub: &Hub, expected: &[u8]) {
        let (out, err, code) = self.run(&hub.url);
        assert_eq!(code, 0, "{err}");
        assert_eq!(out.lines().last(), self.target().to_str());
        check_file(&self.target(), expected);
        let beside = fs::read_dir(self.target().parent().unwrap()).unwrap();
        assert_eq!(beside.count(), 1);
    }
}

/// Compares first the hashes: a difference of whole files is not to be read.
#[track_caller]
fn check_file(path: &Path, expected: &[u8]) {
    let got = fs::read(path).unwrap();
    assert_eq!(got.len(), expected.len());
    assert_eq!(Sha256::digest(&got), Sha256::digest(expected));
    assert!(got == expected);
}

#[test]
fn a_download_that_broke_off_goes_on_where_it_stopped() {
    let downloader = Downloader::new();
    let second = Download { cut_after: Some(1000), ..whole(1, "\"one\"") };
    let hub = Hub::start([cut(1, "\"one\""), second, whole(1, "\"one\"")]);
    downloader.breaks_off(&hub);
    downloader.breaks_off(&hub);
    downloader.brings(&hub, &file(1));
    let expected = [
        asked(None, None),
        asked(Some(HALF), Some("\"one\"")),
        asked(Some(HALF + 1000), Some("\"one\"")),
    ];
    assert_eq!(hub.asked(), expected);
}

#[test]
fn a_file_that_changed_meanwhile_is_begun_again() {
    let downloader = Downloader::new();
    let hub = Hub::start([cut(1, "\"one\""), cut(2, "\"two\""), whole(2, "\"two\"")]);
    downloader.breaks_off(&hub);
    downloader.breaks_off(&hub);
    downloader.brings(&hub, &file(2));
    let expected = [
        asked(None, None),
        asked(Some(HALF), Some("\"one\"")),
        // The beginning that is gone on with is that of the second file.
        asked(Some(HALF), Some("\"two\"")),
    ];
    assert_eq!(hub.asked(), expected);
}

#[test]
fn a_server_that_heeds_no_range_sends_the_file_from_its_start() {
    let downloader = Downloader::new();
    let second = Download { heeds: Heeds::Neither, ..whole(1, "\"one\"") };
    let hub = Hub::start([cut(1, "\"one\""), second]);
    downloader.breaks_off(&hub);
    downloader.brings(&hub, &file(1));
    assert_eq!(hub.asked(), [asked(None, None), asked(Some(HALF), Some("\"one\""))]);
}

#[test]
fn a_server_that_sends_the_rest_of_another_file_is_not_believed() {
    // It was: the status alone decided, and the halves of two files were joined.
    let downloader = Downloader::new();
    let second = Download { heeds: Heeds::RangeAlone, ..whole(2, "\"two\"") };
    let hub = Hub::start([cut(1, "\"one\""), second, whole(2, "\"two\"")]);
    downloader.breaks_off(&hub);
    downloader.brings(&hub, &file(2));
    let expected = [asked(None, None), asked(Some(HALF), Some("\"one\"")), asked(None, None)];
    assert_eq!(hub.asked(), expected);
}

#[test]
fn a_file_without_a_name_for_its_state_is_begun_again() {
    for etag in ["W/\"weak\"", ""] {
        let downloader = Downloader::new();
        let hub = Hub::start([cut(1, etag), whole(2, etag)]);
        downloader.breaks_off_at(&hub.url, "begins anew");
        downloader.brings(&hub, &file(2));
        assert_eq!(hub.asked(), [asked(None, None), asked(None, None)], "{etag}");
    }
}

#[test]
fn files_of_one_name_in_several_folders_are_several_files() {
    let downloader = Downloader::new();
    let hub = Hub::start([whole(1, "\"one\""), whole(2, "\"two\"")]);
    for (file, name) in [("Q4/m.gguf", "Q4_m.gguf"), ("Q8/m.gguf", "Q8_m.gguf")] {
        let (out, err, code) = downloader.run_for(&hub.url, file);
        assert_eq!(code, 0, "{err}");
        assert_eq!(out.lines().last(), downloader.target().with_file_name(name).to_str());
    }
    assert_eq!(hub.asked(), [asked(None, None), asked(None, None)]);
}

#[test]
fn a_file_that_came_whole_and_was_not_put_in_its_place_is_fetched_anew() {
    let downloader = Downloader::new();
    let folder = downloader.target().parent().unwrap().to_owned();
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("m.gguf.part"), file(1)).unwrap();
    fs::write(folder.join("m.gguf.etag"), "\"one\"").unwrap();
    let hub = Hub::start([whole(1, "\"one\""), whole(1, "\"one\"")]);
    downloader.brings(&hub, &file(1));
    assert_eq!(hub.asked(), [asked(Some(LENGTH), Some("\"one\"")), asked(None, None)]);
}

#[test]
fn a_file_of_unknown_length_that_breaks_off_is_said_to_have_done_so() {
    // It was not: Python's own words for it are none that a user can read.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        // First the list of files is asked for, which nobody needs here.
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let n_read = stream.read(&mut [0; 4096]).unwrap();
            assert!(n_read > 0);
            let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nGGUF";
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    Downloader::new().breaks_off_at(&url, "begins anew");
}

/// A home whose engine on PATH is that of setup, but for the package.
fn home_with_the_engine_of_setup(hub: &Hub) -> Home {
    let mut home = Home::empty();
    home.write("engine/serve.py", SERVE);
    home.write("engine/xllamacpp.py", include_str!("fake_xllamacpp.py"));
    home.write("engine/fake_engine.py", include_str!("fake_engine.py"));
    let start = "#!/bin/sh\nexec python3 -I -B \"$(dirname \"$0\")/serve.py\" \"$@\"\n";
    let program = home.write("engine/llama-server", start);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    home.set("PATH", &format!("{}:{}", home.path("engine").display(), programs()));
    home.set("HF_ENDPOINT", &hub.url);
    home
}

#[test]
fn the_same_setup_goes_on_with_a_model_that_broke_off() {
    let hub = Hub::start([cut(1, "\"one\""), whole(1, "\"one\"")]);
    let home = home_with_the_engine_of_setup(&hub);
    let setup = ["local", "setup", "--yes", "--model", "hf:ann/tiny:m.gguf"];
    let (_, err, code) = home.run(&setup);
    assert_eq!(code, 5, "{err}");
    assert!(err.contains("the connection broke before the end"), "{err}");
    assert!(err.contains("run the same command again"), "{err}");
    let (out, err, code) = home.run(&setup);
    assert_eq!((out.as_str(), code), ("the local engine is ready, with m\n", 0), "{err}");
    assert_eq!(hub.asked(), [asked(None, None), asked(Some(HALF), Some("\"one\""))]);
    check_file(&home.path("data/arawn/local/models/ann_tiny/m.gguf"), &file(1));
}
