//! The tests of this crate, one module per subject.

mod answers;
#[path = "../../examples/measure/generator.rs"]
mod generator;
mod instructions;
#[path = "../../examples/measure/numbers.rs"]
mod numbers;
mod pseudonyms;
mod quality;
mod schemas;
mod spellings;
#[path = "../../examples/measure/testset.rs"]
#[expect(dead_code, reason = "the measurement prints tables, the tests do not")]
mod testset;
