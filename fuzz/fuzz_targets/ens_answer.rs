//! Feeds the target `ens_answer` of [`haechi_fuzz`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| haechi_fuzz::run("ens_answer", bytes));
