//! Files with weights of language models: `infer::local`.

use std::path::Path;

use infer::local::{Facts, Gguf, ModelFile};

/// A whole head: metadata, vocabulary, template and the places of tensors.
pub const HEADS: &[&[u8]] = &[
    include_bytes!("../seeds/pieces.gguf"),
    include_bytes!("../seeds/merges.gguf"),
    b"GGUF\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
];

/// A head with weights behind it that are not there: everything but reading and computing them.
pub fn gguf(data: &[u8]) {
    let Ok(head) = Gguf::read(data, u64::MAX) else { return };
    let facts = Facts::of(&head);
    let Ok(file) = ModelFile::of(Path::new("model.gguf"), head) else { return };
    assert!(!facts.architecture.is_empty(), "a model of no family");
    let need = file.need(4_096, 2);
    assert!(need.total() >= need.weights && need.weights > 0, "weights need memory");
}
