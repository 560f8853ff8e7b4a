//! The cheaper model that stands in for one whose budget is used up, where the limit says so and the
//! model names one. It is then asked as if the caller had named it: rights, class, protection, limits
//! and records are its own. Knows no routes beyond what they would cost.

use domain::{AtLimit, DataClass, LimitScope, Meter, Principal};
use gateway::{Ask, Catalogue, Model, ModelAccess, Needs, Offer, PlacePolicy};
use llm::ChatRequest;

use crate::{App, limiter::account::Account};

/// Most steps from one model to a cheaper one; beyond: the last one is asked. It also ends circles.
const STEPS_MAX: usize = 4;

/// What a limit leaves for a call.
enum Left {
    /// Nothing, whatever it costs.
    Nothing,
    /// Routes that cost no more than this, in nano-euro.
    For(u64),
}

impl App {
    /// The model to ask in place of the one that the request names, if there is one. One that the
    /// principal may not use, or that may not see data of this class, stands in for nobody.
    pub(crate) fn stand_in(
        &self,
        principal: &Principal,
        request: &ChatRequest,
        class: DataClass,
    ) -> Option<String> {
        let catalogue = self.gateway.catalogue();
        let first = catalogue.model(request.model()).filter(|model| model.cheaper.is_some())?;
        let (places, access) = (self.places(principal), self.model_access(principal));
        let mut needs = None;
        let mut model = first;
        for _ in 0..STEPS_MAX {
            let limits = self.limiter.binding(principal, &model.name);
            if !limits.iter().any(|account| account.at_limit() == AtLimit::Cheaper) {
                break;
            }
            let needs = needs.get_or_insert_with(|| Needs::of(request));
            let call = (model, class, places, &access);
            let is_over = limits.iter().any(|account| {
                is_used_up(account, self.limiter.is_shared(), &catalogue, call, needs)
            });
            if !is_over {
                break;
            }
            let Some(next) = model.cheaper.as_deref().and_then(|name| catalogue.model(name)) else {
                break;
            };
            let terms = (places, &access);
            if gateway::may_receive(&catalogue, &next.name, class, terms, Offer::Chat).is_err() {
                break;
            }
            model = next;
        }
        (model.name != first.name).then(|| model.name.clone())
    }
}

/// Whether a limit leaves nothing for any route of the model.
fn is_used_up(
    account: &Account,
    is_shared: bool,
    catalogue: &Catalogue,
    (model, class, places, access): (&Model, DataClass, PlacePolicy, &ModelAccess),
    needs: &Needs,
) -> bool {
    if account.at_limit() != AtLimit::Cheaper {
        return false;
    }
    let ask = |pays| Ask { cost_max: Some(pays), ..Ask::new(class, places, access, needs) };
    let usage = needs.usage_likely();
    let tokens = usage.prompt_tokens.saturating_add(usage.completion_tokens);
    Meter::ALL.into_iter().filter_map(|meter| left(account, meter, tokens, is_shared)).any(|left| {
        match left {
            Left::Nothing => true,
            Left::For(pays) => !gateway::has_route(catalogue, &model.name, &ask(pays)),
        }
    })
}

/// What one limit leaves; `None` if there is no such limit or it has room.
fn left(account: &Account, meter: Meter, tokens: u64, is_shared: bool) -> Option<Left> {
    let left = account.left(meter, is_shared)?;
    match meter {
        // A rate binds whichever model is asked, but for that of the model itself.
        Meter::Requests | Meter::Tokens | Meter::Concurrent => {
            let is_own = matches!(account.scope, LimitScope::Model(_));
            (is_own && left == 0).then_some(Left::Nothing)
        }
        Meter::MonthTokens => (left < tokens.max(1)).then_some(Left::For(0)),
        Meter::MonthCost => Some(Left::For(left)),
    }
}
