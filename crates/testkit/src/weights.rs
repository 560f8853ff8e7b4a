//! Files with random weights in the GGUF format: small models that say nonsense, always the same. Every
//! number comes from a seed, so that a reference can be computed once for the very same weights.

use std::{
    fs::File,
    io::{BufWriter, Result, Write},
    path::Path,
};

/// A model to write.
#[derive(Debug, Clone)]
pub struct RandomModel {
    /// `llama`, `qwen2`, `qwen3`, `gemma3` or `phi3`.
    pub architecture: &'static str,
    /// The type of its matrices.
    pub numbers: Numbers,
    /// Layers.
    pub layers: usize,
    /// Numbers of a token's vector.
    pub width: usize,
    /// Numbers between the two halves of a layer's second block.
    pub inner: usize,
    /// Heads for queries.
    pub heads: usize,
    /// Heads for keys and values.
    pub shared_heads: usize,
    /// Numbers of a head.
    pub head_width: usize,
    /// Longest context, in tokens.
    pub context: usize,
    /// Tokens beside those that every text needs.
    pub more_tokens: usize,
    /// Whether there is a matrix of its own for the last scores.
    pub has_output: bool,
    /// Whether an answer never ends by itself, because no token is one of control.
    pub is_endless: bool,
    /// What chance begins with.
    pub seed: u64,
}

/// Types of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names of GGUF")]
pub enum Numbers {
    F32,
    F16,
    Q4_0,
    Q8_0,
    Q4K,
    Q6K,
}

/// A value of the metadata.
#[derive(Debug, Clone)]
pub enum Meta {
    /// `uint32`.
    Whole(u32),
    /// `float32`.
    Number(f32),
    /// `bool`.
    Flag(bool),
    /// `string`.
    Text(String),
    /// A list of `string`.
    Texts(Vec<String>),
    /// A list of `float32`.
    Numbers(Vec<f32>),
    /// A list of `int32`.
    Wholes(Vec<i32>),
}

/// A template like that of many models.
pub const TEMPLATE: &str = "{{ bos_token }}{% for message in messages %}\
    {{ '<|im_start|>' + message['role'] + '\n' + message['content'] | trim + '<|im_end|>\n' }}\
    {% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/// Words that become tokens of their own.
const WORDS: [&str; 12] =
    ["er", "en", "ch", "de", "ein", "ich", "un", "der", "und", "te", "ung", "st"];
/// GGUF's type of a text.
const TEXT: u32 = 8;

impl RandomModel {
    /// Two layers of 64 numbers.
    #[must_use]
    pub fn tiny(architecture: &'static str, numbers: Numbers) -> Self {
        Self {
            architecture,
            numbers,
            layers: 2,
            width: 64,
            inner: 96,
            heads: 4,
            shared_heads: 2,
            head_width: 16,
            context: 512,
            more_tokens: 0,
            has_output: architecture != "qwen2",
            is_endless: false,
            seed: 1,
        }
    }

    /// The same, but that its answers never end by themselves.
    #[must_use]
    pub fn endless(self) -> Self {
        Self { is_endless: true, ..self }
    }

    /// Large enough for blocks of 256 numbers.
    #[must_use]
    pub fn small(architecture: &'static str, numbers: Numbers) -> Self {
        let tiny = Self::tiny(architecture, numbers);
        Self { width: 256, inner: 512, head_width: 64, seed: 2, ..tiny }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        self.write_with(path, |_| {})
    }

