//! Numbers of the generator: valid ones, and near-misses whose last digit is wrong.

use super::generator::Lot;

/// The value of a slot.
pub fn value(slot: &str, lot: &mut Lot) -> String {
    if let Some(kind) = slot.strip_suffix("_bad") {
        return spoil(&value(kind, lot));
    }
    match slot {
        "iban" | "iban2" => iban(lot, slot == "iban2"),
        "card" | "card2" => card(lot, slot == "card2"),
        "taxid" | "taxid2" => tax_id(lot, slot == "taxid"),
        "rv" | "rv2" => social_insurance(lot, slot == "rv"),
        "kv" => health_insurance(lot),
        "pa" => serial_number(lot, "LMNPRTVWXY", true),
        "pa2" => serial_number(lot, "LMNPRTVWXY", false),
        "rp" => serial_number(lot, "CFGHJK", true),
        "rp2" => serial_number(lot, "CFGHJK", false),
        "birth" => {
            format!("{:02}.{:02}.{}", lot.within(1, 28), lot.within(1, 12), lot.within(1930, 2023))
        }
        "birthdash" => {
            format!("{}-{:02}-{:02}", lot.within(1930, 2023), lot.within(1, 12), lot.within(1, 28))
        }
        "birthlong" => {
            let month = lot.one(&["Januar", "März", "Mai", "Juli", "Oktober", "Dezember"]);
            format!("{}. {month} {}", lot.within(1, 28), lot.within(1930, 2023))
        }
        "taxno" => format!("{}/{}/{}", lot.digits(3), lot.digits(3), lot.digits(5)),
        "taxno2" => format!("{}/{}/{}", lot.digits(2), lot.digits(3), lot.digits(5)),
        "password" => format!(
            "{}{}{}",
            lot.letters("ABCDEFGHJKM", 2),
            lot.letters("abcdefghkm23", 6),
            lot.letters("!#%$+?7", 2) + "9"
        ),
        "key" => format!("sk-{}", lot.letters("abcdefghijkmABCDEFGHJK23456789", 40)),
        "key2" => lot.letters("abcdefghijkmABCDEFGHJK23456789", 32),
        "token" => format!("ghp_{}", lot.letters("abcdefghijkmABCDEFGHJK23456789", 36)),
        _ => contact(slot, lot),
    }
}

fn contact(slot: &str, lot: &mut Lot) -> String {
    match slot {
        "phone" => format!("0{} {}", lot.one(&["221", "30", "711", "5251", "89"]), lot.digits(7)),
        "phone2" => match lot.below(4) {
            0 => format!(
                "(0{}) {}-{}",
                lot.one(&["40", "911", "6131"]),
                lot.digits(4),
                lot.digits(2)
            ),
            1 => format!("0{}/{}", lot.one(&["40", "911", "6131"]), lot.digits(6)),
            2 => format!("+49 {} {}", lot.one(&["40", "911", "6131"]), lot.digits(6)),
            _ => format!("0049 {} {} {}", lot.one(&["40", "911"]), lot.digits(3), lot.digits(4)),
        },
        "mobile" => format!("01{} {}", lot.one(&["51", "60", "72", "76"]), lot.digits(7)),
        "mobile2" => {
            format!("+49 1{} / {} {}", lot.one(&["52", "63", "75"]), lot.digits(3), lot.digits(4))
        }
        "mail" => format!(
            "{}.{}@{}.example",
            lot.letters("abcdefgh", 1),
            lot.letters("aeioulmnrst", 7),
            lot.one(&["stadt", "kreis"])
        ),
        "mail2" => format!(
            "{}_{}{}@{}.invalid",
            lot.letters("aeioulmnrst", 5),
            lot.letters("aeioulmnrst", 6),
            lot.below(99),
            lot.one(&["post", "web-mail", "amt.land"])
        ),
        "plate" => format!(
            "{}-{} {}",
            lot.one(&["K", "HH", "MTK", "B", "LÖ", "STA"]),
            lot.letters("ABCEHKMNPRTX", 2),
            lot.digits(3)
        ),
        "plate2" => format!(
            "{} {} {}",
            lot.one(&["M", "GT", "ROW", "WÜ", "DD"]),
            lot.letters("ABCEHKMNPRTX", 2),
            lot.digits(4)
        ),
        "court" => format!(
            "{} {} {}/{:02}",
            lot.within(1, 30),
            lot.one(&["K", "L", "C", "O", "S", "B", "Ca"]),
            lot.within(10, 4000),
            lot.within(10, 26)
        ),
        "court2" => format!(
            "{} {} {}/{:02}",
            lot.one(&["II", "IV", "XII", "3"]),
            lot.one(&["ZR", "StR", "BvR", "AZR", "U"]),
            lot.within(1, 900),
            lot.within(10, 26)
        ),
        "az" => format!(
            "{}.{}-{}/{}",
            lot.within(10, 99),
            lot.within(1, 9),
            lot.digits(4),
            lot.within(2015, 2026)
        ),
        "az2" => format!(
            "{}-{}-{}/{:02}",
            lot.one(&["SO", "III A", "VZ"]),
            lot.digits(3),
            lot.digits(5),
            lot.within(10, 26)
        ),
        "ip4" => format!(
            "{}.{}.{}.{}",
            lot.within(32, 223),
            lot.below(256),
            lot.below(256),
            lot.within(1, 254)
        ),
        "ip6" => format!(
            "2001:db8:{:x}:{:x}::{:x}",
            lot.below(65_536),
            lot.below(65_536),
            lot.within(1, 65_535)
        ),
        _ => panic!("unknown slot {slot}"),
    }
}

