//! The head of a GGUF file: its metadata and where its tensors lie. Reads hostile bytes: every count
//! and length is held against a bound or against the file's size before memory is taken for it.
//! Knows nothing of what the values mean.
//!
//! Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>, versions 2 and 3, little-endian.

use std::{
    collections::HashMap,
    io::{self, Read},
};

use super::quantisation::Quantisation;

/// Largest head, in bytes; beyond: refused. The largest vocabularies in use take some 20 MB.
const HEAD_BYTES_MAX: u64 = 64 << 20;
/// Most metadata pairs, and most tensors; beyond: refused.
const ENTRIES_MAX: u64 = 1 << 16;
/// Longest text, in bytes; beyond: refused. Chat templates are the longest there are.
const TEXT_BYTES_MAX: u64 = 1 << 20;
/// Most elements of a list; beyond: refused.
const LIST_MAX: u64 = 1 << 22;
/// Most dimensions of a tensor, as in ggml.
const DIMENSIONS_MAX: u32 = 4;
/// Where tensors begin, if the file does not say so.
const ALIGNMENT: u64 = 32;

/// Why a file cannot be read as GGUF.
#[derive(Debug, thiserror::Error)]
pub enum GgufError {
    /// The file cannot be read at all.
    #[error("the file cannot be read")]
    Unreadable(#[source] io::Error),
    /// The file ends before its head does.
    #[error("the file ends in the middle of its head")]
    Truncated,
    /// It does not begin with `GGUF`.
    #[error("this is not a GGUF file")]
    NotGguf,
    /// Another version, or one for machines of the other byte order.
    #[error("GGUF version {0} is not supported")]
    Version(u32),
    /// A count or length that no real file has.
    #[error("the {what} is {found}, and at most {most} is taken")]
    TooMany {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: u64,
        /// How many there may be.
        most: u64,
    },
    /// A list of lists, which no known model has.
    #[error("the list {0:?} holds lists")]
    Nested(String),
    /// A type of value that the format does not have.
    #[error("the value of {key:?} has the unknown type {code}")]
    ValueType {
        /// The key.
        key: String,
        /// What stands for the type.
        code: u32,
    },
    /// A name or key that is there twice, or is no text.
    #[error("the name {0:?} is not readable or is there twice")]
    Name(String),
    /// A tensor whose sizes make no sense or that lies outside the file.
    #[error("the tensor {0:?} lies outside the file or has impossible sizes")]
    Tensor(String),
}

impl From<io::Error> for GgufError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Truncated,
            _ => Self::Unreadable(error),
        }
    }
}

/// A value of the metadata. Lists keep the kinds that models use; others are read and dropped.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Whole(u64),
    Negative(i64),
    Number(f64),
    Flag(bool),
    Text(String),
    Texts(Vec<Box<str>>),
    Numbers(Vec<f32>),
    Wholes(Vec<i32>),
    Dropped,
}

/// A tensor's type, sizes and place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TensorPlace {
    /// Outermost first, as the tensor library has them; GGUF writes them the other way round.
    pub sizes: Vec<usize>,
    pub quantisation: Quantisation,
    /// From the beginning of the file, in bytes.
    pub at: u64,
    /// In bytes.
    pub length: u64,
}

impl TensorPlace {
    pub fn elements(&self) -> u64 {
        self.sizes.iter().map(|size| *size as u64).product()
    }
}

/// The head of a GGUF file.
#[derive(Debug, Clone, PartialEq)]
pub struct Gguf {
    pub(super) metadata: HashMap<String, Value>,
    pub(super) tensors: HashMap<String, TensorPlace>,
    /// Size of the head, in bytes.
    pub(super) head_bytes: u64,
}

impl Gguf {
    /// Reads the head of a file of `file_bytes` bytes. Takes memory in proportion to the head, which
    /// is at most 64 MiB.
    ///
    /// # Errors
    /// If it is no GGUF file, breaks a bound, or a tensor does not lie within the file.
    pub fn read(input: impl Read, file_bytes: u64) -> Result<Self, GgufError> {
        let mut head = Head { input: input.take(HEAD_BYTES_MAX), read: 0 };
        if head.bytes::<4>()? != *b"GGUF" {
            return Err(GgufError::NotGguf);
        }
        let version = head.u32()?;
        if !(2..=3).contains(&version) {
            return Err(GgufError::Version(version));
        }
        let tensors = head.count("number of tensors", ENTRIES_MAX)?;
        let pairs = head.count("number of metadata pairs", ENTRIES_MAX)?;
        let mut metadata = HashMap::new();
        for _ in 0..pairs {
            let key = head.text()?;
            let value = head.value(&key)?;
            if metadata.insert(key.clone(), value).is_some() {
                return Err(GgufError::Name(key));
            }
        }
        let mut places = HashMap::new();
        for _ in 0..tensors {
            let name = head.text()?;
            let place = head.tensor(&name)?;
            if places.insert(name.clone(), place).is_some() {
                return Err(GgufError::Name(name));
            }
        }
        let alignment = match metadata.get("general.alignment") {
            Some(Value::Whole(bytes)) if *bytes > 0 && *bytes <= 1 << 16 => *bytes,
            Some(_) => return Err(GgufError::Name("general.alignment".to_owned())),
            None => ALIGNMENT,
        };
        let head_bytes = head.read;
        let begin = head_bytes.next_multiple_of(alignment);
        for (name, place) in &mut places {
            let lies = |at: &u64| at.checked_add(place.length).is_some_and(|end| end <= file_bytes);
            let at = begin.checked_add(place.at).filter(lies);
            place.at = at.ok_or_else(|| GgufError::Tensor(name.clone()))?;
        }
        Ok(Self { metadata, tensors: places, head_bytes })
    }

