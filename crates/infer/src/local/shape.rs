//! What kind of decoder a file holds and how large it is: its hyperparameters, read and checked, so
//! that no number of the file can make the decoder panic. Knows nothing of weights and computing.

use super::{
    Unsuited,
    gguf::{Gguf, Value},
};

/// Largest hyperparameter of any kind; beyond: refused. No dense model comes near it.
const SIZE_MAX: u64 = 1 << 20;
/// Most layers; beyond: refused.
const LAYERS_MAX: u64 = 1 << 10;
/// Longest context, in tokens; beyond: cut.
const CONTEXT_MAX: u64 = 1 << 20;
/// Layers of the one Gemma 3 that scales its attention in its own way (27B).
const GEMMA_27B_LAYERS: usize = 62;

/// The families of models that can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Llama,
    Qwen2,
    Qwen3,
    Gemma3,
    Phi3,
}

impl Family {
    const ALL: [Self; 5] = [Self::Llama, Self::Qwen2, Self::Qwen3, Self::Gemma3, Self::Phi3];

    /// As `general.architecture` names it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
            Self::Gemma3 => "gemma3",
            Self::Phi3 => "phi3",
        }
    }

    /// Whether positions turn neighbouring numbers instead of one of each half.
    pub fn turns_neighbours(self) -> bool {
        self == Self::Llama
    }

    /// Whether queries and keys are brought to one length per head.
    pub fn has_head_norms(self) -> bool {
        matches!(self, Self::Qwen3 | Self::Gemma3)
    }

    /// Whether what a block makes is brought to one length before it is added.
    pub fn has_post_norms(self) -> bool {
        self == Self::Gemma3
    }

    /// Whether queries, keys and values come from one matrix, and gate and way up from another.
    pub fn is_fused(self) -> bool {
        self == Self::Phi3
    }
}

/// How positions turn queries and keys.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Turning {
    /// The base of the angles.
    pub base: f64,
    /// What positions are multiplied with.
    pub scale: f64,
    /// What the turned numbers are multiplied with.
    pub stretch: f64,
    /// Numbers of a head that are turned; the rest stays.
    pub width: usize,
}

/// The sizes of a decoder. Everything is at least one and below its bound.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    pub family: Family,
    pub layers: usize,
    pub width: usize,
    pub inner: usize,
    pub heads: usize,
    pub shared_heads: usize,
    pub head_width: usize,
    pub vocabulary: usize,
    /// Longest context that the model was made for, in tokens.
    pub context: usize,
    /// The context it was first made for, if it was stretched later (Phi-3).
    pub context_first: Option<usize>,
    pub epsilon: f64,
    pub turning: Turning,
    /// Of layers that see only near tokens.
    pub turning_near: Turning,
    /// How far back such layers see, in tokens.
    pub near: Option<usize>,
    /// Every layer at a multiple of this sees everything; 0: none does.
    pub far_every: usize,
    /// What products of queries and keys are multiplied with.
    pub attention_scale: f64,
    /// What tokens' vectors are multiplied with at the beginning.
    pub embedding_scale: f64,
    /// Between which numbers the last scores are pressed.
    pub softcap: Option<f64>,
}

