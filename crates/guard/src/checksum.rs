//! Check digits of numbers that the state and banks give out. Knows digits, not texts around them:
//! every function takes the bare candidate and tells how many of its bytes are a valid number.

/// Length of the IBAN by country (SWIFT, IBAN Registry, release 99), of the countries German
/// authorities pay to.
const IBAN_LENGTHS: [(&str, usize); 46] = [
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("CH", 21),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DK", 18),
    ("EE", 20),
    ("ES", 24),
    ("FI", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GR", 27),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IS", 26),
    ("IT", 27),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MT", 31),
    ("NL", 18),
    ("NO", 15),
    ("PL", 28),
    ("PT", 25),
    ("RO", 24),
    ("RS", 22),
    ("SA", 24),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("TR", 26),
    ("UA", 29),
];

/// IBAN: ISO 7064 MOD 97-10 over the rearranged number (ISO 13616-1). Letters and digits beyond the
/// country's length do not belong to it.
pub fn iban(candidate: &str) -> Option<usize> {
    let wanted = iban_length(candidate.as_bytes())?;
    let mut compact = Vec::with_capacity(wanted);
    let mut length = 0;
    for (at, byte) in candidate.bytes().enumerate() {
        if byte.is_ascii_alphanumeric() {
            compact.push(byte);
            length = at + 1;
        }
        if compact.len() == wanted {
            break;
        }
    }
    if compact.len() != wanted {
        return None;
    }
    let remainder = compact[4..].iter().chain(&compact[..4]).fold(0_u32, |rest, byte| {
        match byte.is_ascii_digit() {
            true => (rest * 10 + u32::from(byte - b'0')) % 97,
            false => (rest * 100 + u32::from(byte.to_ascii_uppercase() - b'A') + 10) % 97,
        }
    });
    (remainder == 1).then_some(length)
}

/// An IBAN as people type it: in any case, and with more between its groups than a blank. So that words
/// and figures in a row are none, letters stand only where banks have their code, and two line breaks
/// are the most, without an empty line.
pub fn iban_spaced(candidate: &str) -> Option<usize> {
    let length = iban(candidate)?;
    let iban = &candidate[..length];
    let written = iban.bytes().filter(u8::is_ascii_alphanumeric).enumerate();
    let is_bank = |place: usize| (4..8).contains(&place);
    let is_shaped = written
        .skip(2)
        .all(|(place, byte)| byte.is_ascii_digit() || is_bank(place) && byte.is_ascii_alphabetic());
    let mut lines = iban.split('\n');
    let is_close = lines.clone().count() <= 3 && lines.all(|line| !line.trim().is_empty());
    (is_shaped && is_close).then_some(length)
}

/// How long an IBAN is that begins with this country, in any case.
pub fn iban_length(bytes: &[u8]) -> Option<usize> {
    let country = bytes.get(..2)?;
    let found = IBAN_LENGTHS.iter().find(|(code, _)| code.as_bytes().eq_ignore_ascii_case(country));
    found.map(|(_, length)| *length)
}

/// Payment card: length and first digits of an issuer (ISO/IEC 7812-1), then the Luhn formula
/// (annex B).
pub fn card(candidate: &str) -> Option<usize> {
    let digits = digits(candidate);
    let lead = digits.iter().take(4).fold(0, |value, digit| value * 10 + digit);
    let length = digits.len();
    let is_issued = match lead {
        3400..=3499 | 3700..=3799 => length == 15,
        3000..=3059 | 3600..=3699 | 3800..=3999 => length == 14,
        4000..=4999 => length == 16 || length == 13 || length == 19,
        2221..=2720 | 5100..=5599 => length == 16,
        3528..=3589 | 6011 | 6440..=6599 => length == 16,
        5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763 => (12..=19).contains(&length),
        _ => false,
    };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match place % 2 {
            0 => *digit,
            _ => cross_sum(digit * 2),
        })
        .sum();
    (is_issued && sum.is_multiple_of(10)).then_some(candidate.len())
}

/// Tax identification number: eleven digits, the first not 0; of the first ten exactly one digit
/// occurs twice or three times (never three in a row) and the others at most once; ISO 7064
/// MOD 11,10 (§ 139b AO; BZSt, "Aufbau der Identifikationsnummer").
pub fn tax_id(candidate: &str) -> Option<usize> {
    let digits = digits(candidate);
    if digits.len() != 11 || digits[0] == 0 {
        return None;
    }
    let mut counts = [0_u8; 10];
    for digit in &digits[..10] {
        counts[*digit as usize] += 1;
    }
    let repeated = counts.iter().filter(|count| **count > 1).count();
    let most = counts.iter().max().copied().unwrap_or_default();
    let three_in_a_row = digits[..10].windows(3).any(|three| three.iter().all(|d| *d == three[0]));
    if repeated != 1 || most > 3 || three_in_a_row {
        return None;
    }
    let product = digits[..10].iter().fold(10, |product, digit| match (digit + product) % 10 {
        0 => 20 % 11,
        sum => sum * 2 % 11,
    });
    ((11 - product) % 10 == digits[10]).then_some(candidate.len())
}

