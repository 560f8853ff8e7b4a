//! What a program wishes beside an answer, and what it is told beside it: the same for every
//! interface to models.

use std::time::Duration;

use domain::{Action, Principal, Resource};
use gateway::{Explanation, Taken};
use tokio::time::Instant;

use crate::{CacheUse, Result, settlement::Settlement};

/// What the caller wishes beside the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wishes {
    /// How long they wait for the whole answer; `None`: as long as the route's own limits.
    pub time: Option<Duration>,
    /// Whether they want to know why the route was taken.
    pub explain: bool,
}

/// A request and the wishes that came with it.
#[derive(Debug)]
pub struct Call<R> {
    /// The request.
    pub request: R,
    /// What else is wished.
    pub wishes: Wishes,
}

impl<R> From<R> for Call<R> {
    fn from(request: R) -> Self {
        Self { request, wishes: Wishes::default() }
    }
}

/// Which way an answer took.
#[derive(Debug, Clone)]
pub struct Way {
    /// The route that gave it.
    pub taken: Taken,
    /// What the guard found, as kinds and counts, e.g. `iban=1;name=2`; `None` if nothing.
    pub guard: Option<String>,
    /// Why it was that route; only if it was asked for.
    pub explanation: Option<Explanation>,
    /// Whether the answer came out of the answer cache; `None` where none is kept.
    pub cache: Option<CacheUse>,
}

/// An answer and the way it took.
#[derive(Debug)]
pub struct Answer<R> {
    /// The way.
    pub way: Way,
    /// The answer.
    pub reply: R,
}

impl Wishes {
    /// Checks that the principal may use models, and may have what they wish beside. Gives when
    /// their time is over, which counts from now.
    pub(crate) fn admit(self, principal: &Principal) -> Result<Option<Instant>> {
        let tenant = Resource::Tenant(principal.tenant);
        domain::authorise(principal, Action::UseModels, &tenant)?;
        if self.explain {
            domain::authorise(principal, Action::ExplainRouting, &tenant)?;
        }
        Ok(self.time.map(|time| Instant::now() + time))
    }
}

impl Way {
    pub(crate) fn new(taken: Taken, settlement: &Settlement) -> Self {
        let explanation = settlement.meter.explanation();
        Self { taken, guard: settlement.guard_header(), explanation, cache: None }
    }
}
