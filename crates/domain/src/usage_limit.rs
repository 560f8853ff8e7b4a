//! How much of the models somebody may use: limits and monthly budgets, and whom or what they bind.

use std::{fmt, str::FromStr};

use crate::{KeyId, UnitId, UnknownCode, UserId, money};

/// Longest name of a model that a limit can bind, in bytes; beyond: refused.
const MODEL_NAME_BYTES_MAX: usize = 200;

/// Whom or what a limit binds, within a tenant. Written `kind:id`, the tenant itself `tenant`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitScope {
    /// Everybody together.
    Tenant,
    /// A unit and all below it together.
    Unit(UnitId),
    /// A person with all their keys and sessions.
    Person(UserId),
    /// One API key.
    Key(KeyId),
    /// All calls of one model.
    Model(String),
}

impl LimitScope {
    /// All codes of [`LimitScope::kind`].
    pub const KINDS: [&'static str; 5] = ["tenant", "unit", "person", "key", "model"];

    /// The code of its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Unit(_) => "unit",
            Self::Person(_) => "person",
            Self::Key(_) => "key",
            Self::Model(_) => "model",
        }
    }
}

impl fmt::Display for LimitScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant => f.write_str("tenant"),
            Self::Unit(id) => write!(f, "unit:{id}"),
            Self::Person(id) => write!(f, "person:{id}"),
            Self::Key(id) => write!(f, "key:{id}"),
            Self::Model(name) => write!(f, "model:{name}"),
        }
    }
}

impl FromStr for LimitScope {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        let unknown = || UnknownCode {
            code: text.chars().take(MODEL_NAME_BYTES_MAX).collect(),
            allowed: "tenant, unit:ID, person:ID, key:ID, model:NAME",
        };
        let parsed = match text.split_once(':') {
            None if text == "tenant" => Some(Self::Tenant),
            Some(("unit", id)) => id.parse().ok().map(Self::Unit),
            Some(("person", id)) => id.parse().ok().map(Self::Person),
            Some(("key", id)) => id.parse().ok().map(Self::Key),
            Some(("model", name)) if (1..=MODEL_NAME_BYTES_MAX).contains(&name.len()) => {
                Some(Self::Model(name.to_owned()))
            }
            _ => None,
        };
        parsed.ok_or_else(unknown)
    }
}

/// What is counted against a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Meter {
    /// Requests begun in a minute of the clock.
    Requests,
    /// Tokens read and written, in a minute of the clock.
    Tokens,
    /// Requests at the same time.
    Concurrent,
    /// Tokens read and written in a calendar month in UTC.
    MonthTokens,
    /// Nano-euro in a calendar month in UTC.
    MonthCost,
}

impl Meter {
    /// All meters.
    pub const ALL: [Self; 5] =
        [Self::Requests, Self::Tokens, Self::Concurrent, Self::MonthTokens, Self::MonthCost];

    /// The code used in tables and interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Requests => "requests_per_minute",
            Self::Tokens => "tokens_per_minute",
            Self::Concurrent => "concurrent",
            Self::MonthTokens => "tokens_per_month",
            Self::MonthCost => "cost_per_month",
        }
    }

    /// Whether it is a budget of a month rather than a rate.
    #[must_use]
    pub const fn is_budget(self) -> bool {
        matches!(self, Self::MonthTokens | Self::MonthCost)
    }

    /// What was counted, in the unit in which its limit is set: money in micro-euro, rounded to the
    /// nearest; all else as it is.
    #[must_use]
    pub const fn as_set(self, counted: u64) -> u64 {
        match self {
            Self::MonthCost => money::to_micro_euro(counted),
            Self::Requests | Self::Tokens | Self::Concurrent | Self::MonthTokens => counted,
        }
    }
}

impl FromStr for Meter {
    type Err = UnknownCode;

    fn from_str(code: &str) -> Result<Self, UnknownCode> {
        Self::ALL.into_iter().find(|meter| meter.code() == code).ok_or_else(|| UnknownCode {
            code: code.to_owned(),
            allowed: "requests_per_minute, tokens_per_minute, concurrent, tokens_per_month, \
                      cost_per_month",
        })
    }
}

/// What happens when a limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AtLimit {
    /// Requests are refused.
    #[default]
    Refuse,
    /// Once a monthly budget is used up, only routes are taken that what is left pays for; in the end
    /// those that cost nothing. Rates refuse.
    Cheaper,
    /// Nothing but the warning.
    Notify,
}

impl AtLimit {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Refuse, Self::Cheaper, Self::Notify];

    /// The code used in tables and interfaces.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Cheaper => "cheaper",
            Self::Notify => "notify",
        }
    }
}