impl Shape {
    /// Reads the sizes.
    pub fn of(gguf: &Gguf) -> Result<Self, Unsuited> {
        let code =
            gguf.text("general.architecture").ok_or(Unsuited::Missing("general.architecture"))?;
        let family = Family::ALL.into_iter().find(|family| family.code() == code);
        let family = family.ok_or_else(|| Unsuited::Architecture(code.to_owned()))?;
        if gguf.whole("split.count").is_some_and(|parts| parts > 1) {
            return Err(Unsuited::Feature("a model in several files".to_owned()));
        }
        let keys = Keys { gguf, code };
        if keys.whole("expert_count").is_some_and(|experts| experts > 0) {
            return Err(Unsuited::Feature("a mixture of experts".to_owned()));
        }
        let width = keys.size("embedding_length")?;
        let heads = keys.size("attention.head_count")?;
        let shared_heads = keys.size_or("attention.head_count_kv", heads)?;
        let head_width = keys.size_or("attention.key_length", width / heads)?;
        let value_width = keys.size_or("attention.value_length", head_width)?;
        if !heads.is_multiple_of(shared_heads) || head_width == 0 || value_width != head_width {
            return Err(Unsuited::Sizes("attention.head_count"));
        }
        let Some(Value::Texts(tokens)) = gguf.metadata.get("tokenizer.ggml.tokens") else {
            return Err(Unsuited::Missing("tokenizer.ggml.tokens"));
        };
        let layers = keys.size("block_count")?;
        if layers as u64 > LAYERS_MAX {
            return Err(Unsuited::Sizes("block_count"));
        }
        let near = keys.whole("attention.sliding_window").filter(|near| *near > 0);
        let near = near.map(|near| usize::try_from(near).unwrap_or(usize::MAX));
        let turning = keys.turning(head_width)?;
        let is_gemma = family == Family::Gemma3;
        let base_near = keys.number("rope.freq_base_swa").unwrap_or(10_000.0);
        let scaled_width =
            if is_gemma && layers == GEMMA_27B_LAYERS { width / heads } else { head_width };
        Ok(Self {
            family,
            layers,
            width,
            inner: keys.size("feed_forward_length")?,
            heads,
            shared_heads,
            head_width,
            vocabulary: tokens.len().max(1),
            context: keys.context("context_length").ok_or(Unsuited::Missing("context_length"))?,
            context_first: keys.context("rope.scaling.original_context_length"),
            epsilon: keys.finite("attention.layer_norm_rms_epsilon")?,
            turning,
            turning_near: if is_gemma {
                Turning { base: base_near, scale: 1.0, ..turning }
            } else {
                turning
            },
            // Only these two were trained to look away; the key is a left-over elsewhere.
            near: near.filter(|_| matches!(family, Family::Gemma3 | Family::Phi3)),
            far_every: if is_gemma { 6 } else { 0 },
            attention_scale: 1.0 / (scaled_width.max(1) as f64).sqrt(),
            embedding_scale: if is_gemma { (width as f64).sqrt() } else { 1.0 },
            softcap: keys.number("final_logit_softcapping").filter(|cap| *cap > 0.0),
        })
    }

    /// How far back a layer sees; `None`: to the beginning.
    pub fn near(&self, layer: usize) -> Option<usize> {
        let is_far = self.far_every > 0 && (layer + 1).is_multiple_of(self.far_every);
        self.near.filter(|_| !is_far)
    }
}

/// The keys of one architecture.
struct Keys<'a> {
    gguf: &'a Gguf,
    code: &'a str,
}

impl Keys<'_> {
    fn whole(&self, name: &str) -> Option<u64> {
        self.gguf.whole(&format!("{}.{name}", self.code))
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.gguf.number(&format!("{}.{name}", self.code)).filter(|number| number.is_finite())
    }

    fn finite(&self, name: &'static str) -> Result<f64, Unsuited> {
        self.number(name).filter(|number| *number >= 0.0).ok_or(Unsuited::Missing(name))
    }

    fn size(&self, name: &'static str) -> Result<usize, Unsuited> {
        let size = self.whole(name).ok_or(Unsuited::Missing(name))?;
        if size == 0 || size > SIZE_MAX {
            return Err(Unsuited::Sizes(name));
        }
        usize::try_from(size).map_err(|_| Unsuited::Sizes(name))
    }

    fn size_or(&self, name: &'static str, without: usize) -> Result<usize, Unsuited> {
        let key = format!("{}.{name}", self.code);
        if self.gguf.metadata.contains_key(&key) { self.size(name) } else { Ok(without) }
    }

    fn context(&self, name: &str) -> Option<usize> {
        let tokens = self.whole(name).filter(|tokens| *tokens > 0)?;
        usize::try_from(tokens.min(CONTEXT_MAX)).ok()
    }

    fn turning(&self, head_width: usize) -> Result<Turning, Unsuited> {
        let kind = self.gguf.text(&format!("{}.rope.scaling.type", self.code)).unwrap_or("none");
        let factor = self.number("rope.scaling.factor").filter(|factor| *factor > 0.0);
        let scale = match kind {
            "none" | "longrope" => 1.0,
            "linear" => 1.0 / factor.unwrap_or(1.0),
            other => return Err(Unsuited::Feature(format!("positions stretched by {other:?}"))),
        };
        let width = self.size_or("rope.dimension_count", head_width)?;
        if width > head_width || !width.is_multiple_of(2) {
            return Err(Unsuited::Sizes("rope.dimension_count"));
        }
        let base = self.number("rope.freq_base").unwrap_or(10_000.0);
        let stretch = self.number("rope.scaling.attn_factor").unwrap_or(1.0);
        if base <= 0.0 {
            return Err(Unsuited::Sizes("rope.freq_base"));
        }
        Ok(Turning { base, scale, stretch, width })
    }
}
