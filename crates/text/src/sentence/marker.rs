//! Marks at the start of a line that number or set off what follows: bullets, "1.", "a)", "(2)", "# ".

/// Most digits or letters of a counted mark ("1234." is a year, not a mark).
const COUNT_CHARS_MAX: usize = 4;

/// Length in bytes of the list or paragraph mark at the start of `text` with the white space after it; 0 where there is none.
/// Recognised are bullets (`-`, `•`, `–` …), heading signs (`#`), counted marks (`1.`, `1.2`, `a)`, `(2)`, `IV.`) and table bars.
#[must_use]
pub fn leading_marker(text: &str) -> usize {
    let length = symbol(text).or_else(|| counted(text)).unwrap_or(0);
    if length == 0 {
        return 0;
    }
    let rest = &text[length..];
    let space = rest.len() - rest.trim_start().len();
    if space == 0 && !rest.is_empty() { 0 } else { length + space }
}

/// `-`, `*`, `•`, `#`, `##`, `|`, `>` and their relatives.
fn symbol(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    match first {
        '-' | '–' | '—' | '*' | '+' | '•' | '▪' | '◦' | '‣' | '·' | '○' | '●' | '■' | '□' | '☐'
        | '☒' | '➢' | '>' | '|' => Some(first.len_utf8()),
        '#' => Some(text.bytes().take_while(|byte| *byte == b'#').count()),
        _ => None,
    }
}

/// `1.`, `1.2.3`, `12a.`, `a)`, `aa)`, `(3)`, `(3a)`, `B.`, `IV.`
fn counted(text: &str) -> Option<usize> {
    let opened = text.starts_with('(');
    let start = usize::from(opened);
    let count = count_length(&text[start..])?;
    let end = start + count;
    match text[end..].chars().next()? {
        ')' => Some(end + 1),
        '.' if !opened => dotted(text, end),
        _ => None,
    }
}

/// What stands before a dot counts only when it is a number, a capital up to H or a Roman numeral: "z." and "S." are words.
fn dotted(text: &str, first_dot: usize) -> Option<usize> {
    let count = &text[..first_dot];
    let numeric = count.starts_with(|first: char| first.is_ascii_digit());
    let capital = matches!(count.as_bytes(), [b'A'..=b'H'])
        || (count.starts_with(char::is_uppercase) && is_roman(count));
    if !numeric {
        return capital.then_some(first_dot + 1);
    }
    let mut at = first_dot + 1;
    loop {
        let digits = text[at..].bytes().take_while(u8::is_ascii_digit).count();
        match (digits, text.as_bytes().get(at + digits)) {
            (0, _) => return Some(at),
            (1 | 2, Some(b'.')) => at += digits + 1,
            (1 | 2, Some(next)) if next.is_ascii_whitespace() => return Some(at + digits),
            _ => return None, // "10.000 Euro"
        }
    }
}

/// Digits with at most one letter after them, one or two equal small letters, or Roman numerals.
fn count_length(text: &str) -> Option<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 {
        let letter = usize::from(text.as_bytes().get(digits).is_some_and(u8::is_ascii_lowercase));
        return (digits < COUNT_CHARS_MAX).then_some(digits + letter);
    }
    let letters = text.bytes().take_while(u8::is_ascii_alphabetic).take(6).count();
    let counting = match &text.as_bytes()[..letters] {
        [_] => true,
        [first, second] if first == second => first.is_ascii_lowercase(),
        _ => is_roman(&text[..letters]),
    };
    counting.then_some(letters)
}

/// Whether `word` is a Roman numeral of at most five signs.
pub(super) fn is_roman(word: &str) -> bool {
    let upper = word.bytes().all(|byte| b"IVXLC".contains(&byte));
    let lower = word.bytes().all(|byte| b"ivx".contains(&byte));
    !word.is_empty() && word.len() <= 5 && (upper || lower)
}
