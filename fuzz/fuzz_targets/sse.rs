//! Feeds bytes to the framer of server-sent events.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| arawn::backends::fuzzing::sse(data));
