//! What kind of answer a question waits for, and whether a sentence holds that kind.
//!
//! The question word often says more than its nouns: "Wie lange …?" wants a time span, whatever the text calls it. Closed lists
//! of German and English words, matched in small letters.

/// The kinds of answers that leave traces in a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expectation {
    /// "Wie lange", "Frist": a span of time.
    Duration,
    /// "Wann", "bis wann": a moment, or the event after which.
    Moment,
    /// "Was kostet", "Gebühr": an amount of money, or that there is none.
    Money,
    /// "Wie viele", "wie hoch": a number.
    Number,
    /// "Was ist", "Was bedeutet": a definition.
    Definition,
    /// "Warum": a reason.
    Reason,
    /// "Welche Unterlagen": things to bring.
    Papers,
    /// "Wer": somebody who acts or is in charge.
    Person,
    /// "Wo": a place.
    Place,
    /// "Darf", "Kann", "Muss": a permission, duty or prohibition.
    Permission,
    /// "Welche Voraussetzungen", "unter welchen Bedingungen": a condition.
    Condition,
}

use Expectation::{
    Condition, Definition, Duration, Moment, Money, Number, Papers, Permission, Person, Place,
    Reason,
};

/// Phrases that tell the kind of answer; the first that occurs decides, so the special stand before the general.
const PHRASES: &[(&str, Expectation)] = &[
    ("wie lange", Duration),
    ("wie lang ", Duration),
    ("welche frist", Duration),
    ("welcher frist", Duration),
    ("bis wann", Duration),
    ("frist", Duration),
    ("dauer", Duration),
    ("how long", Duration),
    ("deadline", Duration),
    ("time limit", Duration),
    ("by when", Duration),
    ("gebühr", Money),
    ("kostet", Money),
    ("kosten", Money),
    ("wie teuer", Money),
    ("welcher preis", Money),
    ("how expensive", Money),
    ("the fee", Money),
    ("what fee", Money),
    ("cost", Money),
    ("wie viel geld", Money),
    ("unterlage", Papers),
    ("dokumente", Papers),
    ("nachweis", Papers),
    ("was muss ich mitbringen", Papers),
    ("was brauche ich", Papers),
    ("vorlegen", Papers),
    ("which documents", Papers),
    ("what documents", Papers),
    ("wie viel", Number),
    ("wieviel", Number),
    ("wie hoch", Number),
    ("höhe", Number),
    ("wie groß", Number),
    ("wie oft", Number),
    ("wie alt", Number),
    ("wie weit", Number),
    ("how many", Number),
    ("how much", Number),
    ("how high", Number),
    ("how old", Number),
    ("how often", Number),
    ("prozent", Number),
    ("seit wann", Moment),
    ("ab wann", Moment),
    ("wann", Moment),
    ("in welchem jahr", Moment),
    ("welches datum", Moment),
    ("an welchem tag", Moment),
    ("when", Moment),
    ("voraussetzung", Condition),
    ("bedingung", Condition),
    ("unter welchen umständen", Condition),
    ("in welchen fällen", Condition),
    ("condition", Condition),
    ("warum", Reason),
    ("weshalb", Reason),
    ("wieso", Reason),
    ("aus welchem grund", Reason),
    ("why", Reason),
    ("was ist", Definition),
    ("was sind", Definition),
    ("was bedeutet", Definition),
    ("was heißt", Definition),
    ("was versteht man", Definition),
    ("definition", Definition),
    ("begriff", Definition),
    ("what is ", Definition),
    ("what are ", Definition),
    ("what does", Definition),
    ("wer ", Person),
    ("wem ", Person),
    ("wen ", Person),
    ("zuständig", Person),
    ("welche behörde", Person),
    ("welche stelle", Person),
    ("welches amt", Person),
    ("who ", Person),
    ("which authority", Person),
    ("wo ", Place),
    ("wohin ", Place),
    ("woher ", Place),
    ("where ", Place),
];

/// First words of questions that want yes or no.
const MODALS: &[&str] = &[
    "darf", "dürfen", "kann", "können", "muss", "müssen", "soll", "sollen", "ist", "sind", "gilt",
    "may", "can", "must", "is", "are", "does", "do",
];

impl Expectation {
    /// What `question` waits for, if its words tell.
    pub(super) fn of(question: &str) -> Option<Expectation> {
        let plain = format!("{} ", question.trim().to_lowercase());
        let told =
            PHRASES.iter().find(|(phrase, _)| holds_phrase(&plain, phrase)).map(|(_, kind)| *kind);
        let first = plain.split_whitespace().next().unwrap_or_default();
        told.or_else(|| MODALS.contains(&first).then_some(Permission))
    }

    /// Share of the question that the kind of answer stands for, against 1 for a noun. Only kinds that leave sure traces count:
    /// a sentence without any number does not answer "Wie viele".
    pub(super) fn weight(self) -> f32 {
        match self {
            Duration | Money | Number => 0.8,
            Moment | Papers => 0.5,
            Definition | Reason | Condition | Permission => 0.3,
            Person | Place => 0.2,
        }
    }

