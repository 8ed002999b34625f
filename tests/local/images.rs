//! Images on the local engine: a projector beside the model is what lets it see.

use crate::home::{Home, model_bytes};

/// One white pixel.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0:~\x9bU\
    \0\0\0\nIDATx\x9cc\xf8\x0f\0\x01\x01\x01\0\xb18\xf6\x14\0\0\0\0IEND\xaeB`\x82";

fn projector(home: &Home, name: &str) {
    home.write(name, model_bytes(&[("general.architecture", "clip")]));
}

#[test]
fn an_image_goes_to_a_model_with_a_projector_beside_it() {
    let home = Home::new("");
    projector(&home, "models/mmproj-tiny-f16.gguf");
    let picture = home.write("work/a.png", PNG);
    let (_, err, code) = home.run(&["ask", "what is it?", "--image", picture.to_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
    let start = home.noted("starts").remove(0).to_string();
    assert!(start.contains("--mmproj") && start.contains("mmproj-tiny-f16.gguf"), "{start}");
    let sent = home.noted("requests").remove(0).to_string();
    assert!(sent.contains("data:image/png;base64,iVBORw0KGgo"), "{sent}");
    assert!(home.run(&["local", "models"]).0.contains("vision"));
}

#[test]
fn a_model_without_a_projector_is_named_and_sent_nothing() {
    let home = Home::new("");
    // Of a model that lies in the same folder.
    home.write("models/other.gguf", model_bytes(&[("general.architecture", "llama")]));
    projector(&home, "models/mmproj-other.gguf");
    let picture = home.write("work/a.png", PNG);
    let (_, err, code) = home.run(&["ask", "what is it?", "--image", picture.to_str().unwrap()]);
    assert_eq!(code, 5, "{err}");
    assert!(err.contains("model \"tiny\" cannot see images"), "{err}");
    assert!(home.noted("requests").is_empty());
    assert!(!home.run(&["local", "models"]).0.contains("vision"));
}

/// What setup wrote down was believed: without the file the model did not even start.
#[test]
fn a_projector_may_come_and_go_after_the_setup() {
    let home = Home::new("linger_seconds = 0");
    let engine = home.path("engine/llama-server");
    home.write("config/arawn/arawn.toml", format!("[local]\nengine = {engine:?}\n"));
    home.write("mine/mine.gguf", model_bytes(&[("general.architecture", "llama")]));
    projector(&home, "mine/mmproj-mine.gguf");
    let (_, err, code) =
        home.run(&["local", "setup", "--model", home.path("mine/mine.gguf").to_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
    let sees = || home.run(&["local", "models"]).0.contains("vision");
    assert!(sees());
    std::fs::remove_file(home.path("mine/mmproj-mine.gguf")).unwrap();
    assert!(!sees());
    home.run(&["local", "stop"]);
    let (_, err, code) = home.run(&["--backend", "local", "ask", "who?"]);
    assert_eq!(code, 0, "{err}");
    assert!(!home.noted("starts").pop().unwrap().to_string().contains("--mmproj"));
    projector(&home, "mine/mmproj-mine-Q8_0.gguf");
    assert!(sees());
}

/// The process of another model was told as that of the one that is used.
#[test]
fn the_doctor_tells_the_process_of_the_model_that_is_used() {
    let home = Home::new("");
    home.write("models/other.gguf", model_bytes(&[("general.architecture", "llama")]));
    let config = std::fs::read_to_string(home.path("config/arawn/arawn.toml")).unwrap();
    home.write("config/arawn/arawn.toml", config.replace("tiny.gguf", "other.gguf"));
    let (_, err, code) = home.run(&["local", "start"]);
    assert_eq!(code, 0, "{err}");
    home.write("config/arawn/arawn.toml", &config);
    let (out, ..) = home.run(&["doctor"]);
    assert!(out.contains("local engine: is started when it is needed, with \"tiny\""), "{out}");
    home.run(&["local", "stop"]);
}