    /// Writes the file with other metadata.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_with(
        &self,
        path: &Path,
        change: impl FnOnce(&mut Vec<(String, Meta)>),
    ) -> Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        self.write_to(&mut file, change)?;
        file.flush()
    }

    /// Writes the bytes of the file.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn write_to(
        &self,
        out: &mut impl Write,
        change: impl FnOnce(&mut Vec<(String, Meta)>),
    ) -> Result<()> {
        let mut metadata = self.metadata();
        change(&mut metadata);
        let tensors = self.tensors();
        let mut head = Vec::new();
        head.write_all(b"GGUF")?;
        head.write_all(&3_u32.to_le_bytes())?;
        head.write_all(&(tensors.len() as u64).to_le_bytes())?;
        head.write_all(&(metadata.len() as u64).to_le_bytes())?;
        for (key, value) in &metadata {
            text(&mut head, key)?;
            write_value(&mut head, value)?;
        }
        let mut at = 0_u64;
        for tensor in &tensors {
            text(&mut head, &tensor.name)?;
            head.write_all(&(tensor.sizes.len() as u32).to_le_bytes())?;
            for size in tensor.sizes.iter().rev() {
                head.write_all(&(*size as u64).to_le_bytes())?;
            }
            head.write_all(&tensor.numbers.code().to_le_bytes())?;
            head.write_all(&at.to_le_bytes())?;
            at += tensor.bytes().next_multiple_of(32);
        }
        head.resize(head.len().next_multiple_of(32), 0);
        out.write_all(&head)?;
        let mut chance = Chance(self.seed);
        for tensor in &tensors {
            tensor.write(&mut chance, out)?;
            let bytes = tensor.bytes();
            let padding = bytes.next_multiple_of(32) - bytes;
            out.write_all(&[0; 32][..usize::try_from(padding).unwrap()])?;
        }
        Ok(())
    }

    fn metadata(&self) -> Vec<(String, Meta)> {
        let architecture = self.architecture;
        let whole = |size: usize| Meta::Whole(u32::try_from(size).unwrap());
        let of_model = [
            ("context_length", whole(self.context)),
            ("embedding_length", whole(self.width)),
            ("block_count", whole(self.layers)),
            ("feed_forward_length", whole(self.inner)),
            ("attention.head_count", whole(self.heads)),
            ("attention.head_count_kv", whole(self.shared_heads)),
            ("attention.key_length", whole(self.head_width)),
            ("attention.value_length", whole(self.head_width)),
            ("rope.dimension_count", whole(self.head_width)),
            ("attention.layer_norm_rms_epsilon", Meta::Number(1e-5)),
            ("rope.freq_base", Meta::Number(10_000.0)),
            ("vocab_size", whole(self.tokens().len())),
        ];
        let mut metadata: Vec<(String, Meta)> = vec![
            ("general.architecture".to_owned(), Meta::Text(architecture.to_owned())),
            ("general.name".to_owned(), Meta::Text("Random weights".to_owned())),
        ];
        metadata.extend(of_model.map(|(key, value)| (format!("{architecture}.{key}"), value)));
        if architecture == "gemma3" {
            metadata.push(("gemma3.attention.sliding_window".to_owned(), Meta::Whole(24)));
        }
        metadata.extend(self.tokenizer().map(|(key, value)| (format!("tokenizer.{key}"), value)));
        metadata
    }

    fn has_pieces(&self) -> bool {
        matches!(self.architecture, "llama" | "gemma3" | "phi3")
    }

    /// Words of control, the 256 bytes, and what can be made of them.
    fn tokens(&self) -> Vec<String> {
        let control = ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"];
        let mut tokens: Vec<String> = control.map(str::to_owned).to_vec();
        if self.has_pieces() {
            tokens.extend((0..=255).map(|byte| format!("<0x{byte:02X}>")));
            tokens.extend(('a'..='z').chain('A'..='Z').chain(['\u{2581}', 'ü']).map(String::from));
            tokens.extend(self.words().map(|word| word.replace(' ', "\u{2581}")));
        } else {
            tokens.extend((0..=255).map(|byte| letter(byte).to_string()));
            tokens.extend(self.words().map(|word| word.bytes().map(letter).collect()));
        }
        tokens.extend((0..self.more_tokens).map(|number| format!("[{number}]")));
        tokens
    }

    fn words(&self) -> impl Iterator<Item = String> {
        let begun = [" d", " u", " e", " de", " un", " ei"].map(str::to_owned);
        WORDS.map(str::to_owned).into_iter().chain(begun)
    }

    fn tokenizer(&self) -> [(&'static str, Meta); 8] {
        let tokens = self.tokens();
        let kind = |token: &String| match token.as_str() {
            token if token.starts_with("<0x") && self.has_pieces() => 6,
            _ if self.is_endless => 1,
            "<unk>" => 2,
            "<s>" | "</s>" | "<|im_start|>" | "<|im_end|>" => 3,
            _ => 1,
        };
        let kinds = Meta::Wholes(tokens.iter().map(kind).collect());
        let (model, rule) = if self.has_pieces() {
            let scores = (0..).zip(&tokens).map(|(at, _)| -(at as f32)).collect();
            ("llama", ("ggml.scores", Meta::Numbers(scores)))
        } else {
            ("gpt2", ("ggml.merges", Meta::Texts(self.merges())))
        };
        [
            ("ggml.model", Meta::Text(model.to_owned())),
            (
                "ggml.pre",
                Meta::Text(if self.has_pieces() { "default" } else { "qwen2" }.to_owned()),
            ),
            ("ggml.tokens", Meta::Texts(tokens)),
            ("ggml.token_type", kinds),
            rule,
            ("ggml.bos_token_id", Meta::Whole(1)),
            ("ggml.eos_token_id", Meta::Whole(if self.is_endless { u32::MAX } else { 2 })),
            ("chat_template", Meta::Text(TEMPLATE.to_owned())),
        ]
    }

    /// Each word of its first letters and its last.
    fn merges(&self) -> Vec<String> {
        let mut words: Vec<String> = self.words().collect();
        words.sort_by_key(String::len);
        let word = |part: &str| part.bytes().map(letter).collect::<String>();
        let pair = |text: &String| {
            let (first, last) = text.split_at(text.len() - 1);
            format!("{} {}", word(first), word(last))
        };
        words.iter().map(pair).collect()
    }

    fn tensors(&self) -> Vec<Tensor> {
        let (width, inner, vocabulary) = (self.width, self.inner, self.tokens().len());
        let (queries, keys) = (self.heads * self.head_width, self.shared_heads * self.head_width);
        let mut tensors = Vec::new();
        let mut add = |name: String, sizes: &[usize], numbers: Numbers, around: f32| {
            tensors.push(Tensor { name, sizes: sizes.to_vec(), numbers, around });
        };
        add("token_embd.weight".to_owned(), &[vocabulary, width], self.numbers, 0.0);
        if self.has_output {
            add("output.weight".to_owned(), &[vocabulary, width], self.numbers, 0.0);
        }
        add("output_norm.weight".to_owned(), &[width], Numbers::F32, 1.0);
        for layer in 0..self.layers {
            let name = |name: &str| format!("blk.{layer}.{name}");
            add(name("attn_norm.weight"), &[width], Numbers::F32, 1.0);
            add(name("ffn_norm.weight"), &[width], Numbers::F32, 1.0);
            let matrices: &[(&str, usize, usize)] = if self.architecture == "phi3" {
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
            for (matrix, rows, columns) in matrices {
                add(name(&format!("{matrix}.weight")), &[*rows, *columns], self.numbers, 0.0);
                if self.architecture == "qwen2" && matrix.starts_with("attn") {
                    add(name(&format!("{matrix}.bias")), &[*rows], Numbers::F32, 0.0);
                }
            }
            add(name("attn_output.weight"), &[width, queries], self.numbers, 0.0);
            add(name("ffn_down.weight"), &[width, inner], self.numbers, 0.0);
            if matches!(self.architecture, "qwen3" | "gemma3") {
                add(name("attn_q_norm.weight"), &[self.head_width], Numbers::F32, 1.0);
                add(name("attn_k_norm.weight"), &[self.head_width], Numbers::F32, 1.0);
            }
            if self.architecture == "gemma3" {
                add(name("post_attention_norm.weight"), &[width], Numbers::F32, 1.0);
                add(name("post_ffw_norm.weight"), &[width], Numbers::F32, 1.0);
            }
        }
        tensors
    }
}

struct Tensor {
    name: String,
    sizes: Vec<usize>,
    numbers: Numbers,
    around: f32,
}

impl Tensor {
    fn count(&self) -> u64 {
        self.sizes.iter().map(|size| *size as u64).product()
    }

    fn bytes(&self) -> u64 {
        let (numbers, bytes) = self.numbers.block();
        self.count() / numbers * bytes
    }

    /// Numbers spread evenly over a width of one; blocks by any bits and a fitting scale.
    fn write(&self, chance: &mut Chance, out: &mut impl Write) -> Result<()> {
        let (in_block, bytes) = self.numbers.block();
        let mut block = vec![0; usize::try_from(bytes).unwrap()];
        for _ in 0..self.count() / in_block {
            let number = self.around + chance.number() - 0.5;
            match self.numbers {
                Numbers::F32 => block.copy_from_slice(&number.to_le_bytes()),
                // Of the number's bits those that a half has; it is never very small or large.
                Numbers::F16 => block.copy_from_slice(&half(number).to_le_bytes()),
                numbers => {
                    block.fill_with(|| chance.bits().to_le_bytes()[7]);
                    let scales = numbers.scales();
                    for (at, exponent) in scales {
                        block[*at..at + 2].copy_from_slice(&((15 - exponent) << 10).to_le_bytes());
                    }
                }
            }
            out.write_all(&block)?;
        }
        Ok(())
    }
}

impl Numbers {
    const fn code(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Q4_0 => 2,
            Self::Q8_0 => 8,
            Self::Q4K => 12,
            Self::Q6K => 14,
        }
    }

    /// Numbers and bytes of a block.
    const fn block(self) -> (u64, u64) {
        match self {
            Self::F32 => (1, 4),
            Self::F16 => (1, 2),
            Self::Q4_0 => (32, 18),
            Self::Q8_0 => (32, 34),
            Self::Q4K => (256, 144),
            Self::Q6K => (256, 210),
        }
    }

    /// Where a block's scales stand, and which negative power of two each is, so that its numbers are
    /// about a half.
    const fn scales(self) -> &'static [(usize, u16)] {
        match self {
            Self::F32 | Self::F16 => &[],
            Self::Q4_0 => &[(0, 4)],
            Self::Q8_0 => &[(0, 8)],
            Self::Q4K => &[(0, 10), (2, 7)],
            Self::Q6K => &[(208, 12)],
        }
    }
}

