#![no_main]

// A panic inside a library that is caught at our boundary is a refusal; one that escapes still ends the run.
libfuzzer_sys::fuzz_target!(init: drop(std::panic::take_hook()), |data: &[u8]| carnet_fuzz::block_header(data));
