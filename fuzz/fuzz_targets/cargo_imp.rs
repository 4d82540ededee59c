//! Feeds the target `cargo_imp` of [`haechi_fuzz`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| haechi_fuzz::run("cargo_imp", bytes));
