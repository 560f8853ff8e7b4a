//! The weights of a decoder: what a file must hold for its shape, what that takes in memory, and
//! reading it. Knows nothing of computing.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
};

use candle_core::{
    Device, Tensor,
    quantized::{QMatMul, QTensor, ggml_file::qtensor_from_ggml},
};

use super::{
    LoadError, Unsuited,
    gguf::{Gguf, TensorPlace},
    shape::Shape,
};

/// All weights.
#[derive(Debug)]
pub(super) struct Weights {
    /// A row for each token.
    pub embedding: QTensor,
    pub layers: Vec<Layer>,
    pub norm: Tensor,
    pub output: QMatMul,
    /// What angles are divided by, for short and for long contexts.
    pub turning_short: Option<Tensor>,
    pub turning_long: Option<Tensor>,
}

/// The weights of a layer.
#[derive(Debug)]
pub(super) struct Layer {
    pub attention_norm: Tensor,
    pub attention: Attention,
    pub attention_post_norm: Option<Tensor>,
    pub feed_norm: Tensor,
    pub feed: Feed,
    pub feed_post_norm: Option<Tensor>,
}

#[derive(Debug)]
pub(super) struct Attention {
    /// Queries, keys and values, from one matrix or three.
    pub inputs: Vec<Linear>,
    pub output: Linear,
    pub query_norm: Option<Tensor>,
    pub key_norm: Option<Tensor>,
}

#[derive(Debug)]
pub(super) struct Feed {
    /// Gate and way up, from one matrix or two.
    pub inputs: Vec<Linear>,
    pub down: Linear,
}

/// A matrix, and what is added to its product.
#[derive(Debug)]
pub(super) struct Linear {
    pub matrix: QMatMul,
    pub bias: Option<Tensor>,
}

/// Checks that a file has every weight of its shape, in the right size and in a type that can be
/// computed with. Returns what they take in memory, in bytes.
pub(super) fn check(gguf: &Gguf, shape: &Shape) -> Result<u64, Unsuited> {
    let mut bytes = 0_u64;
    for (name, sizes, is_required) in expected(shape) {
        let Some(place) = gguf.tensors.get(&name) else {
            if is_required {
                return Err(Unsuited::NoTensor(name));
            }
            continue;
        };
        if place.quantisation.computable().is_none() {
            let quantisation = place.quantisation.name();
            return Err(Unsuited::Quantisation { tensor: name, quantisation });
        }
        if place.sizes != sizes {
            return Err(Unsuited::TensorSizes(name));
        }
        let in_memory = place.quantisation.bytes_in_memory(place.elements(), place.length);
        // The rows of tokens are taken as they are; only their product has a second copy.
        bytes = bytes.saturating_add(in_memory);
        if name == EMBEDDING && !gguf.tensors.contains_key(OUTPUT) {
            bytes = bytes.saturating_add(place.length);
        }
    }
    Ok(bytes)
}

const EMBEDDING: &str = "token_embd.weight";
const OUTPUT: &str = "output.weight";

/// Every weight: its name, its sizes, and whether a model must have it.
fn expected(shape: &Shape) -> Vec<(String, Vec<usize>, bool)> {
    let (family, width, inner) = (shape.family, shape.width, shape.inner);
    let (queries, keys) = (shape.heads * shape.head_width, shape.shared_heads * shape.head_width);
    let mut all = vec![
        (EMBEDDING.to_owned(), vec![shape.vocabulary, width], true),
        (OUTPUT.to_owned(), vec![shape.vocabulary, width], false),
        ("output_norm.weight".to_owned(), vec![width], true),
    ];
    for name in ["rope_freqs.weight", "rope_factors_short.weight", "rope_factors_long.weight"] {
        all.push((name.to_owned(), vec![shape.turning.width / 2], false));
    }
    for layer in 0..shape.layers {
        let mut add = |name: &str, sizes: &[usize], is_required| {
            all.push((format!("blk.{layer}.{name}"), sizes.to_vec(), is_required));
        };
        add("attn_norm.weight", &[width], true);
        add("ffn_norm.weight", &[width], true);
        add("attn_output.weight", &[width, queries], true);
        add("attn_output.bias", &[width], false);
        add("ffn_down.weight", &[width, inner], true);
        add("ffn_down.bias", &[width], false);
        let matrices: &[(&str, usize, usize)] = if family.is_fused() {
            &[("attn_qkv", queries + 2 * keys, width), ("ffn_up", 2 * inner, width)]
        } else {
            &[
                ("attn_q", queries, width),
                ("attn_k", keys, width),
                ("attn_v", keys, width),
                ("ffn_gate", inner, width),
                ("ffn_up", inner, width),
            ]
        };
        for (name, rows, columns) in matrices {
            add(&format!("{name}.weight"), &[*rows, *columns], true);
            add(&format!("{name}.bias"), &[*rows], false);
        }
        if family.has_head_norms() {
            add("attn_q_norm.weight", &[shape.head_width], true);
            add("attn_k_norm.weight", &[shape.head_width], true);
        }
        if family.has_post_norms() {
            add("post_attention_norm.weight", &[width], true);
            add("post_ffw_norm.weight", &[width], true);
        }
    }
    all
}

