//! Writes a model with random weights, to measure speed or to try the way from file to answer:
//!
//! `cargo run -p infer --example random_model -- FILE [ARCHITECTURE [NUMBERS [LAYERS [WIDTH [TOKENS]]]]]`

use std::{env, path::PathBuf};

use testkit::weights::{Numbers, RandomModel};

fn main() -> std::io::Result<()> {
    let mut arguments = env::args().skip(1);
    let file = PathBuf::from(arguments.next().unwrap_or_else(|| "random.gguf".to_owned()));
    let architecture = match arguments.next().as_deref() {
        Some("qwen2") => "qwen2",
        Some("qwen3") => "qwen3",
        Some("gemma3") => "gemma3",
        Some("phi3") => "phi3",
        _ => "llama",
    };
    let numbers = match arguments.next().as_deref() {
        Some("F16") => Numbers::F16,
        Some("Q4_0") => Numbers::Q4_0,
        Some("Q8_0") => Numbers::Q8_0,
        Some("Q4_K") => Numbers::Q4K,
        Some("Q6_K") => Numbers::Q6K,
        _ => Numbers::F32,
    };
    let mut size = || arguments.next().and_then(|text| text.parse::<usize>().ok());
    let small = RandomModel::small(architecture, numbers);
    let Some(layers) = size() else { return RandomModel::tiny(architecture, numbers).write(&file) };
    let width = size().unwrap_or(small.width);
    let large = RandomModel {
        layers,
        width,
        inner: 4 * width,
        heads: width / 64,
        shared_heads: (width / 256).max(1),
        head_width: 64,
        context: 4_096,
        more_tokens: size().unwrap_or(0),
        ..small
    };
    if layers == 2 && width == 256 { small.write(&file) } else { large.write(&file) }
}