impl FromStr for AtLimit {
    type Err = UnknownCode;

    fn from_str(code: &str) -> Result<Self, UnknownCode> {
        Self::ALL.into_iter().find(|at| at.code() == code).ok_or_else(|| UnknownCode {
            code: code.to_owned(),
            allowed: "refuse, cheaper, notify",
        })
    }
}

/// The limits of one scope; `None` sets none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageLimit {
    /// Requests begun in a minute.
    pub requests_per_minute: Option<u64>,
    /// Tokens in a minute.
    pub tokens_per_minute: Option<u64>,
    /// Requests at the same time.
    pub concurrent: Option<u64>,
    /// Tokens of one request, question and longest answer together, by estimate.
    pub context_tokens: Option<u64>,
    /// Tokens in a month.
    pub tokens_per_month: Option<u64>,
    /// Micro-euro in a month.
    pub micro_euro_per_month: Option<u64>,
    /// What happens when one of them is reached.
    pub at_limit: AtLimit,
    /// The share of a key, person or unit beside its siblings where calls wait for a place.
    pub weight: u32,
}

impl UsageLimit {
    /// The most that any limit can say, so that sums of all kinds stay far from overflowing.
    pub const MAX: u64 = 1_000_000_000_000_000;
    /// The most that a weight can be; nobody may crowd out others altogether.
    pub const WEIGHT_MAX: u32 = 100;
    /// Warnings are given at these percentages of a monthly budget.
    pub const WARN_PERCENT: [u64; 3] = [80, 90, 100];

    /// What this meter is limited to, in the unit in which it is counted.
    #[must_use]
    pub const fn of(&self, meter: Meter) -> Option<u64> {
        match meter {
            Meter::Requests => self.requests_per_minute,
            Meter::Tokens => self.tokens_per_minute,
            Meter::Concurrent => self.concurrent,
            Meter::MonthTokens => self.tokens_per_month,
            Meter::MonthCost => match self.micro_euro_per_month {
                Some(most) => Some(most.saturating_mul(money::NANO_PER_MICRO)),
                None => None,
            },
        }
    }

    /// The highest percentage to warn at that `used` has reached of `limit`.
    #[must_use]
    pub fn reached(used: u64, limit: u64) -> Option<u64> {
        let at_least =
            |percent: &u64| u128::from(used) * 100 >= u128::from(limit) * u128::from(*percent);
        Self::WARN_PERCENT.into_iter().rev().find(at_least)
    }
}

impl Default for UsageLimit {
    fn default() -> Self {
        Self {
            requests_per_minute: None,
            tokens_per_minute: None,
            concurrent: None,
            context_tokens: None,
            tokens_per_month: None,
            micro_euro_per_month: None,
            at_limit: AtLimit::Refuse,
            weight: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_as_they_are_written() {
        let scopes = [
            LimitScope::Tenant,
            LimitScope::Unit(UnitId::new()),
            LimitScope::Person(UserId::new()),
            LimitScope::Key(KeyId::new()),
            LimitScope::Model("a:b/c".to_owned()),
        ];
        for scope in scopes {
            assert_eq!(scope.to_string().parse::<LimitScope>().ok(), Some(scope));
        }
        for wrong in ["", "tenant:x", "unit", "unit:x", "model:", "person:../x"] {
            assert!(wrong.parse::<LimitScope>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn money_is_set_in_micro_euro_and_counted_in_nano_euro() {
        let limit = |most| UsageLimit { micro_euro_per_month: most, ..UsageLimit::default() };
        assert_eq!(limit(Some(5)).of(Meter::MonthCost), Some(5_000));
        let most = limit(Some(UsageLimit::MAX)).of(Meter::MonthCost);
        assert!(most.is_some_and(|most| i64::try_from(most).is_ok()), "databases can keep it");
        for meter in Meter::ALL {
            let set = Some(7);
            let limit = UsageLimit {
                requests_per_minute: set,
                tokens_per_minute: set,
                concurrent: set,
                tokens_per_month: set,
                ..limit(set)
            };
            assert_eq!(limit.of(meter).map(|most| meter.as_set(most)), set, "{meter:?}");
        }
    }

    #[test]
    fn warnings_come_at_eighty_ninety_and_a_hundred() {
        let cases = [(79, None), (80, Some(80)), (89, Some(80)), (90, Some(90)), (150, Some(100))];
        for (used, percent) in cases {
            assert_eq!(UsageLimit::reached(used, 100), percent, "{used}");
        }
        assert_eq!(UsageLimit::reached(u64::MAX, u64::MAX), Some(100));
    }
}
