//! Numbers of lists as office programs show them.

/// How a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Numeral {
    /// 1, 2, 3.
    #[default]
    Decimal,
    /// a, b, c.
    Letter,
    /// A, B, C.
    CapitalLetter,
    /// i, ii, iii.
    Roman,
    /// I, II, III.
    CapitalRoman,
    /// No number, a bullet.
    Bullet,
    /// No number at all.
    Nothing,
}

impl Numeral {
    /// Writes a number; those that the numeral cannot write appear in digits.
    pub(crate) fn write(self, number: u32) -> String {
        match self {
            Self::Decimal => number.to_string(),
            Self::Letter => letters(number),
            Self::CapitalLetter => letters(number).to_uppercase(),
            Self::Roman => roman(number).to_lowercase(),
            Self::CapitalRoman => roman(number),
            Self::Bullet => "–".to_owned(),
            Self::Nothing => String::new(),
        }
    }
}

/// a … z, aa, bb, as in German lists.
fn letters(number: u32) -> String {
    let Some(index) = number.checked_sub(1).filter(|index| *index < 26 * 4) else {
        return number.to_string();
    };
    let letter = char::from(b'a' + (index % 26) as u8);
    std::iter::repeat_n(letter, (index / 26 + 1) as usize).collect()
}

fn roman(number: u32) -> String {
    const STEPS: [(u32, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    if number == 0 || number > 3999 {
        return number.to_string();
    }
    let mut rest = number;
    let mut roman = String::new();
    for (value, sign) in STEPS {
        while rest >= value {
            roman.push_str(sign);
            rest -= value;
        }
    }
    roman
}

/// The mark of a footnote, raised: "¹²".
pub(crate) fn raised(number: u32) -> String {
    const RAISED: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    number.to_string().bytes().map(|digit| RAISED[usize::from(digit - b'0')]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_numbers() {
        assert_eq!(Numeral::Letter.write(28), "bb");
        assert_eq!(Numeral::CapitalRoman.write(14), "XIV");
        assert_eq!(Numeral::Decimal.write(7), "7");
        assert_eq!(raised(12), "¹²");
        assert_eq!(Numeral::Roman.write(0), "0");
    }
}
