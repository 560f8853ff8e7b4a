#![no_main]

use extract::{Limits, read_unprotected};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let bytes = [b"".as_slice(), data].concat();
    let _ = read_unprotected(bytes, "a.md", &Limits::default(), &mut |_| {});
});