    /// Whether a word of the question (in small letters) only names the kind ("Frist", "Gebühr") and is no subject by itself.
    pub(super) fn is_named_by(self, word: &str) -> bool {
        let names: &[&str] = match self {
            Duration => &[
                "frist",
                "fristen",
                "dauer",
                "dauert",
                "lange",
                "lang",
                "zeit",
                "zeitraum",
                "innerhalb",
                "wann",
                "long",
                "deadline",
                "time",
                "limit",
                "period",
                "take",
                "takes",
            ],
            Money => &[
                "gebühr",
                "gebühren",
                "kostet",
                "kosten",
                "teuer",
                "preis",
                "euro",
                "hoch",
                "höhe",
                "geld",
                "bezahlen",
                "zahlen",
                "betrag",
                "fee",
                "cost",
                "costs",
                "price",
                "much",
                "pay",
                "expensive",
            ],
            Number => &[
                "viel", "viele", "wieviel", "hoch", "höhe", "groß", "oft", "alt", "weit", "anzahl",
                "zahl", "betrag", "prozent", "many", "much", "high", "old", "often", "number",
            ],
            Moment => &["wann", "zeitpunkt", "datum", "jahr", "tag", "when", "date", "year", "day"],
            Papers => &[
                "unterlagen",
                "unterlage",
                "dokumente",
                "nachweise",
                "nachweis",
                "mitbringen",
                "vorlegen",
                "einreichen",
                "brauche",
                "benötige",
                "erforderlich",
                "nötig",
                "notwendig",
                "documents",
                "papers",
                "needed",
                "required",
                "bring",
                "submit",
            ],
            Condition => &[
                "voraussetzung",
                "voraussetzungen",
                "bedingung",
                "bedingungen",
                "umständen",
                "fällen",
                "fall",
                "conditions",
                "condition",
            ],
            Reason => &["grund", "warum", "weshalb", "wieso", "reason"],
            Definition => &[
                "bedeutet",
                "bedeutung",
                "heißt",
                "versteht",
                "definition",
                "begriff",
                "mean",
                "meaning",
            ],
            Person => &["behörde", "stelle", "amt", "person", "authority", "responsible"],
            Place => &["ort", "place", "find", "finde"],
            Permission => &["erlaubt", "zulässig", "möglich", "allowed", "possible"],
        };
        names.contains(&word)
    }

    /// How surely `sentence` holds this kind of answer, from 0 to 1.
    pub(super) fn evidence(self, sentence: &str) -> f32 {
        let plain = sentence.to_lowercase();
        let words: Vec<&str> = plain
            .split(|sign: char| !sign.is_alphanumeric() && sign != '%' && sign != '€')
            .filter(|word| !word.is_empty())
            .collect();
        let has = |list: &[&str]| words.iter().any(|word| list.contains(word));
        let within = |list: &[&str]| list.iter().any(|piece| plain.contains(piece));
        let sure = |yes: bool, strength: f32| if yes { strength } else { 0.0 };
        let numeric = || words.iter().any(|word| is_number(word));
        match self {
            Duration => sure(holds_span(&words), 1.0)
                .max(sure(within(IMMEDIATELY), 0.7))
                .max(sure(holds_date(&words), 0.6)),
            Moment => sure(holds_date(&words) || holds_year(&words), 1.0)
                .max(sure(holds_span(&words) || has(EVENTS) || within(IMMEDIATELY), 0.7)),
            Money => sure(within(&["euro", "€", " eur", "dollar", "pfund"]) && numeric(), 1.0)
                .max(sure(
                    within(&[
                        "kostenfrei",
                        "gebührenfrei",
                        "kostenlos",
                        "unentgeltlich",
                        "free of charge",
                        "keine gebühr",
                        "keine kosten",
                    ]),
                    1.0,
                ))
                .max(sure(within(&["gebühr", "kosten ", "entgelt", "betrag", "auslagen"]), 0.5)),
            Number => sure(numeric(), 1.0),
            Papers => sure(
                within(&[
                    "vorzulegen",
                    "beizufügen",
                    "mitzubringen",
                    "vorlegen",
                    "beifügen",
                    "mitbringen",
                    "einzureichen",
                    "einreichen",
                    "unterlage",
                    "nachweis",
                    "bescheinigung",
                    "ausweis",
                    "urkunde",
                    "formular",
                    "bring",
                    "attach",
                    "submit",
                    "certificate",
                ]),
                1.0,
            ),
            Condition => sure(
                has(&[
                    "wenn",
                    "sofern",
                    "soweit",
                    "falls",
                    "vorausgesetzt",
                    "voraussetzung",
                    "voraussetzungen",
                    "if",
                    "provided",
                    "unless",
                ]),
                1.0,
            ),
            Reason => sure(
                has(&[
                    "weil", "da", "denn", "deshalb", "daher", "grund", "gründen", "wegen",
                    "aufgrund", "um", "damit", "dadurch", "because", "since", "due", "reason",
                ]),
                1.0,
            ),
            Definition => sure(
                has(&[
                    "ist",
                    "sind",
                    "bedeutet",
                    "bezeichnet",
                    "heißt",
                    "gilt",
                    "gelten",
                    "versteht",
                    "nennt",
                    "sinne",
                    "begriff",
                    "umfasst",
                    "is",
                    "are",
                    "means",
                ]),
                1.0,
            ),
            Person => sure(
                within(&[
                    "zuständig",
                    "behörde",
                    "amt ",
                    "ministerium",
                    "gericht",
                    "person",
                    "rat ",
                    "leiter",
                    "präsident",
                    "authority",
                    "office",
                ]),
                1.0,
            ),
            Place => sure(
                has(&[
                    "in", "im", "bei", "beim", "am", "auf", "raum", "zimmer", "amt", "straße",
                    "ort", "at", "on",
                ]),
                1.0,
            ),
            Permission => sure(
                has(&[
                    "darf",
                    "dürfen",
                    "kann",
                    "können",
                    "muss",
                    "müssen",
                    "soll",
                    "sollen",
                    "ist",
                    "sind",
                    "erlaubt",
                    "verboten",
                    "zulässig",
                    "unzulässig",
                    "pflicht",
                    "verpflichtet",
                    "may",
                    "can",
                    "must",
                    "shall",
                    "not",
                ]),
                1.0,
            ),
        }
    }
}