/// Changes the last digit, which every check digit notices.
fn spoil(number: &str) -> String {
    let at = number.rfind(|letter: char| letter.is_ascii_digit()).unwrap();
    let digit = (number.as_bytes()[at] - b'0' + 1) % 10;
    format!("{}{digit}{}", &number[..at], &number[at + 1..])
}

fn group(number: &str, size: usize) -> String {
    let parts: Vec<&str> = (0..number.len())
        .step_by(size)
        .map(|at| &number[at..number.len().min(at + size)])
        .collect();
    parts.join(" ")
}

fn iban(lot: &mut Lot, is_foreign: bool) -> String {
    let (country, length) = if is_foreign && lot.below(3) == 0 { ("AT", 16) } else { ("DE", 18) };
    let account = lot.digits(length);
    let turned = format!("{account}{}{}00", country.as_bytes()[0] - 55, country.as_bytes()[1] - 55);
    let rest = turned.bytes().fold(0_u32, |rest, digit| (rest * 10 + u32::from(digit - b'0')) % 97);
    let number = format!("{country}{:02}{account}", 98 - rest);
    if lot.below(3) == 0 { number } else { group(&number, 4) }
}

fn card(lot: &mut Lot, is_bare: bool) -> String {
    let start = lot.one(&["4", "51", "54", "2230"]);
    let stem = format!("{start}{}", lot.digits(15 - start.len()));
    let sum: u32 = stem
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit - b'0');
            if place % 2 == 0 { digit * 2 / 10 + digit * 2 % 10 } else { digit }
        })
        .sum();
    let number = format!("{stem}{}", (10 - sum % 10) % 10);
    if is_bare { number } else { group(&number, 4) }
}

fn tax_id(lot: &mut Lot, is_grouped: bool) -> String {
    let mut digits: Vec<usize> = (0..10).collect();
    for place in (1..10).rev() {
        digits.swap(place, lot.below(place + 1));
    }
    // One digit falls out and another one takes its place; no 0 at the front.
    digits[9] = digits[lot.within(0, 7)];
    if digits[0] == 0 {
        digits.swap(0, 1);
    }
    let product = digits.iter().fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    digits.push((11 - product) % 10);
    let number: String = digits.iter().map(ToString::to_string).collect();
    if is_grouped { format!("{} {}", &number[..2], group(&number[2..], 3)) } else { number }
}

fn weighted(digits: &str, weights: &[u32]) -> u32 {
    let products =
        digits.bytes().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight);
    products.map(|product| product / 10 + product % 10).sum::<u32>() % 10
}

fn social_insurance(lot: &mut Lot, is_grouped: bool) -> String {
    let area = format!("{:02}", lot.within(2, 82));
    let born = format!("{:02}{:02}{:02}", lot.within(1, 28), lot.within(1, 12), lot.below(100));
    let letter = lot.letters("ABCDEFGHJKLMNPRSTW", 1);
    let serial = format!("{:02}", lot.below(100));
    let expanded = format!("{area}{born}{:02}{serial}", letter.as_bytes()[0] - 64);
    let check = weighted(&expanded, &[2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1]);
    match is_grouped {
        true => format!("{area} {born} {letter} {serial}{check}"),
        false => format!("{area}{born}{letter}{serial}{check}"),
    }
}

fn health_insurance(lot: &mut Lot) -> String {
    let letter = lot.letters("ABCDEFGHJKLMNPRSTWXYZ", 1);
    let digits = lot.digits(8);
    let expanded = format!("{:02}{digits}", letter.as_bytes()[0] - 64);
    format!("{letter}{digits}{}", weighted(&expanded, &[1, 2, 1, 2, 1, 2, 1, 2, 1, 2]))
}

fn serial_number(lot: &mut Lot, first: &str, has_check_digit: bool) -> String {
    let mut number =
        lot.letters(first, 1) + &lot.letters("CFGHJKLMNPRTVWXYZ0123456789", 6) + &lot.digits(2);
    if has_check_digit {
        let sum: u32 = number
            .bytes()
            .zip([7, 3, 1].into_iter().cycle())
            .map(|(byte, weight)| {
                weight
                    * if byte.is_ascii_digit() {
                        u32::from(byte - b'0')
                    } else {
                        u32::from(byte - b'A') + 10
                    }
            })
            .sum();
        number.push(char::from(b'0' + (sum % 10) as u8));
    }
    number
}
