//! Feeds the target `unipass_cargo` of [`haechi_fuzz`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| haechi_fuzz::run("unipass_cargo", bytes));
