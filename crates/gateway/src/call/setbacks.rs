//! What went wrong in one call, by route: who is not asked again, and who only wants a rest.

use std::sync::Arc;

use tokio::time::Instant;

use crate::{Reason, model_state::RouteState};

/// What a route met with in this call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setback {
    /// It is not tried again.
    Ruled(Reason),
    /// It has no place for calls at the moment: it is tried again when its rest is over and no other
    /// has answered by then.
    Rests {
        until: Instant,
        /// Which retry that will be, from 1.
        retry: u32,
    },
}

impl Setback {
    pub(super) const fn reason(self) -> Reason {
        match self {
            Self::Ruled(reason) => reason,
            Self::Rests { .. } => Reason::CoolingDown,
        }
    }
}

/// The setbacks of a call; the last one of a route counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Setbacks {
    all: Vec<(Arc<RouteState>, Setback)>,
}

impl Setbacks {
    pub(super) fn add(&mut self, route: &Arc<RouteState>, setback: Setback) {
        match self.all.iter_mut().find(|(known, _)| Arc::ptr_eq(known, route)) {
            Some((_, last)) => *last = setback,
            None => self.all.push((Arc::clone(route), setback)),
        }
    }

    pub(super) fn of(&self, route: &Arc<RouteState>) -> Option<Setback> {
        let known = self.all.iter().find(|(known, _)| Arc::ptr_eq(known, route));
        known.map(|(_, setback)| *setback)
    }

    /// How many routes met with any.
    pub(super) const fn len(&self) -> usize {
        self.all.len()
    }

    /// Which retry the next try on this route is; 0 for the first try.
    pub(super) fn retry(&self, route: &Arc<RouteState>) -> u32 {
        match self.of(route) {
            Some(Setback::Rests { retry, .. }) => retry,
            _ => 0,
        }
    }

    /// When the first of the rests ends that end after this time.
    pub(super) fn rest_over(&self, after: Instant) -> Option<Instant> {
        let rests = self.all.iter().filter_map(|(_, setback)| match setback {
            Setback::Rests { until, .. } if after < *until => Some(*until),
            _ => None,
        });
        rests.min()
    }
}
