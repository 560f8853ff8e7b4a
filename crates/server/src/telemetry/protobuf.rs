//! Writes messages in the wire format of Protocol Buffers, as far as OTLP needs it
//! (<https://protobuf.dev/programming-guides/encoding/>). Knows no message of anybody's.
//!
//! Values that are zero or empty are left out, as the third version of the language has it; an item
//! of a repeated field is always written.

/// How a field's value is laid out.
#[derive(Debug, Clone, Copy)]
enum Wire {
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}

/// A message in the making.
#[derive(Debug, Default)]
pub(crate) struct Message {
    bytes: Vec<u8>,
}

impl Message {
    /// The finished message.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// A field of a kind with variable length: whole numbers, truths, enumerations.
    pub fn varint(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.always_varint(field, value);
        }
    }

    /// The same, written even if it is zero: for fields whose absence means something else.
    pub fn always_varint(&mut self, field: u32, value: u64) {
        self.tag(field, Wire::Varint);
        self.raw_varint(value);
    }

    /// A field of eight bytes without sign.
    pub fn fixed64(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.tag(field, Wire::Fixed64);
            self.bytes.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// A field of four bytes without sign.
    pub fn fixed32(&mut self, field: u32, value: u32) {
        if value != 0 {
            self.tag(field, Wire::Fixed32);
            self.bytes.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// A fraction, written even if it is zero: for fields whose absence means something else.
    pub fn double(&mut self, field: u32, value: f64) {
        self.tag(field, Wire::Fixed64);
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// Bytes.
    pub fn bytes(&mut self, field: u32, value: &[u8]) {
        if !value.is_empty() {
            self.delimited(field, value);
        }
    }

    /// A text.
    pub fn text(&mut self, field: u32, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    /// A message inside this one.
    pub fn message(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        write(&mut inner);
        self.delimited(field, &inner.bytes);
    }

    /// A repeated field of eight-byte values, all in one piece.
    pub fn packed(&mut self, field: u32, values: impl Iterator<Item = [u8; 8]>) {
        let bytes: Vec<u8> = values.flatten().collect();
        self.bytes(field, &bytes);
    }

    /// Bytes, written even if there are none.
    pub fn delimited(&mut self, field: u32, value: &[u8]) {
        self.tag(field, Wire::Bytes);
        self.raw_varint(value.len() as u64);
        self.bytes.extend_from_slice(value);
    }

    fn tag(&mut self, field: u32, wire: Wire) {
        self.raw_varint(u64::from(field) << 3 | wire as u64);
    }

    fn raw_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the encoding's own description.
    #[test]
    fn fields_are_laid_out_as_described() {
        let mut message = Message::default();
        message.varint(1, 150);
        message.text(2, "testing");
        message.message(3, |inner| inner.varint(1, 150));
        assert_eq!(
            message.into_bytes(),
            [b"\x08\x96\x01", b"\x12\x07testing".as_slice(), b"\x1a\x03\x08\x96\x01"].concat()
        );
    }

    #[test]
    fn nothing_is_left_out_but_nothing() {
        let mut message = Message::default();
        message.varint(1, 0);
        message.fixed64(2, 0);
        message.text(3, "");
        assert!(message.bytes.is_empty());
        message.double(4, 0.0);
        message.message(5, |_| {});
        message.fixed32(6, 1);
        message.packed(7, [1_u64, 2].into_iter().map(u64::to_le_bytes));
        let expected =
            b"\x21\0\0\0\0\0\0\0\0\x2a\0\x35\x01\0\0\0\x3a\x10\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0";
        assert_eq!(message.into_bytes(), expected);
    }
}
