//! What an operator decides about a model's routes: which is preferred, what each can do, how it is
//! watched, how long callers may wait for a place.

use std::time::Duration;

use domain::{DataClass, Place};

/// By what the route for a call is preferred among those of the same rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// By rank; among equals by weight, at random.
    #[default]
    Order,
    /// The lowest price for this very call; routes without a price come last.
    Cheapest,
    /// The less loaded of two drawn at random, by moving latency and calls in flight.
    Fastest,
    /// The same route for the same beginning of a conversation, so that its cache is warm.
    Affinity,
}

impl Policy {
    /// All policies.
    pub const ALL: [Self; 4] = [Self::Order, Self::Cheapest, Self::Fastest, Self::Affinity];

    /// The code used in files and interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Cheapest => "cheapest",
            Self::Fastest => "fastest",
            Self::Affinity => "affinity",
        }
    }

    /// The policy of a code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.code() == code)
    }
}

/// Where a caller's data may go, whatever its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlacePolicy {
    allowed: [bool; Place::ALL.len()],
}

impl PlacePolicy {
    /// Every place.
    pub const ANYWHERE: Self = Self { allowed: [true; Place::ALL.len()] };

    /// All places up to and with this one, from near to far.
    #[must_use]
    pub fn up_to(farthest: Place) -> Self {
        let mut allowed = [false; Place::ALL.len()];
        for (index, place) in Place::ALL.into_iter().enumerate() {
            allowed[index] = true;
            if place == farthest {
                break;
            }
        }
        Self { allowed }
    }

    /// Exactly these places.
    #[must_use]
    pub fn of(places: impl IntoIterator<Item = Place>) -> Self {
        let mut allowed = [false; Place::ALL.len()];
        for place in places {
            allowed[place as usize] = true;
        }
        Self { allowed }
    }

    /// Of the places allowed here, those that `keep` keeps.
    #[must_use]
    pub fn only(self, keep: impl Fn(Place) -> bool) -> Self {
        let allowed = std::array::from_fn(|index| self.allowed[index] && keep(Place::ALL[index]));
        Self { allowed }
    }

    /// The places, from near to far.
    pub fn places(self) -> impl Iterator<Item = Place> {
        Place::ALL.into_iter().filter(move |place| self.allows(*place))
    }

    /// Whether data may go there.
    #[must_use]
    pub fn allows(self, place: Place) -> bool {
        Place::ALL.iter().zip(self.allowed).any(|(known, allowed)| allowed && *known == place)
    }
}

impl Default for PlacePolicy {
    fn default() -> Self {
        Self::ANYWHERE
    }
}

/// What a route can do beside text. Requests that need more go to another route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// Calls tools.
    pub tools: bool,
    /// Reads parts of messages that are no text.
    pub images: bool,
    /// Keeps to a given structure.
    pub structured: bool,
}

impl Abilities {
    /// Everything: the server itself refuses what it cannot do.
    pub const ALL: Self = Self { tools: true, images: true, structured: true };
}

impl Default for Abilities {
    fn default() -> Self {
        Self::ALL
    }
}

/// How a route is asked, without a model call, whether it is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// The path on the server's host, from its root, e.g. `/health`.
    pub path: String,
    /// The pause between two checks; a random tenth more or less keeps them apart.
    pub interval: Duration,
}

/// How long callers may wait for a free place, and how many of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Most calls that wait; beyond: the caller with the most of them is refused.
    pub length_max: usize,
    /// The longest wait; after it the call is refused as overloaded.
    pub wait_max: Duration,
}

impl QueueLimits {
    /// Nobody waits.
    pub const NONE: Self = Self { length_max: 0, wait_max: Duration::ZERO };
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self { length_max: 100, wait_max: Duration::from_secs(10) }
    }
}

/// What a request is about, as far as it can be seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// Plain conversation.
    #[default]
    Chat,
    /// An answer bound to sources.
    Answer,
    /// A summary of sources.
    Summary,
    /// Tools may be called.
    Tools,
    /// There is something to look at.
    Images,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Chat, Self::Answer, Self::Summary, Self::Tools, Self::Images];

    /// The code used in files.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Answer => "answer",
            Self::Summary => "summary",
            Self::Tools => "tools",
            Self::Images => "images",
        }
    }

    /// The kind of a code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// One line of the choice behind the name `auto`: the first that fits is taken, if one of its
/// model's routes may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoChoice {
    /// The model.
    pub model: String,
    /// Only requests up to this class; `None` for all.
    pub class_max: Option<DataClass>,
    /// Only requests up to this many tokens, question and longest answer together, by estimate;
    /// `None` for all.
    pub tokens_max: Option<u64>,
    /// Only requests of this kind; `None` for all.
    pub kind: Option<Kind>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_allowed_from_near_to_far() {
        for (index, farthest) in Place::ALL.into_iter().enumerate() {
            let policy = PlacePolicy::up_to(farthest);
            for (other, place) in Place::ALL.into_iter().enumerate() {
                assert_eq!(policy.allows(place), other <= index);
            }
        }
        assert_eq!(PlacePolicy::up_to(Place::Elsewhere), PlacePolicy::ANYWHERE);
        for place in Place::ALL {
            assert_eq!(PlacePolicy::of([place]).places().collect::<Vec<_>>(), [place]);
        }
    }
}