const IMMEDIATELY: &[&str] = &[
    "unverzüglich",
    "sofort",
    "jederzeit",
    "unbefristet",
    "lebenslang",
    "dauerhaft",
    "immediately",
    "at any time",
    "without delay",
];
const EVENTS: &[&str] = &[
    "wenn", "sobald", "nach", "nachdem", "seit", "bis", "ab", "bevor", "vor", "während", "mit",
    "when", "after", "before", "until", "once",
];
const UNITS: &[&str] = &[
    "tag",
    "woche",
    "monat",
    "jahr",
    "stunde",
    "minute",
    "sekunde",
    "quartal",
    "jahrzehnt",
    "jahrhundert",
    "werktag",
    "arbeitstag",
    "kalendertag",
    "day",
    "week",
    "month",
    "year",
    "hour",
];
const MONTHS: &[&str] = &[
    "januar",
    "februar",
    "märz",
    "april",
    "mai",
    "juni",
    "juli",
    "august",
    "september",
    "oktober",
    "november",
    "dezember",
    "january",
    "february",
    "march",
    "may",
    "june",
    "july",
    "october",
    "december",
];
const NUMBER_WORDS: &[&str] = &[
    "ein",
    "eine",
    "einer",
    "eines",
    "einem",
    "einen",
    "zwei",
    "zweier",
    "drei",
    "dreier",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwölf",
    "vierzehn",
    "fünfzehn",
    "zwanzig",
    "dreißig",
    "fünfzig",
    "hundert",
    "tausend",
    "halbe",
    "halben",
    "halbes",
    "mehrere",
    "doppelt",
    "hälfte",
    "drittel",
    "viertel",
    "kein",
    "keine",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "twelve",
    "fourteen",
    "thirty",
    "half",
];

/// Whether the phrase occurs and begins where a word begins.
fn holds_phrase(plain: &str, phrase: &str) -> bool {
    plain.match_indices(phrase).any(|(at, _)| {
        // compounds end in their kind: "Widerspruchsfrist", "Verwaltungsgebühr"; short words must stand alone
        phrase.len() >= 5 && !phrase.contains(' ') || !plain[..at].ends_with(char::is_alphanumeric)
    })
}

fn is_number(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_digit()) || NUMBER_WORDS[6..].contains(&word)
}

/// "zwei Wochen", "eines Monats", "10 Jahre": a number and soon after it a unit of time.
fn holds_span(words: &[&str]) -> bool {
    words.iter().enumerate().any(|(at, word)| {
        let unit = UNITS.iter().any(|unit| {
            word.strip_prefix(unit)
                .is_some_and(|ending| matches!(ending, "" | "e" | "en" | "es" | "s" | "n"))
        });
        let counted = |before: &&str| is_number(before) || NUMBER_WORDS.contains(before);
        unit && words[at.saturating_sub(2)..at].iter().any(counted)
    })
}

fn holds_date(words: &[&str]) -> bool {
    words.iter().any(|word| MONTHS.contains(word))
}

fn holds_year(words: &[&str]) -> bool {
    words.iter().any(|word| {
        word.len() == 4
            && word.starts_with(['1', '2'])
            && word.bytes().all(|digit| digit.is_ascii_digit())
    })
}
