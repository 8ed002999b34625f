//! Feeds bytes to the decoder of the anthropic dialect.
#![no_main]

use arawn::config::Dialect;

libfuzzer_sys::fuzz_target!(|data: &[u8]| arawn::backends::fuzzing::dialect(Dialect::Anthropic, data));