fn half(number: f32) -> u16 {
    let bits = number.to_bits();
    let exponent = ((bits >> 23) & 0xFF) as i32 - 127 + 15;
    let sign = (bits >> 16) & 0x8000;
    if exponent <= 0 {
        return u16::try_from(sign).unwrap();
    }
    u16::try_from(sign | (exponent as u32) << 10 | (bits >> 13) & 0x3FF).unwrap()
}

/// GPT-2's letter for a byte.
fn letter(byte: u8) -> char {
    let is_seen = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    if is_seen(byte) {
        return char::from(byte);
    }
    let before = (0..byte).filter(|byte| !is_seen(*byte)).count();
    char::from_u32(0x100 + u32::try_from(before).unwrap()).unwrap()
}

fn text(out: &mut impl Write, text: &str) -> Result<()> {
    out.write_all(&(text.len() as u64).to_le_bytes())?;
    out.write_all(text.as_bytes())
}

fn write_value(out: &mut impl Write, value: &Meta) -> Result<()> {
    let mut list = |kind: u32, length: usize, items: &mut dyn FnMut(&mut Vec<u8>) -> Result<()>| {
        let mut bytes = Vec::new();
        items(&mut bytes)?;
        out.write_all(&9_u32.to_le_bytes())?;
        out.write_all(&kind.to_le_bytes())?;
        out.write_all(&(length as u64).to_le_bytes())?;
        out.write_all(&bytes)
    };
    match value {
        Meta::Texts(texts) => list(TEXT, texts.len(), &mut |bytes| {
            texts.iter().try_for_each(|item| text(bytes, item))
        }),
        Meta::Numbers(numbers) => list(6, numbers.len(), &mut |bytes| {
            numbers.iter().try_for_each(|item| bytes.write_all(&item.to_le_bytes()))
        }),
        Meta::Wholes(wholes) => list(5, wholes.len(), &mut |bytes| {
            wholes.iter().try_for_each(|item| bytes.write_all(&item.to_le_bytes()))
        }),
        Meta::Whole(whole) => {
            out.write_all(&4_u32.to_le_bytes())?;
            out.write_all(&whole.to_le_bytes())
        }
        Meta::Number(number) => {
            out.write_all(&6_u32.to_le_bytes())?;
            out.write_all(&number.to_le_bytes())
        }
        Meta::Flag(flag) => {
            out.write_all(&7_u32.to_le_bytes())?;
            out.write_all(&[u8::from(*flag)])
        }
        Meta::Text(value) => {
            out.write_all(&TEXT.to_le_bytes())?;
            text(out, value)
        }
    }
}

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// At least 0 and below 1.
    fn number(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1_u64 << 24) as f32
    }
}
