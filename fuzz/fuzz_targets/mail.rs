//! Feeds the target `mail` of [`haechi_fuzz`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| haechi_fuzz::run("mail", bytes));
