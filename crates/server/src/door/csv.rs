//! Tables as German spreadsheets open them without asking: RFC 4180 but with semicolons, in UTF-8
//! with a byte order mark, numbers with a comma.

use std::fmt::Write as _;

/// Tells a spreadsheet that the text is UTF-8; stands before everything else.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    /// A text of ours or of people.
    Text(String),
    /// A whole number.
    Whole(u64),
    /// So many millionths of a whole.
    Millionths(u64),
    /// So many billionths of a whole: to the millionth, and more places only where they say something.
    Billionths(u64),
}

/// Writes a row with its end.
pub(crate) fn write_row(out: &mut String, cells: impl IntoIterator<Item = Cell>) {
    for (index, cell) in cells.into_iter().enumerate() {
        if index > 0 {
            out.push(';');
        }
        let written = match cell {
            Cell::Text(text) => {
                write_text(out, &text);
                Ok(())
            }
            Cell::Whole(number) => write!(out, "{number}"),
            Cell::Millionths(number) => {
                write!(out, "{},{:06}", number / 1_000_000, number % 1_000_000)
            }
            Cell::Billionths(number) => {
                let places = format!("{:09}", number % 1_000_000_000);
                let (six, more) = places.split_at(6);
                let more = more.trim_end_matches('0');
                write!(out, "{},{six}{more}", number / 1_000_000_000)
            }
        };
        written.expect("a string takes everything");
    }
    out.push_str("\r\n");
}

/// A text that begins like a formula would be computed by the spreadsheet of whoever opens the file:
/// an apostrophe in front makes it a text (OWASP, "CSV Injection").
fn write_text(out: &mut String, text: &str) {
    let is_formula = text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
        || text.starts_with(['\t', '\r', '\n']);
    let quoted = is_formula || text.contains([';', ',', '"', '\r', '\n', '\t']);
    if quoted {
        out.push('"');
    }
    if is_formula {
        out.push('\'');
    }
    for c in text.chars() {
        if c == '"' {
            out.push('"');
        }
        out.push(c);
    }
    if quoted {
        out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(texts: &[&str]) -> String {
        let mut out = String::new();
        write_row(&mut out, texts.iter().map(|text| Cell::Text((*text).to_owned())));
        out
    }

    #[test]
    fn texts_stay_one_cell() {
        assert_eq!(
            row(&["Bauamt", "a;b", "sagt \"ja\"", ""]),
            "Bauamt;\"a;b\";\"sagt \"\"ja\"\"\";\r\n"
        );
    }

    #[test]
    fn numbers_have_a_comma() {
        let mut out = String::new();
        write_row(
            &mut out,
            [Cell::Whole(12_345), Cell::Millionths(1_050_000), Cell::Millionths(7)],
        );
        assert_eq!(out, "12345;1,050000;0,000007\r\n");
        let mut out = String::new();
        let numbers = [2_500_000_000, 1_000, 60, 1_234_567_891, u64::MAX];
        write_row(&mut out, numbers.map(Cell::Billionths));
        assert_eq!(out, "2,500000;0,000001;0,00000006;1,234567891;18446744073,709551615\r\n");
    }

    #[test]
    fn no_text_is_a_formula() {
        for text in ["=1+1", "+49 30", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1", "＝1"] {
            let written = row(&[text]);
            assert!(written.starts_with("\"'"), "{text:?} became {written:?}");
        }
    }

    /// Reads a row back: semicolons apart, quotes doubled.
    fn read(line: &str) -> Vec<String> {
        let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
        let mut chars = line.strip_suffix("\r\n").unwrap().chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
                '"' => quoted = !quoted,
                ';' if !quoted => cells.push(std::mem::take(&mut cell)),
                c => cell.push(c),
            }
        }
        cells.push(cell);
        cells
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_and_computes_nothing(texts in prop::collection::vec("[=+@;\"\\r\\n\\ta-c -]{0,6}", 1..5)) {
            let written = row(&texts.iter().map(String::as_str).collect::<Vec<_>>());
            let cells = read(&written);
            prop_assert_eq!(cells.len(), texts.len());
            for (cell, text) in cells.iter().zip(&texts) {
                prop_assert_eq!(cell.strip_prefix('\'').unwrap_or(cell), text);
                prop_assert!(!cell.trim_start().starts_with(['=', '+', '-', '@']));
            }
        }
    }
}
