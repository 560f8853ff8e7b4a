//! One program for all targets: linking one for each would take longer than running them. Which one
//! it feeds is said by the variable `FUZZ_TARGET`.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    match fuzz::TARGETS.iter().find(|target| target.name == name) {
        Some(target) => target.run,
        None => panic!("FUZZ_TARGET names no target: {name:?}"),
    }
});

fuzz_target!(|data: &[u8]| TARGET(data));
