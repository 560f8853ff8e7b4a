//! Hosts that models may be called on although the configuration file does not define them.

use url::Url;

use super::{
    check::{as_text, mistake_at},
    mistake::Mistake,
    raw::Raw,
};

/// A host of `outbound.hosts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost {
    name: String,
    /// `None`: any port.
    port: Option<u16>,
}

impl AllowedHost {
    /// The host and port of an address in the file.
    pub(crate) fn of(url: &Url) -> Option<Self> {
        Some(Self { name: url.host_str()?.to_owned(), port: Some(url.port_or_known_default()?) })
    }

    /// Whether the address is on this host.
    pub(crate) fn allows(&self, url: &Url) -> bool {
        url.host_str().is_some_and(|host| host.eq_ignore_ascii_case(&self.name))
            && self.port.is_none_or(|port| url.port_or_known_default() == Some(port))
    }
}

impl std::fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

pub(super) fn allowed(raw: &Raw, mistakes: &mut Vec<Mistake>) -> Vec<AllowedHost> {
    let Some(given) = raw.values.get("outbound.hosts") else { return Vec::new() };
    let words = as_text(given).unwrap_or_default();
    let mut hosts = Vec::new();
    for word in words.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        match parse(word) {
            Some(host) => hosts.push(host),
            None => {
                let text =
                    format!("{word:?} is not a host such as llm.example.de or 10.0.0.5:8000");
                mistakes.push(mistake_at(given, "outbound.hosts", text));
            }
        }
    }
    hosts
}

fn parse(word: &str) -> Option<AllowedHost> {
    if word.contains(['@', '/', '*', '?', '#']) {
        return None;
    }
    let authority: http::uri::Authority = word.parse().ok()?;
    // As addresses have it: in lower case, with IPv4 in its usual form.
    let url = Url::parse(&format!("http://{}/", authority.host())).ok()?;
    let name = url.host_str()?.to_owned();
    let has_port = authority.as_str().len() > authority.host().len();
    let port = authority.port_u16();
    (has_port == port.is_some()).then_some(AllowedHost { name, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_meant_exactly() {
        let allows = |host: &str, url: &str| parse(host).unwrap().allows(&url.parse().unwrap());
        assert!(allows("llm.example.de", "https://llm.example.de/v1"));
        assert!(allows("LLM.example.de", "http://llm.example.de:8000/v1"));
        assert!(allows("llm.example.de:443", "https://LLM.example.de/v1"));
        assert!(allows("10.0.0.5:8000", "http://10.0.0.5:8000"));
        assert!(allows("[::1]:8000", "http://[::1]:8000/v1"));
        // Another writing of the same address is the same address.
        assert!(allows("127.0.0.1", "http://2130706433/v1"));
        for other in [
            "https://llm.example.de.angreifer.example/v1",
            "https://x.llm.example.de/v1",
            "https://llm.example.de@angreifer.example/v1",
            "http://169.254.169.254/latest",
        ] {
            assert!(!allows("llm.example.de", other), "{other}");
        }
        assert!(!allows("llm.example.de:8000", "http://llm.example.de:22/v1"));
        for wrong in
            ["*", "*.example.de", "http://a", "a/b", "nutzer@a", "a:x", "a:99999", "a b", ""]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
