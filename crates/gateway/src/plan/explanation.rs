//! Why a route was taken and the others were not: names of our own configuration and fixed words,
//! nothing of the request.

use std::fmt::Write as _;

/// Most routes in the header form; the rest is left out, so that no header grows without bound.
const HEADER_ROUTES_MAX: usize = 50;

/// Why a route was not tried, or not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The data is above its clearance.
    AboveClearance,
    /// Data must not go where it runs.
    PlaceNotAllowed,
    /// It is there for something else.
    NotOffered,
    /// Its server has no place for something in the request.
    Untranslatable,
    /// It calls no tools.
    NoTools,
    /// It reads only text.
    NoImages,
    /// It keeps to no structure.
    NoStructure,
    /// The request is longer than it can read.
    ContextTooShort,
    /// It takes no more calls, because an operator says so.
    Drained,
    /// What is left of the budget does not pay for it.
    OverBudget,
    /// It failed too often and is left alone.
    BreakerOpen,
    /// It asked to be left alone.
    CoolingDown,
    /// It does not answer health checks.
    Unwell,
    /// It does worse than its siblings.
    Ejected,
    /// All its places are taken.
    Full,
    /// It has not lately answered as fast as the caller needs.
    NoTimeLeft,
    /// It was tried and failed.
    Failed,
    /// It was tried beside another, which answered first.
    GivenUp,
    /// Another came before it.
    NotNeeded,
    /// The line behind `auto` is for lower classes of data.
    AboveLineClass,
    /// The line is for shorter requests.
    AboveLineTokens,
    /// The line is for something else.
    OtherTask,
}

impl Reason {
    /// Whether nothing but another request or another catalogue changes it.
    pub(crate) const fn is_lasting(self) -> bool {
        matches!(
            self,
            Self::AboveClearance
                | Self::PlaceNotAllowed
                | Self::NotOffered
                | Self::Untranslatable
                | Self::NoTools
                | Self::NoImages
                | Self::NoStructure
                | Self::ContextTooShort
                | Self::OverBudget
        )
    }

    /// The code used in headers, measurements and interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::AboveClearance => "above_clearance",
            Self::PlaceNotAllowed => "place_not_allowed",
            Self::NotOffered => "not_offered",
            Self::Untranslatable => "not_translatable",
            Self::NoTools => "no_tools",
            Self::NoImages => "no_images",
            Self::NoStructure => "no_structured_output",
            Self::ContextTooShort => "context_too_short",
            Self::Drained => "drained",
            Self::OverBudget => "over_budget",
            Self::BreakerOpen => "breaker_open",
            Self::CoolingDown => "cooling_down",
            Self::Unwell => "health_check_failed",
            Self::Ejected => "ejected",
            Self::Full => "full",
            Self::NoTimeLeft => "no_time_left",
            Self::Failed => "failed",
            Self::GivenUp => "given_up",
            Self::NotNeeded => "not_needed",
            Self::AboveLineClass => "above_line_class",
            Self::AboveLineTokens => "above_line_tokens",
            Self::OtherTask => "other_task",
        }
    }
}

/// Why a route was taken and the others were not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The model whose routes these are; another than the one asked for if that was `auto`.
    pub model: String,
    /// By what the routes were ordered.
    pub policy: &'static str,
    /// The route that was taken, if any.
    pub taken: Option<String>,
    /// The other routes, in the order of the catalogue; behind `auto`, then those of the other lines,
    /// with their models.
    pub others: Vec<(String, Reason)>,
}

impl Explanation {
    /// The explanation as a list of strings with parameters after RFC 9651, fit for a header:
    /// `"standard-2";taken, "standard-1";not="full"`. At most 50 routes are named.
    #[must_use]
    pub fn to_header(&self) -> String {
        let mut text = String::new();
        if let Some(route) = &self.taken {
            let _ = write!(
                text,
                "{};taken;model={};policy={}",
                quoted(route),
                quoted(&self.model),
                self.policy
            );
        }
        for (route, reason) in self.others.iter().take(HEADER_ROUTES_MAX) {
            let comma = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{comma}{};not={}", quoted(route), reason.code());
        }
        text
    }
}

/// A string after RFC 9651; characters that it cannot hold become `?`.
fn quoted(name: &str) -> String {
    let mut text = String::from("\"");
    for character in name.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            ' '..='~' => text.push(character),
            _ => text.push('?'),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_names_every_route_and_nothing_else() {
        let explanation = Explanation {
            model: "gro\"ß".to_owned(),
            policy: "order",
            taken: Some("b".to_owned()),
            others: vec![("a".to_owned(), Reason::Full), ("c".to_owned(), Reason::NotNeeded)],
        };
        assert_eq!(
            explanation.to_header(),
            r#""b";taken;model="gro\"?";policy=order, "a";not=full, "c";not=not_needed"#
        );
        let many = Explanation {
            taken: None,
            others: vec![("a".to_owned(), Reason::Full); 1_000],
            ..explanation
        };
        assert_eq!(many.to_header().matches("full").count(), HEADER_ROUTES_MAX);
    }
}
