//! The decoder: from tokens to scores for the next one. One way through for all families; what sets
//! them apart stands in their [`Shape`] and in which weights there are.

use candle_core::{D, Device, IndexOp, Module, Result, Tensor};

use super::{
    shape::{Shape, Turning},
    weights::{Attention, Feed, Layer, Linear, Weights},
};

/// Tokens that are read in one go. More are faster and take more memory.
pub(super) const CHUNK: usize = 128;

/// A decoder with its weights.
#[derive(Debug)]
pub(super) struct Decoder {
    pub shape: Shape,
    pub weights: Weights,
    /// Whether the model is to be used beyond the context it was first made for.
    pub is_long: bool,
}

/// What one answer remembers of its tokens.
#[derive(Debug)]
pub(super) struct Memory {
    /// Keys and values of each layer, by head, with room for all tokens.
    layers: Vec<(Tensor, Tensor)>,
    tokens: usize,
    room: usize,
}

impl Memory {
    pub fn new(shape: &Shape, room: usize) -> Result<Self> {
        let sizes = (shape.shared_heads, room, shape.head_width);
        let zeros = || Tensor::zeros(sizes, candle_core::DType::F32, &Device::Cpu);
        let layers: Result<Vec<_>> = (0..shape.layers).map(|_| Ok((zeros()?, zeros()?))).collect();
        Ok(Self { layers: layers?, tokens: 0, room })
    }

    /// Bytes of a memory with this room.
    pub fn bytes(shape: &Shape, room: usize) -> u64 {
        let numbers = shape.shared_heads * shape.head_width * shape.layers * 2;
        (numbers as u64).saturating_mul(room as u64).saturating_mul(4)
    }

    /// Whether another token has room.
    pub fn has_room(&self) -> bool {
        self.tokens < self.room
    }
}

/// What all layers of one go need.
struct Going {
    from: usize,
    count: usize,
    far: Angles,
    near: Angles,
}

/// Cosine and sine of every position's angles.
struct Angles {
    cos: Tensor,
    sin: Tensor,
    width: usize,
}

impl Decoder {
    /// Bytes that one go takes beside weights and memory, by a high estimate.
    pub fn bytes_in_a_go(shape: &Shape, room: usize) -> u64 {
        let wide = 8 * shape.width + 4 * shape.inner + 4 * shape.heads * shape.head_width;
        let scores = 4 * shape.heads * room;
        ((CHUNK * (wide + scores) + 4 * shape.vocabulary) as u64).saturating_mul(4)
    }

    /// Reads tokens, at least one and at most [`CHUNK`], and scores what may follow the last.
    /// `None` if `is_over` said so; the memory is of no use then.
    pub fn go(
        &self,
        tokens: &[u32],
        memory: &mut Memory,
        is_over: &dyn Fn() -> bool,
    ) -> Result<Option<Vec<f32>>> {
        let (shape, weights) = (&self.shape, &self.weights);
        let ids = Tensor::new(tokens, &Device::Cpu)?;
        let mut state = (weights.embedding.embedding(&ids)? * shape.embedding_scale)?;
        let (from, count) = (memory.tokens, tokens.len());
        let factors = if self.is_long { &weights.turning_long } else { &weights.turning_short };
        let going = Going {
            from,
            count,
            far: Angles::of(&shape.turning, factors.as_ref(), from, count)?,
            near: Angles::of(&shape.turning_near, factors.as_ref(), from, count)?,
        };
        for (index, (layer, kept)) in weights.layers.iter().zip(&memory.layers).enumerate() {
            if is_over() {
                return Ok(None);
            }
            let near = shape.near(index);
            state = self.layer(layer, &state, kept, near, &going)?;
        }
        memory.tokens += count;
        let last = state.narrow(0, count - 1, 1)?;
        let scores = weights.output.forward(&self.norm(&last, &weights.norm)?)?;
        let scores = match shape.softcap {
            Some(cap) => ((scores / cap)?.tanh()? * cap)?,
            None => scores,
        };
        Ok(Some(scores.i(0)?.to_vec1()?))
    }

