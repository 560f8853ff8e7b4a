//! Links that should not be followed or shown. Knows addresses and a list of allowed hosts; follows
//! nothing.

use std::borrow::Cow;
use std::net::Ipv4Addr;
use std::ops::Range;

use aho_corasick::AhoCorasick;
use regex::bytes::Regex;

use crate::encoded;
use crate::event::Event;
use crate::readings::with_plain_blanks;

/// What a link begins with.
const LEADS: [&str; 8] =
    ["http:", "https:", "ftp:", "file:", "data:", "javascript:", "vbscript:", "www."];
/// Longest link that is waited for; a longer one is judged by its beginning.
const LINK_BYTES_MAX: usize = 2_304;

/// Longest text of a link in Markdown that is taken with it, in bytes.
const LABEL_BYTES_MAX: usize = 600;
/// What stands between text and destination of a link in Markdown.
const DESTINATION: &str = "](";
/// What browsers take for a slash.
const SLASHES: [char; 2] = ['/', '\\'];

/// A host with more characters than this is no name of a host (RFC 1035).
const HOST_BYTES_MAX: usize = 255;

/// Judges links in prompts, documents and answers.
#[derive(Debug, Clone)]
pub struct LinkRules {
    /// What every link has in it; most texts have none of it and need no closer look.
    hints: AhoCorasick,
    address: Regex,
    disguised: Regex,
    /// Hosts that may be linked, with everything below them; empty: any.
    allowed: Vec<String>,
}