    pub(super) fn whole(&self, key: &str) -> Option<u64> {
        match self.metadata.get(key)? {
            Value::Whole(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn number(&self, key: &str) -> Option<f64> {
        match self.metadata.get(key)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        match self.metadata.get(key)? {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match self.metadata.get(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// What is left of the head.
struct Head<R> {
    input: io::Take<R>,
    read: u64,
}

impl<R: Read> Head<R> {
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], GgufError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), GgufError> {
        let read = self.input.read_exact(bytes);
        if read.is_err() && self.input.limit() == 0 {
            let (what, most) = ("size of the head in bytes", HEAD_BYTES_MAX);
            return Err(GgufError::TooMany { what, found: most + 1, most });
        }
        self.read += bytes.len() as u64;
        Ok(read?)
    }

    fn u32(&mut self) -> Result<u32, GgufError> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    fn u64(&mut self) -> Result<u64, GgufError> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    fn count(&mut self, what: &'static str, most: u64) -> Result<u64, GgufError> {
        let found = self.u64()?;
        if found > most { Err(GgufError::TooMany { what, found, most }) } else { Ok(found) }
    }

    /// A text. Bytes that are no UTF-8 are replaced, as they do occur in vocabularies.
    fn text(&mut self) -> Result<String, GgufError> {
        let length = self.count("length of a text in bytes", TEXT_BYTES_MAX)?;
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        self.fill(&mut bytes)?;
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    fn value(&mut self, key: &str) -> Result<Value, GgufError> {
        match self.u32()? {
            LIST => self.list(key),
            code => self.scalar(key, code),
        }
    }

    fn scalar(&mut self, key: &str, code: u32) -> Result<Value, GgufError> {
        let signed = |number: i64| match u64::try_from(number) {
            Ok(whole) => Value::Whole(whole),
            Err(_) => Value::Negative(number),
        };
        Ok(match code {
            0 => Value::Whole(u64::from(self.bytes::<1>()?[0])),
            1 => signed(i64::from(i8::from_le_bytes(self.bytes()?))),
            2 => Value::Whole(u64::from(u16::from_le_bytes(self.bytes()?))),
            3 => signed(i64::from(i16::from_le_bytes(self.bytes()?))),
            4 => Value::Whole(u64::from(self.u32()?)),
            5 => signed(i64::from(i32::from_le_bytes(self.bytes()?))),
            6 => Value::Number(f64::from(f32::from_le_bytes(self.bytes()?))),
            7 => Value::Flag(self.bytes::<1>()?[0] != 0),
            TEXT => Value::Text(self.text()?),
            10 => Value::Whole(self.u64()?),
            11 => signed(i64::from_le_bytes(self.bytes()?)),
            12 => Value::Number(f64::from_le_bytes(self.bytes()?)),
            code => return Err(GgufError::ValueType { key: key.to_owned(), code }),
        })
    }

    /// A list. Its memory grows with what was really read.
    fn list(&mut self, key: &str) -> Result<Value, GgufError> {
        let kind = self.u32()?;
        let count = self.count("length of a list", LIST_MAX)?;
        if kind == LIST {
            return Err(GgufError::Nested(key.to_owned()));
        }
        let (mut texts, mut numbers, mut wholes) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..count {
            match kind {
                TEXT => texts.push(self.text()?.into_boxed_str()),
                5 => wholes.push(i32::from_le_bytes(self.bytes()?)),
                6 => numbers.push(f32::from_le_bytes(self.bytes()?)),
                kind => drop(self.scalar(key, kind)?),
            }
        }
        Ok(match kind {
            TEXT => Value::Texts(texts),
            5 => Value::Wholes(wholes),
            6 => Value::Numbers(numbers),
            _ => Value::Dropped,
        })
    }

    /// A tensor's place, counted from where the tensors begin.
    fn tensor(&mut self, name: &str) -> Result<TensorPlace, GgufError> {
        let impossible = || GgufError::Tensor(name.to_owned());
        let dimensions = self.u32()?;
        if dimensions == 0 || dimensions > DIMENSIONS_MAX {
            return Err(impossible());
        }
        let mut sizes = Vec::new();
        for _ in 0..dimensions {
            sizes.push(usize::try_from(self.u64()?).map_err(|_| impossible())?);
        }
        let quantisation = Quantisation::from_code(self.u32()?);
        let at = self.u64()?;
        let product = |all: u64, size: &usize| all.checked_mul(*size as u64);
        let elements = sizes.iter().try_fold(1, product).filter(|count| *count > 0);
        let elements = elements.ok_or_else(impossible)?;
        let length = quantisation.bytes(elements, sizes[0] as u64).ok_or_else(impossible)?;
        sizes.reverse();
        Ok(TensorPlace { sizes, quantisation, at, length })
    }
}

const TEXT: u32 = 8;
const LIST: u32 = 9;
