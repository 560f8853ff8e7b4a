//! What a caller says about a call, beside the request itself.

use domain::DataClass;
use tokio::time::Instant;

use crate::{Caller, ModelAccess, OpenRoutes, PlacePolicy};

/// On which terms a call is made.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The class of the data.
    pub class: DataClass,
    /// Where the data may go.
    pub places: PlacePolicy,
    /// Which models the caller may use.
    pub access: ModelAccess,
    /// The only routes that may be taken; `None` for any.
    pub routes: Option<OpenRoutes>,
    /// When the caller's own time is over; no try begins that cannot end before, and a running one
    /// ends then.
    pub deadline: Option<Instant>,
    /// Whether the deadline is how long we are ready to wait for the route, not how much time a caller has
    /// left: a route that is late is at fault then.
    pub deadline_is_ours: bool,
    /// Whose call it is, where calls must wait.
    pub caller: Caller,
    /// The most that the call may cost by estimate, in nano-euro; routes that cost more are not
    /// used. `None`: whatever it costs.
    pub cost_max: Option<u64>,
    /// The longest answer, in tokens, where the request says none: a route that could write longer ones is
    /// asked for no more. `None`: as long as it becomes.
    pub answer_max: Option<u64>,
    /// Whether the meter keeps why the route was taken.
    pub explain: bool,
}

impl From<DataClass> for Terms {
    /// Data of this class, to any place and model, for nobody in particular.
    fn from(class: DataClass) -> Self {
        Self {
            class,
            places: PlacePolicy::ANYWHERE,
            access: ModelAccess::ALL,
            routes: None,
            deadline: None,
            deadline_is_ours: false,
            caller: Caller::default(),
            cost_max: None,
            answer_max: None,
            explain: false,
        }
    }
}