impl LinkRules {
    /// Rules with the hosts that may be linked, each with its subdomains. With an empty list only
    /// what is dangerous in itself is reported.
    #[must_use]
    pub fn new(allowed: &[&str]) -> Self {
        // In bytes, because Unicode cannot be searched for fast and takes megabytes. Two slashes in
        // prose or in code are no link; where a link or a picture leads to, they are.
        let picture = r#"!\[[^\]\n]{0,600}\]\(\s*<?|<img[^>\n]{0,600}?src\s*=\s*["']?"#;
        let into = r#"\]\(\s*<?|(?:src|href)\s*=\s*["']?"#;
        let scheme = r"\b(?:https?|ftp|file|data|javascript|vbscript)";
        let address = format!(
            r#"(?i-u)(?:(?P<image>{picture})?(?:(?P<scheme>{scheme}):|(?P<www>\bwww\.))|(?:(?P<picture>{picture})|{into})(?P<slashes>[/\\]{{2}}))(?P<rest>[^\s<>"')\]]{{1,2048}})"#
        );
        // Readers of Markdown undo these before they follow the link.
        let disguised =
            r"(?i-u)\]\(\s*<?(?P<link>[^\s<>)]{0,200}?(?:&(?:#|colon|sol)|\\[:/])[^\s<>)]{0,2048})";
        let hints = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(LEADS.iter().chain(&["//", r"\\", r"/\", r"\/", "]("]));
        Self {
            hints: hints.expect("few short words"),
            address: Regex::new(&address).expect("the tests compile this pattern"),
            disguised: Regex::new(disguised).expect("the tests compile this pattern"),
            allowed: allowed.iter().map(|host| host.to_lowercase()).collect(),
        }
    }

    /// Every objectionable link of a text; one link may break several rules.
    #[must_use]
    pub fn inspect(&self, text: &str) -> Vec<Event> {
        let mut events = Vec::new();
        if !may_have_link(text.as_bytes()) || !self.hints.is_match(text) {
            return events;
        }
        let text = &*with_plain_blanks(text);
        self.find(text, 0..text.len(), &mut events);
        let disguised = self.disguised.captures_iter(text.as_bytes());
        let disguised = disguised.filter_map(|found| Some(found.name("link")?.range()));
        events.extend(disguised.map(|link| {
            let link = text.floor_char_boundary(link.start)..text.ceil_char_boundary(link.end);
            let Range { start, end } = with_markdown(text, link);
            Event { rule: "link/disguised".into(), start, end, score: 0.8 }
        }));
        events
    }

    /// Notes every objectionable link in a part of a text.
    fn find(&self, text: &str, part: Range<usize>, events: &mut Vec<Event>) {
        let offset = part.start;
        for found in self.address.captures_iter(&text.as_bytes()[part]) {
            let named = ["scheme", "www", "slashes"].iter().find_map(|name| found.name(name));
            let (Some(lead), Some(rest)) = (named, found.name("rest")) else { continue };
            let lead = offset + lead.start()..offset + lead.end();
            let image = found.name("image").or(found.name("picture"));
            if let Some(image) = image {
                // The text of a picture may have a link in it.
                self.find(text, offset + image.start() + 2..lead.start, events);
            }
            // A bound may have cut it within a letter.
            let end = text.floor_char_boundary(offset + rest.end());
            let rest = &text[offset + rest.start()..end];
            let (scheme, address) = match &text[lead.clone()] {
                slashes if slashes.starts_with(SLASHES) => ("https", format!("//{rest}")),
                scheme if scheme.ends_with('.') => ("https", format!("//www.{rest}")),
                scheme if is_destination(&text[..lead.start]) => (scheme, format!("//{rest}")),
                scheme => (scheme, rest.to_owned()),
            };
            let mut objections = self.objections(scheme, &address, image.is_some());
            // Pages and Markdown undo character references before anybody follows the link.
            if let Cow::Owned(shown) = encoded::without_references(&address) {
                let others = self.objections(scheme, &shown, image.is_some()).into_iter();
                let known = objections.clone();
                objections.extend(others.filter(|other| !known.contains(other)));
            }
            for (rule, score) in objections {
                let Range { start, end } = with_markdown(text, lead.start..end);
                events.push(Event { rule: rule.into(), start, end, score });
            }
        }
    }

    /// The first byte of a link that more text could begin or lengthen; the length of the text if
    /// there is none.
    #[must_use]
    pub fn open_from(&self, text: &str) -> usize {
        let from = text.floor_char_boundary(text.len().saturating_sub(LINK_BYTES_MAX));
        let word_at = text[from..].rfind(char::is_whitespace).map_or(from, |at| from + at);
        // The destination of a link in Markdown may stand behind blanks and a break.
        let before = text[from..word_at].trim_end();
        let word_at = if before.ends_with(DESTINATION) { from + before.len() - 2 } else { word_at };
        let word = text[word_at..].to_ascii_lowercase();
        // A destination in Markdown is a link whatever it begins with.
        let destination = word.rfind("](").filter(|at| !word[*at..].contains(')'));
        let ends = |at: &usize| word[*at..].contains(['<', '>', '"', '\'', ')', ']']);
        let attribute = ["href=", "src="].into_iter().filter_map(|name| {
            let at = word.rfind(name)? + name.len();
            let value = at + usize::from(word[at..].starts_with(['"', '\'']));
            Some(value).filter(|at| !ends(at))
        });
        // Of several in one word those are open behind which none of these marks stands.
        let last = word.rfind(['<', '>', '"', '\'', ')', ']']).map_or(0, |mark| mark + 1);
        let begun = LEADS.iter().filter_map(|lead| Some(last + word[last..].find(lead)?)).min();
        let tail = word.trim_end_matches(char::is_alphanumeric).len();
        let may_begin = LEADS.iter().any(|lead| lead.starts_with(&word[tail..]));
        let begins = (tail < word.len() && may_begin).then_some(tail);
        let open = [destination, attribute.min(), begun, begins].into_iter().flatten().min();
        let open = open.map_or(text.len(), |at| word_at + at);
        markdown_from(text).map_or(open, |at| open.min(at))
    }

    fn objections(&self, scheme: &str, rest: &str, is_image: bool) -> Vec<(&'static str, f32)> {
        match scheme.to_ascii_lowercase().as_str() {
            "javascript" | "vbscript" => return vec![("link/script", 0.95)],
            // `data:` is a word too; an address has a type or a comma.
            "data" if rest.contains(',') || rest.contains(";base64") => {
                return vec![("link/data", 0.8)];
            }
            "data" => return Vec::new(),
            "file" => return vec![("link/file", 0.7)],
            _ => {}
        }
        // Browsers take any number of slashes and backslashes for two (WHATWG URL, "special
        // authority ignore slashes state").
        let address = rest.trim_start_matches(SLASHES);
        if address.len() == rest.len() {
            return Vec::new();
        }
        let authority = address.split(['/', '\\', '?', '#']).next().unwrap_or_default();
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        let host = host_of(host);
        let mut objections = Vec::new();
        if !user.is_empty() {
            objections.push(("link/user-in-address", 0.7));
        }
        if is_bare_ip(&host) {
            objections.push(("link/ip-host", 0.6));
        }
        if is_look_alike(&host) {
            objections.push(("link/look-alike-host", 0.7));
        }
        let is_allowed = self.is_allowed(&host);
        let carries = address.contains('?') || address.len() > host.len() + 64;
        if is_image && carries && (self.allowed.is_empty() || !is_allowed) {
            objections.push(("link/image-carries-away", 0.9));
        }
        if !self.allowed.is_empty() && !is_allowed {
            objections.push(("link/not-allowed", 0.5));
        }
        objections
    }

    fn is_allowed(&self, host: &str) -> bool {
        self.allowed.iter().any(|allowed| {
            host.strip_suffix(allowed.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    }
}

/// What goes where a link is removed: of a link or a picture in Markdown the text stays, so that what
/// is left is no half of one. Parts of the event, each with whether the notice stands there.
pub(crate) fn parts(event: &str) -> Vec<(Range<usize>, bool)> {
    let opening = if event.starts_with("![") { 2 } else { usize::from(event.starts_with('[')) };
    match event.find(DESTINATION) {
        Some(close) if opening > 0 && !event[opening..close].trim().is_empty() => {
            vec![(0..opening, false), (close..event.len(), true)]
        }
        _ => vec![(0..event.len(), true)],
    }
}

/// Whether one of the characters is there without which there is no link.
fn may_have_link(text: &[u8]) -> bool {
    let begins_www = |at: usize| matches!(text.get(at + 1), Some(b'w' | b'W'));
    memchr::memchr3(b':', b'/', b'(', text).is_some()
        || memchr::memchr(b'\\', text).is_some()
        || memchr::memchr2_iter(b'w', b'W', text).any(begins_www)
}

/// Whether what follows is followed as a link whatever it looks like.
fn is_destination(before: &str) -> bool {
    let before = before.trim_end_matches(['<', '"', '\'']).trim_end();
    before.ends_with(DESTINATION) || before.ends_with('=')
}

/// A link with its text and brackets if it is the destination of one in Markdown that ends with it.
fn with_markdown(text: &str, link: Range<usize>) -> Range<usize> {
    let blank = |letter: char| letter == ' ' || letter == '\t';
    let before = text[..link.start].trim_end_matches('<').trim_end_matches(blank);
    let Some(head) = before.strip_suffix(DESTINATION) else { return link };
    // No further than a title may be long: what closes nothing would else be searched again and again.
    let far = text.floor_char_boundary(link.end.saturating_add(LABEL_BYTES_MAX));
    let rest = &text[link.end..far];
    let Some(close) = rest.find([')', '\n']).filter(|at| rest[*at..].starts_with(')')) else {
        return link;
    };
    let between = rest[..close].trim_start_matches('>').trim_start_matches(blank);
    if !between.is_empty() && !between.starts_with(['"', '\'']) {
        return link;
    }
    opening(head).unwrap_or(head.len())..link.end + close + 1
}

/// Where the text of a link or a picture begins that ends here: its bracket.
fn opening(head: &str) -> Option<usize> {
    let from = head.floor_char_boundary(head.len().saturating_sub(LABEL_BYTES_MAX));
    let at = from + head[from..].rfind(['[', ']', '\n'])?;
    let is_picture = head[..at].ends_with('!');
    head[at..].starts_with('[').then(|| at - usize::from(is_picture))
}

/// The first byte of a link or a picture in Markdown that is not over yet.
fn markdown_from(text: &str) -> Option<usize> {
    let from = text.floor_char_boundary(text.len().saturating_sub(LINK_BYTES_MAX));
    let from = text[from..].rfind('\n').map_or(from, |at| from + at);
    let line = &text[from..];
    let label = opening(text).filter(|at| *at >= from);
    let closed = line.strip_suffix(']').map(|head| from + head.len());
    let destination = line.rfind(DESTINATION).map(|at| from + at);
    let destination = destination.filter(|at| !text[*at..].contains(')'));
    let ended = [closed, destination].into_iter().flatten().min();
    let ended = ended.map(|at| opening(&text[..at]).unwrap_or(at));
    let mark = text.ends_with('!').then(|| text.len() - 1);
    [label, ended, mark].into_iter().flatten().min()
}

/// The host without port and final dot, in small letters, as browsers read it.
fn host_of(authority: &str) -> String {
    let authority = &*encoded::without_triples(authority);
    let host = match authority.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let end = host.floor_char_boundary(HOST_BYTES_MAX);
    host[..end].trim_end_matches('.').to_lowercase()
}

/// A number instead of a name, also as one number or in hexadecimal (`http://0x7f000001`).
fn is_bare_ip(host: &str) -> bool {
    host.parse::<Ipv4Addr>().is_ok()
        || host.contains(':')
        || !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_digit())
        || host
            .strip_prefix("0x")
            .is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Punycode, or letters of another script: may look like a host that it is not. German umlauts and
/// the other letters of Latin-1 are as good as ASCII.
fn is_look_alike(host: &str) -> bool {
    host.split('.').any(|label| label.starts_with("xn--"))
        || host
            .chars()
            .any(|letter| !letter.is_ascii() && !('à'..='ÿ').contains(&letter) && letter != 'ß')
}
