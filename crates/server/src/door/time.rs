//! Points in time as the interface writes them: RFC 3339 in UTC.

use domain::{Day, Instant};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type},
};

/// A point in time on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Time(pub Instant);

impl From<Instant> for Time {
    fn from(at: Instant) -> Self {
        Self(at)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339())
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || D::Error::custom("expected a time such as 2027-01-31T12:00:00Z (RFC 3339)");
        parse(&text).map(Self).ok_or_else(wrong)
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("RFC 3339, written in UTC"))
            .build()
            .into()
    }
}

impl ToSchema for Time {}

/// Reads `2027-01-31T12:00:00[.123](Z|+01:00)`; years 1970 to 9999.
fn parse(text: &str) -> Option<Instant> {
    let (date, rest) = text.split_once(['T', 't'])?;
    let offset_at = rest.find(['Z', 'z', '+', '-'])?;
    let (clock, offset) = rest.split_at(offset_at);
    let day: Day = date.parse().ok()?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let [hour, minute, second] = numbers(clock, ':', &[2, 2, 2])?;
    let in_range = day.number() >= 0
        && hour < 24
        && minute < 60
        // A leap second is taken for the one before it.
        && second <= 60;
    if !in_range || fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let micros: i64 = format!("{fraction:0<6.6}").parse().ok()?;
    let seconds = day.number() * 86_400 + hour * 3_600 + minute * 60 + second.min(59)
        - offset_seconds(offset)?;
    Some(Instant::from_micros(seconds * 1_000_000 + micros))
}

fn numbers(text: &str, separator: char, widths: &[usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let mut found = [0; 3];
    for (number, width) in found.iter_mut().zip(widths) {
        let part = parts.next()?;
        if part.len() != *width || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

fn offset_seconds(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let [hours, minutes, _] = numbers(&format!("{rest}:00"), ':', &[2, 2, 2])?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_what_others_write() {
        let cases = [
            ("1970-01-01T00:00:00Z", Some("1970-01-01T00:00:00.000Z")),
            ("2000-02-29t23:59:59.5z", Some("2000-02-29T23:59:59.500Z")),
            ("2026-11-22T01:30:00.123456789+02:00", Some("2026-11-21T23:30:00.123Z")),
            ("2026-11-22T01:30:00-00:30", Some("2026-11-22T02:00:00.000Z")),
            ("2026-02-29T00:00:00Z", None),
            ("2026-11-22", None),
            ("2026-11-22T01:30Z", None),
            ("2026-11-22T25:00:00Z", None),
            ("2026-11-22T01:30:00", None),
            ("2026-11-22T01:30:00+2:00", None),
            ("99999-01-01T00:00:00Z", None),
            ("2026-11-22T01:30:00.Z", None),
            ("ä", None),
        ];
        for (text, expected) in cases {
            let read = parse(text).map(Instant::to_rfc3339);
            assert_eq!(read.as_deref(), expected, "{text}");
        }
    }
}
