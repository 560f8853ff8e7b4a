//! Character references of HTML (`&#64;`, `&nbsp;`), as browsers read them. Knows no rules.
//! <https://html.spec.whatwg.org/multipage/named-characters.html>

/// Longest name of a character, and most digits of its number.
const NAME_BYTES_MAX: usize = 8;

/// The named characters of HTML that stand in letters, addresses and numbers, beside those that are
/// made of a letter and an accent.
const NAMED: [(&str, char); 44] = [
    ("nbsp", '\u{a0}'),
    ("ensp", '\u{2002}'),
    ("emsp", '\u{2003}'),
    ("thinsp", '\u{2009}'),
    ("shy", '\u{ad}'),
    ("zwnj", '\u{200c}'),
    ("zwj", '\u{200d}'),
    ("Tab", '\t'),
    ("NewLine", '\n'),
    ("amp", '&'),
    ("AMP", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("bdquo", '„'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("commat", '@'),
    ("period", '.'),
    ("comma", ','),
    ("colon", ':'),
    ("semi", ';'),
    ("sol", '/'),
    ("plus", '+'),
    ("num", '#'),
    ("quest", '?'),
    ("bsol", '\\'),
    ("percnt", '%'),
    ("lowbar", '_'),
    ("equals", '='),
    ("lpar", '('),
    ("rpar", ')'),
    ("hyphen", '\u{2010}'),
    ("dash", '\u{2010}'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("minus", '\u{2212}'),
    ("middot", '·'),
    ("szlig", 'ß'),
    ("aelig", 'æ'),
    ("AElig", 'Æ'),
];

/// Those of them that are not old enough to be read without their semicolon.
const OLD_EXCEPT: [&str; 18] = [
    "Tab", "NewLine", "apos", "commat", "period", "comma", "colon", "semi", "sol", "plus", "num",
    "percnt", "lowbar", "equals", "lpar", "rpar", "quest", "bsol",
];

/// Letters with an accent, by the name of the accent: the letter without, and with it.
const ACCENTED: [(&str, &str); 9] = [
    ("uml", "aäeëiïoöuüyÿAÄEËIÏOÖUÜYŸ"),
    ("acute", "aáeéiíoóuúyýcćnńsśzźAÁEÉIÍOÓUÚYÝCĆNŃSŚZŹ"),
    ("grave", "aàeèiìoòuùAÀEÈIÌOÒUÙ"),
    ("circ", "aâeêiîoôuûAÂEÊIÎOÔUÛ"),
    ("tilde", "aãnñoõAÃNÑOÕ"),
    ("cedil", "cçsşCÇSŞ"),
    ("caron", "cčdďeěnňrřsštťzžCČDĎEĚNŇRŘSŠTŤZŽ"),
    ("ring", "aåuůAÅUŮ"),
    ("breve", "aăgğAĂGĞ"),
];

/// A character reference at the beginning, and its length. Browsers read numbers without the
/// semicolon, too, and those names that are older than it.
pub fn reference(bytes: &[u8]) -> Option<(usize, char)> {
    if bytes.get(1) == Some(&b'#') {
        let is_hex = matches!(bytes.get(2), Some(b'x' | b'X'));
        let (first, radix) = if is_hex { (3, 16) } else { (2, 10) };
        let is_digit = |byte: &&u8| char::from(**byte).is_digit(radix);
        let count = bytes[first..].iter().take(NAME_BYTES_MAX).take_while(is_digit).count();
        let digits = std::str::from_utf8(&bytes[first..first + count]).ok()?;
        let letter = char::from_u32(u32::from_str_radix(digits, radix).ok()?)?;
        let end = first + count;
        return Some((end + usize::from(bytes.get(end) == Some(&b';')), letter));
    }
    let name = bytes[1..].iter().take(NAME_BYTES_MAX).take_while(|byte| byte.is_ascii_alphabetic());
    let end = 1 + name.count();
    let name = std::str::from_utf8(&bytes[1..end]).ok()?;
    if bytes.get(end) == Some(&b';') {
        return named(name).map(|letter| (end + 1, letter));
    }
    // `&auml`, `&nbspEnde`: the longest name counts.
    (2..=name.len()).rev().find_map(|length| {
        let letter = named(&name[..length]).filter(|letter| is_old(&name[..length], *letter))?;
        Some((1 + length, letter))
    })
}

/// Whether a name is one of those of ISO 8859-1, which HTML knows without a semicolon.
fn is_old(name: &str, letter: char) -> bool {
    letter <= 'ÿ' && !OLD_EXCEPT.contains(&name)
}

fn named(name: &str) -> Option<char> {
    let known = NAMED.iter().find(|(known, _)| *known == name);
    known.map(|(_, letter)| *letter).or_else(|| {
        let base = name.chars().next()?;
        let (_, letters) = ACCENTED.iter().find(|(accent, _)| *accent == &name[1..])?;
        let mut letters = letters.chars();
        std::iter::from_fn(|| Some((letters.next()?, letters.next()?)))
            .find_map(|(plain, accented)| (plain == base).then_some(accented))
    })
}
