//! Feeds bytes to the framer of JSON lines.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| arawn::backends::fuzzing::ndjson(data));