    fn layer(
        &self,
        layer: &Layer,
        state: &Tensor,
        kept: &(Tensor, Tensor),
        near: Option<usize>,
        going: &Going,
    ) -> Result<Tensor> {
        let normed = self.norm(state, &layer.attention_norm)?;
        let seen = self.attend(&layer.attention, &normed, kept, near, going)?;
        let state = (state + self.post_norm(seen, layer.attention_post_norm.as_ref())?)?;
        let normed = self.norm(&state, &layer.feed_norm)?;
        let fed = self.feed(&layer.feed, &normed)?;
        state + self.post_norm(fed, layer.feed_post_norm.as_ref())?
    }

    fn attend(
        &self,
        weights: &Attention,
        input: &Tensor,
        (keys_kept, values_kept): &(Tensor, Tensor),
        near: Option<usize>,
        going: &Going,
    ) -> Result<Tensor> {
        let shape = &self.shape;
        let (heads, shared, width) = (shape.heads, shape.shared_heads, shape.head_width);
        let count = going.count;
        let all = products(&weights.inputs, input)?;
        let part = |from: usize, heads: usize| {
            all.narrow(1, from * width, heads * width)?.reshape((count, heads, width))
        };
        let angles = if near.is_some() { &going.near } else { &going.far };
        let turn = |part: Tensor, norm: Option<&Tensor>| {
            let part = self.post_norm(part, norm)?;
            let turned = angles.turn(&part, shape.family.turns_neighbours())?;
            turned.transpose(0, 1)?.contiguous()
        };
        let queries = turn(part(0, heads)?, weights.query_norm.as_ref())?;
        let keys = turn(part(heads, shared)?, weights.key_norm.as_ref())?;
        let values = part(heads + shared, shared)?.transpose(0, 1)?.contiguous()?;
        keys_kept.slice_set(&keys, 1, going.from)?;
        values_kept.slice_set(&values, 1, going.from)?;

        // Tokens before this one are seen by none of the new ones.
        let first = near.map_or(0, |near| (going.from + 1).saturating_sub(near));
        let seen = going.from + count - first;
        let (keys, values) =
            (keys_kept.narrow(1, first, seen)?, values_kept.narrow(1, first, seen)?);
        let group = heads / shared;
        let queries = (queries * shape.attention_scale)?.reshape((shared, group * count, width))?;
        let scores = queries.matmul(&keys.transpose(1, 2)?)?;
        let scores = if count > 1 {
            let hidden = hidden(going, first, seen, near)?;
            let scores = scores.reshape((shared * group, count, seen))?.broadcast_add(&hidden)?;
            scores.reshape((shared, group * count, seen))?
        } else {
            scores
        };
        let seen = softmax(&scores)?.matmul(&values.contiguous()?)?;
        let seen = seen.reshape((heads, count, width))?.transpose(0, 1)?;
        weights.output.of(&seen.reshape((count, heads * width))?)
    }

    fn feed(&self, weights: &Feed, input: &Tensor) -> Result<Tensor> {
        let both = products(&weights.inputs, input)?;
        let inner = self.shape.inner;
        let (gate, up) = (both.narrow(1, 0, inner)?, both.narrow(1, inner, inner)?);
        let gate = if self.shape.family.has_post_norms() { gate.gelu()? } else { gate.silu()? };
        weights.down.of(&(gate * up)?)
    }

    /// Brings each row to one length (RMS norm).
    fn norm(&self, rows: &Tensor, weight: &Tensor) -> Result<Tensor> {
        let mean = (rows.sqr()?.mean_keepdim(D::Minus1)? + self.shape.epsilon)?;
        rows.broadcast_div(&mean.sqrt()?)?.broadcast_mul(weight)
    }

