//! Files that want to do harm: an error, never a panic and never memory without bound.

use std::path::Path;

use infer::local::{Gguf, GgufError, LoadError, ModelFile, Unsuited, read_head};
use proptest::prelude::*;
use testkit::weights::{Meta, Numbers, RandomModel};

fn model() -> Vec<u8> {
    let mut bytes = Vec::new();
    RandomModel::tiny("llama", Numbers::F32).write_to(&mut bytes, |_| {}).unwrap();
    bytes
}

/// Reads bytes as far as they can be read without weights.
fn look(bytes: &[u8]) -> Result<ModelFile, LoadError> {
    let gguf = Gguf::read(bytes, bytes.len() as u64)?;
    Ok(ModelFile::of(Path::new("model.gguf"), gguf)?)
}

fn changed(change: impl FnOnce(&mut Vec<(String, Meta)>)) -> Unsuited {
    let mut bytes = Vec::new();
    RandomModel::tiny("llama", Numbers::F32).write_to(&mut bytes, change).unwrap();
    match look(&bytes) {
        Err(LoadError::Unsuited(unsuited)) => unsuited,
        other => panic!("{other:?}"),
    }
}

fn set(key: &str, value: Meta) -> impl FnOnce(&mut Vec<(String, Meta)>) {
    let key = key.to_owned();
    move |metadata| {
        metadata.retain(|(name, _)| *name != key);
        metadata.push((key, value));
    }
}

#[test]
fn a_right_file_is_taken() {
    let bytes = model();
    let file = look(&bytes).unwrap();
    assert_eq!(file.context_max(), 512);
}

#[test]
fn every_file_that_ends_early_is_an_error() {
    let bytes = model();
    let whole = Gguf::read(bytes.as_slice(), bytes.len() as u64);
    assert!(whole.is_ok());
    for length in (0..bytes.len()).step_by(251) {
        let cut = &bytes[..length];
        let read = Gguf::read(cut, cut.len() as u64);
        let is_right = matches!(read, Err(GgufError::Truncated | GgufError::Tensor(_)));
        assert!(is_right, "{length}: {read:?}");
    }
}

