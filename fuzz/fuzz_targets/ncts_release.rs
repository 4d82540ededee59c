//! Feeds the target `ncts_release` of [`haechi_fuzz`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| haechi_fuzz::run("ncts_release", bytes));