    fn post_norm(&self, rows: Tensor, weight: Option<&Tensor>) -> Result<Tensor> {
        match weight {
            Some(weight) => self.norm(&rows, weight),
            None => Ok(rows),
        }
    }
}

impl Linear {
    fn of(&self, input: &Tensor) -> Result<Tensor> {
        let product = self.matrix.forward(input)?;
        match &self.bias {
            Some(bias) => product.broadcast_add(bias),
            None => Ok(product),
        }
    }
}

/// The products of several matrices, side by side.
fn products(matrices: &[Linear], input: &Tensor) -> Result<Tensor> {
    let products: Result<Vec<_>> = matrices.iter().map(|matrix| matrix.of(input)).collect();
    Tensor::cat(&products?, 1)
}

fn softmax(scores: &Tensor) -> Result<Tensor> {
    let powers = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?)?.exp()?;
    powers.broadcast_div(&powers.sum_keepdim(D::Minus1)?)
}

/// What hides later tokens, and those too far back, from each of the new ones.
fn hidden(going: &Going, first: usize, seen: usize, near: Option<usize>) -> Result<Tensor> {
    let mut hidden = Vec::with_capacity(going.count * seen);
    for at in going.from..going.from + going.count {
        let earliest = near.map_or(0, |near| (at + 1).saturating_sub(near));
        let sees = |other: usize| (earliest..=at).contains(&other);
        let row =
            (first..first + seen).map(|other| if sees(other) { 0.0 } else { f32::NEG_INFINITY });
        hidden.extend(row);
    }
    Tensor::from_vec(hidden, (going.count, seen), &Device::Cpu)
}

impl Angles {
    fn of(turning: &Turning, factors: Option<&Tensor>, from: usize, count: usize) -> Result<Self> {
        let half = turning.width / 2;
        let factors = factors.map(Tensor::to_vec1::<f32>).transpose()?;
        let slowness = |pair: usize| {
            let factor = factors.as_ref().map_or(1.0, |factors| f64::from(factors[pair]));
            turning.base.powf(-2.0 * pair as f64 / turning.width as f64) * turning.scale / factor
        };
        let slowness: Vec<f64> = (0..half).map(slowness).collect();
        let (mut cos, mut sin) = (Vec::new(), Vec::new());
        for at in from..from + count {
            for slowness in &slowness {
                let angle = at as f64 * slowness;
                cos.push((angle.cos() * turning.stretch) as f32);
                sin.push((angle.sin() * turning.stretch) as f32);
            }
        }
        let tensor = |numbers| Tensor::from_vec(numbers, (count, 1, half), &Device::Cpu);
        Ok(Self { cos: tensor(cos)?, sin: tensor(sin)?, width: turning.width })
    }

    /// Turns pairs of numbers of each head by its position's angles (RoPE).
    fn turn(&self, heads: &Tensor, are_neighbours: bool) -> Result<Tensor> {
        let (count, number, width) = heads.dims3()?;
        let half = self.width / 2;
        let turned = heads.narrow(2, 0, self.width)?;
        let (one, other) = if are_neighbours {
            let pairs = turned.contiguous()?.reshape((count, number, half, 2))?;
            (pairs.i((.., .., .., 0))?, pairs.i((.., .., .., 1))?)
        } else {
            (turned.narrow(2, 0, half)?, turned.narrow(2, half, half)?)
        };
        let first = (one.broadcast_mul(&self.cos)? - other.broadcast_mul(&self.sin)?)?;
        let second = (other.broadcast_mul(&self.cos)? + one.broadcast_mul(&self.sin)?)?;
        let turned = if are_neighbours {
            Tensor::stack(&[first, second], 3)?.reshape((count, number, self.width))?
        } else {
            Tensor::cat(&[first, second], 2)?
        };
        if self.width == width {
            return Ok(turned);
        }
        Tensor::cat(&[turned, heads.narrow(2, self.width, width - self.width)?], 2)
    }
}