/// Insurance number of the pension scheme: area, date of birth, first letter of the name at birth,
/// serial number, check digit with the weights of § 4 VKVV.
pub fn social_insurance(candidate: &str) -> Option<usize> {
    const WEIGHTS: [u32; 12] = [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1];
    let compact: Vec<u8> = candidate.bytes().filter(u8::is_ascii_alphanumeric).collect();
    if compact.len() != 12 || !compact[8].is_ascii_alphabetic() {
        return None;
    }
    let mut expanded = Vec::with_capacity(13);
    for byte in compact {
        push_digits(byte, &mut expanded);
    }
    // Serial numbers of people whose day of birth was changed add 31 or more to the day.
    let month = expanded[4] * 10 + expanded[5];
    let day = expanded[2] * 10 + expanded[3];
    let sum: u32 =
        expanded.iter().zip(WEIGHTS).map(|(digit, weight)| cross_sum(digit * weight)).sum();
    let is_dated = (1..=12).contains(&month) && (1..=93).contains(&day);
    (is_dated && expanded.len() == 13 && sum % 10 == expanded[12]).then_some(candidate.len())
}

/// Health-insurance number, the part that never changes: a letter, eight digits, check digit with
/// the weights 1-2-1-2 (§ 290 SGB V; GKV-Spitzenverband, "Krankenversichertennummer").
pub fn health_insurance(candidate: &str) -> Option<usize> {
    let compact: Vec<u8> = candidate.bytes().filter(u8::is_ascii_alphanumeric).collect();
    if compact.len() != 10 || !compact[0].is_ascii_alphabetic() {
        return None;
    }
    let mut expanded = Vec::with_capacity(11);
    for byte in compact {
        push_digits(byte, &mut expanded);
    }
    let sum: u32 = expanded[..10]
        .iter()
        .enumerate()
        .map(|(place, digit)| cross_sum(digit * (1 + place as u32 % 2)))
        .sum();
    (sum % 10 == expanded[10]).then_some(candidate.len())
}

/// Serial number of an identity card with its check digit: the first letter tells the authority,
/// vowels and B, D, Q, S never occur, weights 7-3-1 (ICAO Doc 9303-3, section 4.9; BMI, "Aufbau der
/// Seriennummer").
pub fn id_card(candidate: &str) -> Option<usize> {
    serial_number(candidate, b"LMNPRTVWXY")
}

/// Serial number of a passport with its check digit; see [`id_card`].
pub fn passport(candidate: &str) -> Option<usize> {
    serial_number(candidate, b"CFGHJK")
}

fn serial_number(candidate: &str, first_letters: &[u8]) -> Option<usize> {
    let compact = candidate.bytes().filter(u8::is_ascii_alphanumeric);
    let compact: Vec<u8> = compact.map(|byte| byte.to_ascii_uppercase()).collect();
    let is_serial = |byte: &u8| b"CFGHJKLMNPRTVWXYZ0123456789".contains(byte);
    let is_shaped = compact.len() == 10
        && first_letters.contains(&compact[0])
        && compact[..9].iter().all(is_serial)
        && compact[9].is_ascii_digit();
    if !is_shaped {
        return None;
    }
    let sum: u32 = compact[..9]
        .iter()
        .zip([7, 3, 1].into_iter().cycle())
        .map(|(byte, weight)| {
            let value = match byte.is_ascii_digit() {
                true => u32::from(byte - b'0'),
                false => u32::from(byte - b'A') + 10,
            };
            value * weight
        })
        .sum();
    (sum % 10 == u32::from(compact[9] - b'0')).then_some(candidate.len())
}

fn digits(candidate: &str) -> Vec<u32> {
    candidate.bytes().filter(u8::is_ascii_digit).map(|byte| u32::from(byte - b'0')).collect()
}

/// A digit as itself, a letter as its place in the alphabet with two digits.
fn push_digits(byte: u8, expanded: &mut Vec<u32>) {
    if byte.is_ascii_digit() {
        expanded.push(u32::from(byte - b'0'));
    } else {
        let place = u32::from(byte.to_ascii_uppercase() - b'A') + 1;
        expanded.extend([place / 10, place % 10]);
    }
}

fn cross_sum(value: u32) -> u32 {
    value / 10 + value % 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_examples_are_valid() {
        assert_eq!(iban("DE89 3704 0044 0532 0130 00"), Some(27));
        assert_eq!(iban("AT61 1904 3002 3457 3201 BIC"), Some(24));
        assert_eq!(iban("GB82WEST12345698765432"), Some(22));
        assert!(card("4111 1111 1111 1111").is_some());
        assert!(card("378282246310005").is_some());
        assert!(tax_id("86 095 742 719").is_some());
        assert!(tax_id("47036892816").is_some());
        assert!(social_insurance("15 070649 C 103").is_some());
        assert!(health_insurance("A123456780").is_some());
        assert!(id_card("L01X00T471").is_some());
        assert!(id_card("T220001293").is_some());
        assert!(passport("C01X00T478").is_some());
    }

    #[test]
    fn one_wrong_digit_is_noticed() {
        assert!(iban("DE89 3704 0044 0532 0130 01").is_none());
        assert!(iban("XX89 3704 0044 0532 0130 00").is_none());
        assert!(card("4111 1111 1111 1112").is_none());
        assert!(tax_id("86095742718").is_none());
        assert!(tax_id("11111111111").is_none());
        assert!(social_insurance("15070649C104").is_none());
        assert!(health_insurance("A123456781").is_none());
        assert!(id_card("L01X00T472").is_none());
        assert!(passport("C01X00T479").is_none());
    }
}
