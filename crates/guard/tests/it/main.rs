//! The tests of this crate, one module per subject.

mod instructions;
mod pseudonyms;
mod quality;
#[path = "../../examples/measure/testset.rs"]
#[allow(dead_code, reason = "the example uses more of it")]
mod testset;