/// Reads all weights of a file that [`check`] found right.
pub(super) fn read(gguf: &Gguf, shape: &Shape, file: &mut File) -> Result<Weights, LoadError> {
    let mut source = Source { gguf, file };
    let embedding = source.tensor(EMBEDDING)?.ok_or(LoadError::Changed)?;
    let output = match source.tensor(OUTPUT)? {
        Some(own) => QMatMul::from_qtensor(own)?,
        None => QMatMul::from_qtensor(source.tensor(EMBEDDING)?.ok_or(LoadError::Changed)?)?,
    };
    let freqs = source.plain("rope_freqs.weight")?;
    let mut weights = Weights {
        embedding,
        layers: Vec::with_capacity(shape.layers),
        norm: source.required("output_norm.weight")?,
        output,
        turning_short: source.plain("rope_factors_short.weight")?.or_else(|| freqs.clone()),
        turning_long: source.plain("rope_factors_long.weight")?.or(freqs),
    };
    let (inputs, feeds): (&[&str], &[&str]) = if shape.family.is_fused() {
        (&["attn_qkv"], &["ffn_up"])
    } else {
        (&["attn_q", "attn_k", "attn_v"], &["ffn_gate", "ffn_up"])
    };
    for layer in 0..shape.layers {
        let name = |name: &str| format!("blk.{layer}.{name}");
        weights.layers.push(Layer {
            attention_norm: source.required(&name("attn_norm.weight"))?,
            attention: Attention {
                inputs: source.linears(layer, inputs)?,
                output: source.linear(&name("attn_output"))?,
                query_norm: source.plain(&name("attn_q_norm.weight"))?,
                key_norm: source.plain(&name("attn_k_norm.weight"))?,
            },
            attention_post_norm: source.plain(&name("post_attention_norm.weight"))?,
            feed_norm: source.required(&name("ffn_norm.weight"))?,
            feed: Feed {
                inputs: source.linears(layer, feeds)?,
                down: source.linear(&name("ffn_down"))?,
            },
            feed_post_norm: source.plain(&name("post_ffw_norm.weight"))?,
        });
    }
    Ok(weights)
}

struct Source<'a> {
    gguf: &'a Gguf,
    file: &'a mut File,
}

impl Source<'_> {
    fn tensor(&mut self, name: &str) -> Result<Option<QTensor>, LoadError> {
        let Some(place) = self.gguf.tensors.get(name) else { return Ok(None) };
        let TensorPlace { sizes, quantisation, at, length } = place;
        let kind = quantisation.computable().ok_or(LoadError::Changed)?;
        let mut bytes = vec![0; usize::try_from(*length).map_err(|_| LoadError::Changed)?];
        self.file.seek(SeekFrom::Start(*at))?;
        self.file.read_exact(&mut bytes)?;
        Ok(Some(qtensor_from_ggml(kind, &bytes, sizes.clone(), &Device::Cpu)?))
    }

    fn plain(&mut self, name: &str) -> Result<Option<Tensor>, LoadError> {
        let tensor = self.tensor(name)?;
        Ok(tensor.map(|tensor| tensor.dequantize(&Device::Cpu)).transpose()?)
    }

    fn required(&mut self, name: &str) -> Result<Tensor, LoadError> {
        self.plain(name)?.ok_or(LoadError::Changed)
    }

    fn linear(&mut self, name: &str) -> Result<Linear, LoadError> {
        let matrix = self.tensor(&format!("{name}.weight"))?.ok_or(LoadError::Changed)?;
        let bias = self.plain(&format!("{name}.bias"))?;
        Ok(Linear { matrix: QMatMul::from_qtensor(matrix)?, bias })
    }

    fn linears(&mut self, layer: usize, names: &[&str]) -> Result<Vec<Linear>, LoadError> {
        names.iter().map(|name| self.linear(&format!("blk.{layer}.{name}"))).collect()
    }
}