#[test]
fn huge_counts_and_lists_in_lists_are_refused() {
    let mut head = b"GGUF\x03\0\0\0".to_vec();
    head.extend(0_u64.to_le_bytes());
    let mut many = head.clone();
    many.extend(u64::MAX.to_le_bytes());
    let read = Gguf::read(many.as_slice(), u64::MAX);
    assert!(matches!(read, Err(GgufError::TooMany { found: u64::MAX, .. })), "{read:?}");

    head.extend(1_u64.to_le_bytes());
    head.extend(1_u64.to_le_bytes());
    head.push(b'k');
    let list = |kind: u32, count: u64| {
        let mut bytes = head.clone();
        bytes.extend(9_u32.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        Gguf::read(bytes.as_slice(), u64::MAX).unwrap_err()
    };
    assert!(matches!(list(9, 1), GgufError::Nested(_)));
    assert!(matches!(list(8, 1 << 40), GgufError::TooMany { .. }));
    // As many as may be, and not one of them there.
    assert!(matches!(list(8, 1 << 22), GgufError::Truncated));
    assert!(matches!(list(77, 1), GgufError::ValueType { code: 77, .. }));
}

#[test]
fn a_head_without_end_is_refused() {
    let mut head = b"GGUF\x03\0\0\0".to_vec();
    head.extend(0_u64.to_le_bytes());
    head.extend((1_u64 << 16).to_le_bytes());
    let entries = std::io::BufReader::with_capacity(100_000, Endless(0));
    let endless = std::io::Read::chain(head.as_slice(), entries);
    let read = Gguf::read(endless, u64::MAX);
    assert!(
        matches!(read, Err(GgufError::TooMany { what: "size of the head in bytes", .. })),
        "{read:?}"
    );
}

/// Texts of 65,536 bytes under keys of 8, for ever; an entry at a time.
struct Endless(u64);

impl std::io::Read for Endless {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        self.0 += 1;
        let mut bytes = 8_u64.to_le_bytes().to_vec();
        bytes.extend(format!("{:08}", self.0).as_bytes());
        bytes.extend(8_u32.to_le_bytes());
        bytes.extend(65_536_u64.to_le_bytes());
        bytes.resize(bytes.len() + 65_536, b' ');
        out[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

#[test]
fn what_cannot_be_run_is_named() {
    let text = |text: &str| Meta::Text(text.to_owned());
    let named = |key, value| changed(set(key, value)).to_string();
    let architecture = named("general.architecture", text("mamba"));
    assert!(architecture.contains("\"mamba\"") && architecture.contains("qwen3"), "{architecture}");
    let tokenizer = named("tokenizer.ggml.model", text("t5"));
    assert_eq!(tokenizer, "the tokenizer \"t5\" is not supported");
    let split = changed(|metadata| {
        set("tokenizer.ggml.model", text("gpt2"))(metadata);
        set("tokenizer.ggml.pre", text("klingon"))(metadata);
    });
    assert_eq!(split, Unsuited::Tokenizer("gpt2 with klingon".to_owned()));
    let scaling = named("llama.rope.scaling.type", text("yarn"));
    assert_eq!(scaling, "positions stretched by \"yarn\" is not supported");
    let experts = changed(set("llama.expert_count", Meta::Whole(8)));
    assert_eq!(experts, Unsuited::Feature("a mixture of experts".to_owned()));
    let bare = changed(|metadata| metadata.retain(|(key, _)| key != "tokenizer.chat_template"));
    assert_eq!(bare, Unsuited::NoTemplate);
    let template = changed(set("tokenizer.chat_template", text("{% for x in %}")));
    assert!(matches!(template, Unsuited::Template(_)), "{template:?}");
    for (key, value) in [
        ("llama.attention.head_count", 0),
        ("llama.attention.head_count", 3),
        ("llama.embedding_length", u32::MAX),
        ("llama.block_count", 100_000),
        ("llama.rope.dimension_count", 18),
        ("llama.rope.dimension_count", 15),
    ] {
        let unsuited = changed(set(key, Meta::Whole(value)));
        assert!(matches!(unsuited, Unsuited::Sizes(_)), "{key} = {value}: {unsuited:?}");
    }
    let more_layers = changed(set("llama.block_count", Meta::Whole(3)));
    assert_eq!(more_layers, Unsuited::NoTensor("blk.2.attn_norm.weight".to_owned()));
    let wider = changed(set("llama.feed_forward_length", Meta::Whole(97)));
    assert!(matches!(wider, Unsuited::TensorSizes(_)), "{wider:?}");
}

#[test]
fn a_quantisation_that_is_not_computed_is_named() {
    let mut bytes = Vec::new();
    RandomModel::small("llama", Numbers::Q4_0).write_to(&mut bytes, |_| {}).unwrap();
    // After its name: the number of dimensions, two sizes, the type.
    let name = b"token_embd.weight";
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap();
    let at = at + name.len() + 4 + 16;
    bytes[at] = 20;
    match look(&bytes) {
        Err(LoadError::Unsuited(unsuited)) => {
            let text = unsuited.to_string();
            assert_eq!(
                text,
                "the quantisation IQ4_NL (tensor \"token_embd.weight\") is not supported"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_that_is_not_there_or_no_model_is_an_error() {
    assert!(matches!(read_head(Path::new("/nonexistent.gguf")), Err(LoadError::Io(_))));
    assert!(matches!(Gguf::read(b"PK\x03\x04....".as_slice(), 8), Err(GgufError::NotGguf)));
    assert!(matches!(Gguf::read(b"GGUF\0\0\0\x03....".as_slice(), 12), Err(GgufError::Version(_))));
}

proptest! {
    #[test]
    fn changed_bytes_never_panic(
        changes in prop::collection::vec((0_usize..24_000, any::<u8>()), 1..16),
    ) {
        let mut bytes = model();
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        let _ = look(&bytes);
    }

    #[test]
    fn any_bytes_never_panic(rest in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend(rest);
        prop_assert!(look(&bytes).is_err());
    }
}
