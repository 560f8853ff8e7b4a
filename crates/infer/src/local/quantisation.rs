//! The types of numbers in a GGUF file: what they are called, how large they are, and which of them
//! can be computed with here.

use candle_core::quantized::GgmlDType;

/// A type of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quantisation {
    code: u32,
}

/// Code, name, numbers in a block, bytes of a block.
type Row = (u32, &'static str, u64, u64);

/// As `ggml_type` and `GGML_QUANT_SIZES` of ggml have them.
const TYPES: [Row; 27] = [
    (0, "F32", 1, 4),
    (1, "F16", 1, 2),
    (2, "Q4_0", 32, 18),
    (3, "Q4_1", 32, 20),
    (6, "Q5_0", 32, 22),
    (7, "Q5_1", 32, 24),
    (8, "Q8_0", 32, 34),
    (10, "Q2_K", 256, 84),
    (11, "Q3_K", 256, 110),
    (12, "Q4_K", 256, 144),
    (13, "Q5_K", 256, 176),
    (14, "Q6_K", 256, 210),
    (15, "Q8_K", 256, 292),
    (16, "IQ2_XXS", 256, 66),
    (17, "IQ2_XS", 256, 74),
    (18, "IQ3_XXS", 256, 98),
    (19, "IQ1_S", 256, 50),
    (20, "IQ4_NL", 32, 18),
    (21, "IQ3_S", 256, 110),
    (22, "IQ2_S", 256, 82),
    (23, "IQ4_XS", 256, 136),
    (29, "IQ1_M", 256, 56),
    (30, "BF16", 1, 2),
    (34, "TQ1_0", 256, 54),
    (35, "TQ2_0", 256, 66),
    (39, "MXFP4", 32, 17),
    (26, "I32", 1, 4),
];

impl Quantisation {
    pub const fn from_code(code: u32) -> Self {
        Self { code }
    }

    /// The name that people know it by.
    pub fn name(self) -> String {
        self.row().map_or_else(|| format!("type {}", self.code), |(_, name, ..)| (*name).to_owned())
    }

    /// The size of so many numbers in rows of `row`; `None` if rows are no whole blocks or it cannot
    /// be. An unknown type has no size: that such a tensor cannot be used is said by name later.
    pub fn bytes(self, numbers: u64, row: u64) -> Option<u64> {
        let Some((_, _, in_block, bytes)) = self.row() else { return Some(0) };
        if !row.is_multiple_of(*in_block) {
            return None;
        }
        (numbers / in_block).checked_mul(*bytes)
    }

    /// The tensor library's type; `None` if it cannot compute with it.
    pub fn computable(self) -> Option<GgmlDType> {
        Some(match self.code {
            0 => GgmlDType::F32,
            1 => GgmlDType::F16,
            2 => GgmlDType::Q4_0,
            3 => GgmlDType::Q4_1,
            6 => GgmlDType::Q5_0,
            7 => GgmlDType::Q5_1,
            8 => GgmlDType::Q8_0,
            10 => GgmlDType::Q2K,
            11 => GgmlDType::Q3K,
            12 => GgmlDType::Q4K,
            13 => GgmlDType::Q5K,
            14 => GgmlDType::Q6K,
            30 => GgmlDType::BF16,
            _ => return None,
        })
    }

    /// Bytes in memory of numbers that take `length` bytes in the file, by a high estimate.
    pub fn bytes_in_memory(self, numbers: u64, length: u64) -> u64 {
        match self.computable() {
            // Whole and half numbers are kept as whole ones.
            Some(GgmlDType::F32 | GgmlDType::F16 | GgmlDType::BF16) => numbers.saturating_mul(4),
            // The library keeps a second copy, ordered for wide registers; sixes become eights.
            Some(GgmlDType::Q4K | GgmlDType::Q8_0) => length.saturating_mul(2),
            Some(GgmlDType::Q6K) => length.saturating_mul(5) / 2,
            _ => length,
        }
    }

    fn row(self) -> Option<&'static Row> {
        TYPES.iter().find(|(code, ..)| *code == self.code)
    }
}
