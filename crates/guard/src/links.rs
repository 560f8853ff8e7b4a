//! Links that should not be followed or shown. Knows addresses and a list of allowed hosts; follows
//! nothing.

use std::net::Ipv4Addr;

use regex::Regex;

use crate::event::Event;

/// A host with more characters than this is no name of a host (RFC 1035).
const HOST_BYTES_MAX: usize = 255;

/// Judges links in prompts, documents and answers.
#[derive(Debug, Clone)]
pub struct LinkRules {
    address: Regex,
    /// Hosts that may be linked, with everything below them; empty: any.
    allowed: Vec<String>,
}

impl LinkRules {
    /// Rules with the hosts that may be linked, each with its subdomains. With an empty list only
    /// what is dangerous in itself is reported.
    #[must_use]
    pub fn new(allowed: &[&str]) -> Self {
        let address = r#"(?i)(?P<image>!\[[^\]\n]{0,200}\]\(\s*|<img[^>\n]{0,200}?src\s*=\s*["']?)?(?P<scheme>\b(?:https?|ftp|file|data|javascript|vbscript)):(?P<rest>[^\s<>"')\]]{1,2048})"#;
        Self {
            address: Regex::new(address).expect("the tests compile this pattern"),
            allowed: allowed.iter().map(|host| host.to_lowercase()).collect(),
        }
    }

    /// Every objectionable link of a text; one link may break several rules.
    #[must_use]
    pub fn inspect(&self, text: &str) -> Vec<Event> {
        let mut events = Vec::new();
        for found in self.address.captures_iter(text) {
            let (Some(scheme), Some(rest)) = (found.name("scheme"), found.name("rest")) else {
                continue;
            };
            let is_image = found.name("image").is_some();
            for (rule, score) in self.objections(scheme.as_str(), rest.as_str(), is_image) {
                let (start, end) = (scheme.start(), rest.end());
                events.push(Event { rule: rule.into(), start, end, score });
            }
        }
        events
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
        let Some(address) = rest.strip_prefix("//") else { return Vec::new() };
        let authority = address.split(['/', '?', '#']).next().unwrap_or_default();
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

/// The host without port and final dot, in small letters.
fn host_of(authority: &str) -> String {
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
