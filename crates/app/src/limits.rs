//! Limits and budgets: set by administrators, seen by everybody whom they bind, kept by the
//! [`Limiter`](crate::limiter).
//!
//! What one person has used is shown to that person alone. How far the budgets of units, models and
//! the tenant are used up is shown as far as the figures of usage say it, see [`known_use`]. Of a
//! person or a key, administrators see nothing but the limit.

mod known_use;

use std::{collections::HashMap, sync::Arc};

use domain::{
    Action, Credential, ErrorKind, LimitScope, Meter, Month, Resource, TenantId, UsageLimit,
};
use gateway::{Counted, Model, Needs, Terms, Tokenizer, prompt_texts};
use known_use::KnownUse;
use llm::ChatRequest;
use store::{By, LimitRow, LimitWarning, MonthSum, OwnedKey};

use crate::{
    App, Error, Principal, Result,
    guardrail::Protected,
    limiter::{
        Allowance, Reservation,
        account::{Account, Amounts, Exceeded, Now},
    },
    measure,
};

/// The limits of one scope, with names and figures for people.
pub struct LimitView {
    /// Whom or what it binds.
    pub scope: LimitScope,
    /// Its name; empty if it is gone, or is the tenant.
    pub name: String,
    /// Whose key it is, if it is one of somebody else.
    pub owner: Option<String>,
    /// The limits.
    pub limit: UsageLimit,
    /// How much of them is used; `None` where that would be somebody else's personal figure.
    pub used: Option<Vec<MeterUse>>,
}

/// How much of one limit is used.
pub struct MeterUse {
    /// Which.
    pub meter: Meter,
    /// The limit, in requests, tokens or micro-euro.
    pub limit: u64,
    /// What is used of it: in this minute, at this moment, or in this month. Where others share it,
    /// of budgets only, and what the figures of usage hold; `None` where they hold nothing.
    pub used: Option<u64>,
    /// The highest warning that was given this month.
    pub warned: Option<u64>,
}

/// What binds somebody, and what they have used.
pub struct OwnLimits {
    /// The month of the figures.
    pub month: Month,
    /// What they have used in it themselves.
    pub used: MonthSum,
    /// The limits that bind them.
    pub limits: Vec<LimitView>,
}

/// What may be said about the use of people and keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Personal {
    /// All, to the person whose it is.
    Shown,
    Hidden,
}

impl App {
    /// Lists the limits of the tenant.
    ///
    /// # Errors
    /// If the principal is no administrator.
    pub async fn list_limits(&self, principal: &Principal) -> Result<Vec<LimitView>> {
        self.authorise_limits(principal)?;
        let rows = self.store.limits(principal.tenant).await?;
        self.views(principal, rows, Personal::Hidden).await
    }

    /// Lists the keys that limits may be set for, with their owners.
    ///
    /// # Errors
    /// If the principal is no administrator.
    pub async fn list_limitable_keys(&self, principal: &Principal) -> Result<Vec<OwnedKey>> {
        self.authorise_limits(principal)?;
        Ok(self.store.owned_keys(principal.tenant).await?)
    }

    /// Sets the limits of a scope; they hold at once here, and within seconds in other processes.
    ///
    /// # Errors
    /// If the principal is no administrator, a figure is out of bounds, or there is no such key,
    /// person, unit or model.
    pub async fn put_limit(
        &self,
        principal: &Principal,
        scope: LimitScope,
        limit: UsageLimit,
    ) -> Result<LimitView> {
        self.authorise_limits(principal)?;
        check_figures(&limit)?;
        if let LimitScope::Model(name) = &scope
            && self.gateway.catalogue().model(name).is_none()
        {
            return Err(self.unknown_model(principal, None, name));
        }
        let row = LimitRow { tenant: principal.tenant, scope, limit };
        self.store.put_limit(&row, &By::from(principal)).await?;
        self.load_limits().await?;
        let views = self.views(principal, vec![row], Personal::Hidden).await?;
        views.into_iter().next().ok_or_else(Error::not_found)
    }

    /// Takes the limits of a scope away.
    ///
    /// # Errors
    /// If the principal is no administrator, or the scope has no limits.
    pub async fn delete_limit(&self, principal: &Principal, scope: &LimitScope) -> Result<()> {
        self.authorise_limits(principal)?;
        self.store.delete_limit(principal.tenant, scope, &By::from(principal)).await?;
        self.load_limits().await
    }

    /// Says which limits bind the principal, and what they have used this month.
    ///
    /// # Errors
    /// If an API key lacks the scope.
    pub async fn get_own_limits(&self, principal: &Principal) -> Result<OwnLimits> {
        let own = Resource::Personal { tenant: principal.tenant, owner: principal.user };
        domain::authorise(principal, Action::ReadOwnLimits, &own)?;
        let keys: Vec<_> = match &principal.credential {
            Credential::ApiKey { id, .. } => vec![*id],
            Credential::Session(_) => {
                let keys = self.store.keys(principal.tenant, principal.user).await?;
                keys.into_iter().map(|key| key.id).collect()
            }
        };
        let units = self.units.lines_of(&principal.units);
        let binds = |scope: &LimitScope| match scope {
            LimitScope::Tenant => true,
            LimitScope::Unit(id) => units.contains(id),
            LimitScope::Person(id) => *id == principal.user,
            LimitScope::Key(id) => keys.contains(id),
            LimitScope::Model(_) => false,
        };
        let rows = self.store.limits(principal.tenant).await?;
        let rows = rows.into_iter().filter(|row| binds(&row.scope)).collect();
        let limits = self.views(principal, rows, Personal::Shown).await?;
        let month = Now::new().month;
        let person = (principal.tenant, LimitScope::Person(principal.user));
        let used = self.store.month_sums(month, &[person]).await?;
        Ok(OwnLimits { month, used: used.first().copied().unwrap_or_default(), limits })
    }

    /// What is left of the rates that bind a call, in this minute.
    #[must_use]
    pub fn get_allowance(&self, principal: &Principal, model: &str) -> Option<Allowance> {
        Allowance::of(&self.limiter.binding(principal, model), self.limiter.is_shared())
    }

    /// Reads the limits, at the start and after each change.
    ///
    /// # Errors
    /// A database error.
    pub async fn load_limits(&self) -> Result<()> {
        // A limit of a unit binds all below it.
        self.load_units().await?;
        self.limiter.renewal.after_change(async |()| self.read_limits().await).await
    }

    async fn read_limits(&self) -> Result<()> {
        let fresh = self.limiter.load(&self.store).await?;
        if self.limiter.is_shared() || fresh.is_empty() {
            return Ok(());
        }
        // What the journal holds must be in the sums, and stay out of the way, while they are read.
        let settling = self.settling.lock().await;
        self.settle_now().await?;
        let begun = self.limiter.begin(&self.store, &fresh).await;
        drop(settling);
        begun
    }

    /// Keeps limits in step with other processes until this one stops.
    pub async fn keep_limits(&self) {
        if self.limiter.is_shared() {
            let keeping = self.limiter.keep(&self.store, &self.config.instance);
            self.stopping.run_until_cancelled(keeping).await;
        }
    }

    /// Gives back what this process has leased of limits, once the journal was moved.
    pub async fn release_limits(&self) {
        if self.limiter.is_shared()
            && let Err(error) = self.store.release_leases(&self.config.instance).await
        {
            let error = &error as &dyn std::error::Error;
            tracing::debug!(error, "leases of limits end by themselves");
        }
    }

    /// Reserves what a call will need of all limits that bind it; `None` if none does.
    pub(crate) async fn reserve(
        &self,
        principal: &Principal,
        asked: &Asking<'_>,
    ) -> Result<Option<Reservation>> {
        let mut accounts = self.limiter.binding(principal, asked.model);
        let catalogue = self.gateway.catalogue();
        let is_choice = catalogue.model(asked.model).is_none();
        if accounts.is_empty() && !(is_choice && self.limiter.rules().has_models()) {
            return Ok(None);
        }
        let mut needs = asked.request.needs();
        if is_choice {
            let texts = || asked.request.texts();
            self.gateway.weigh(asked.model, asked.class, &mut needs, &texts).await;
        }
        let Terms { ref access, .. } = self.terms(principal, asked.class);
        let routes = asked.protected.and_then(|it| self.open_routes(asked.model, it));
        let routes = routes.as_ref();
        let mut model = catalogue.model(asked.model);
        if is_choice
            && let Ok(found) =
                gateway::find_model(&catalogue, asked.model, &asked.ask(routes, access, &needs))
        {
            accounts = self.limiter.binding(principal, &found.name);
            model = Some(found);
        }
        self.check_context(&accounts, model, &mut needs, asked).await?;
        let ask = asked.ask(routes, access, &needs);
        let answer_max = needs.answer_max;
        // At its most, so that no others together can go beyond a limit either.
        let (tokens, cost) = if accounts.iter().any(|account| account.counts_use()) {
            gateway::most(&catalogue, asked.model, &ask)
        } else {
            (0, 0)
        };
        // Whoever takes nothing by estimate may take something: not where nothing is left.
        let most = amounts(tokens.max(1), cost.max(1));
        let reserved = self.reserve_of(&accounts, most).await?;
        Ok(Some(reserved.bounding_answers(answer_max)))
    }

    /// Counts a request that asks no model, as the rates of requests count it.
    ///
    /// # Errors
    /// If one of the limits leaves no room.
    pub(crate) async fn count_request(&self, principal: &Principal, model: &str) -> Result<()> {
        let accounts = self.limiter.binding(principal, model);
        if !accounts.is_empty() {
            self.reserve_of(&accounts, REQUEST).await?.use_up();
        }
        Ok(())
    }

    async fn reserve_of(&self, accounts: &[Arc<Account>], most: Amounts) -> Result<Reservation> {
        let reserved = self.limiter.reserve(accounts, most).await;
        reserved.map_err(|exceeded| {
            refused(&exceeded, Allowance::of(accounts, self.limiter.is_shared()))
        })
    }

    /// Holds a request to the smallest of the limits that say how long one may be. The answer to one that
    /// asks for no length may become as long as the question leaves room.
    async fn check_context(
        &self,
        accounts: &[Arc<Account>],
        model: Option<&Model>,
        needs: &mut Needs,
        asked: &Asking<'_>,
    ) -> Result<()> {
        let smallest = accounts.iter().filter_map(|account| account.context_tokens()).min();
        let Some(most) = smallest else { return Ok(()) };
        let tokenizer = tokenizer_of(model);
        if let Some(far) = needs.doubt(most, &tokenizer) {
            let counted = self.gateway.count(&tokenizer, asked.request.texts(), far).await;
            needs.count(tokenizer.clone(), counted);
        }
        // Whoever sends many texts at once sends them all.
        let together = Needs { batched: false, ..needs.clone() };
        if together.fit(most, &tokenizer) {
            return self.bound_answer(most, model, needs, asked).await;
        }
        let likely = together.usage_likely().prompt_tokens.saturating_add(needs.answer_tokens);
        let tokens = likely.max(most.saturating_add(1));
        Err(Error::invalid("limit_context").with("limit", most).with("tokens", tokens))
    }

    /// Bounds the answer if it could become longer than the limit `most` leaves.
    async fn bound_answer(
        &self,
        most: u64,
        model: Option<&Model>,
        needs: &mut Needs,
        asked: &Asking<'_>,
    ) -> Result<()> {
        let longest = match model {
            Some(model) => gateway::longest_answer(model, needs),
            None => Some(u64::MAX),
        };
        let Some(longest) = longest.filter(|_| needs.answer_tokens == 0) else { return Ok(()) };
        let left = |needs: &Needs| most.saturating_sub(needs.question_most());
        if longest <= left(needs) {
            return Ok(());
        }
        let tokenizer = tokenizer_of(model);
        if !matches!(needs.counted_by(&tokenizer), Some(Counted::Exactly(_))) {
            let counted = self.gateway.count(&tokenizer, asked.request.texts(), most).await;
            needs.count(tokenizer, counted);
        }
        match left(needs) {
            0 => {
                let tokens = needs.question_most().saturating_add(1);
                Err(Error::invalid("limit_context").with("limit", most).with("tokens", tokens))
            }
            left => {
                needs.answer_max = Some(left);
                Ok(())
            }
        }
    }

    async fn views(
        &self,
        principal: &Principal,
        rows: Vec<LimitRow>,
        personal: Personal,
    ) -> Result<Vec<LimitView>> {
        let tenant = principal.tenant;
        let now = Now::new();
        let names = self.scope_names(tenant, &rows).await?;
        let scopes = rows.iter().map(|row| (tenant, row.scope.clone()));
        let own: Vec<_> = scopes.filter(|(_, scope)| is_personal(scope)).collect();
        let known = if own.len() < rows.len() {
            self.known_use(tenant, now.month).await?
        } else {
            KnownUse::default()
        };
        let mut own = self.store.month_sums(now.month, &own).await?.into_iter();
        let warnings = self.store.limit_warnings(tenant, now.month).await?;
        let views = rows.into_iter().map(|LimitRow { scope, limit, .. }| {
            let sum = if is_personal(&scope) { own.next() } else { known.of(&scope) };
            let is_shown = !is_personal(&scope) || personal == Personal::Shown;
            let used = is_shown.then(|| self.uses((tenant, &scope), sum, &warnings));
            let (name, owner) = names.get(&scope).cloned().unwrap_or_default();
            LimitView { scope, name, owner, limit, used }
        });
        Ok(views.collect())
    }

    /// What is used of the limits of a scope; `sum` is what may be said about the month.
    fn uses(
        &self,
        (tenant, scope): (TenantId, &LimitScope),
        sum: Option<MonthSum>,
        warnings: &[LimitWarning],
    ) -> Vec<MeterUse> {
        let Some(account) = self.limiter.account(tenant, scope) else { return Vec::new() };
        let now = Now::new();
        let limited = Meter::ALL.into_iter().filter_map(|meter| {
            let limit = account.limits(meter)?;
            let used = match meter {
                Meter::MonthTokens => sum.map(|sum| sum.tokens),
                Meter::MonthCost => sum.map(|sum| sum.nano_euro),
                _ if is_personal(scope) => Some(account.used(meter, &now)),
                // What many do at this moment may be what one of them does.
                _ => return None,
            };
            let given = warnings.iter().filter(|w| w.meter == meter && w.scope == *scope);
            let warned = given.map(|w| w.percent).max();
            let (limit, used) = (meter.as_set(limit), used.map(|used| meter.as_set(used)));
            Some(MeterUse { meter, limit, used, warned })
        });
        limited.collect()
    }

    /// The names of what is limited, and the owners of keys.
    async fn scope_names(
        &self,
        tenant: TenantId,
        rows: &[LimitRow],
    ) -> Result<HashMap<LimitScope, (String, Option<String>)>> {
        let has = |kind: &str| rows.iter().any(|row| row.scope.kind() == kind);
        let mut names = HashMap::new();
        if has("unit") {
            for unit in self.store.units(tenant).await? {
                names.insert(LimitScope::Unit(unit.id), (unit.name, None));
            }
        }
        if has("person") {
            for (id, name) in self.store.limited_people(tenant).await? {
                names.insert(LimitScope::Person(id), (name, None));
            }
        }
        if has("key") {
            for OwnedKey { id, name, prefix, owner } in self.store.limited_keys(tenant).await? {
                let name = format!("{name} ({prefix}…)");
                names.insert(LimitScope::Key(id), (name, Some(owner)));
            }
        }
        for row in rows {
            if let LimitScope::Model(name) = &row.scope {
                names.insert(row.scope.clone(), (name.clone(), None));
            }
        }
        Ok(names)
    }

    fn authorise_limits(&self, principal: &Principal) -> Result<()> {
        let tenant = Resource::Tenant(principal.tenant);
        Ok(domain::authorise(principal, Action::ManageLimits, &tenant)?)
    }
}

/// Whether what is used of it is one person's.
const fn is_personal(scope: &LimitScope) -> bool {
    matches!(scope, LimitScope::Person(_) | LimitScope::Key(_))
}

/// What is to be reserved for.
pub(crate) struct Asking<'a> {
    pub(crate) model: &'a str,
    pub(crate) class: domain::DataClass,
    pub(crate) places: gateway::PlacePolicy,
    /// What protection says about the ways; `None`: nothing.
    pub(crate) protected: Option<&'a Protected>,
    pub(crate) request: &'a dyn Measured,
}

impl Asking<'_> {
    fn ask<'b>(
        &self,
        routes: Option<&'b gateway::OpenRoutes>,
        access: &'b gateway::ModelAccess,
        needs: &'b Needs,
    ) -> gateway::Ask<'b> {
        gateway::Ask { routes, ..gateway::Ask::new(self.class, self.places, access, needs) }
    }
}

/// A request, as far as it decides about limits.
pub(crate) trait Measured: Sync {
    /// What it asks of a route. Looked at only if a limit binds the call.
    fn needs(&self) -> Needs;
    /// All that is read as text. Looked at only if it must be counted.
    fn texts(&self) -> Vec<String>;
}

impl Measured for ChatRequest {
    fn needs(&self) -> Needs {
        Needs::of(self)
    }

    fn texts(&self) -> Vec<String> {
        prompt_texts(self)
    }
}

/// What counts for a model: what counts for its first route.
pub(crate) fn tokenizer_of(model: Option<&Model>) -> Tokenizer {
    let route = model.and_then(|model| model.routes.first());
    route.map(|route| route.tokenizer.clone()).unwrap_or_default()
}

/// A request that asks no model.
const REQUEST: Amounts = [1, 0, 0, 0, 0];

/// What a call takes of each meter; never more than a limit can be, so that sums stay sums.
pub(crate) fn amounts(tokens: u64, nano_euro: u64) -> Amounts {
    let (tokens, nano_euro) = (tokens.min(UsageLimit::MAX), nano_euro.min(UsageLimit::MAX));
    [1, tokens, 1, tokens, nano_euro]
}

fn check_figures(limit: &UsageLimit) -> Result<()> {
    let rates = [
        ("requests_per_minute", limit.requests_per_minute),
        ("tokens_per_minute", limit.tokens_per_minute),
        ("concurrent", limit.concurrent),
        ("context_tokens", limit.context_tokens),
    ];
    let budgets = [
        ("tokens_per_month", limit.tokens_per_month),
        ("micro_euro_per_month", limit.micro_euro_per_month),
    ];
    let is_out = |least: u64| {
        move |value: &Option<u64>| value.is_some_and(|v| !(least..=UsageLimit::MAX).contains(&v))
    };
    let wrong_rate = rates.into_iter().find(|(_, value)| is_out(1)(value));
    let wrong_budget = budgets.into_iter().find(|(_, value)| is_out(0)(value));
    if let Some((field, _)) = wrong_rate.or(wrong_budget) {
        let least = u64::from(wrong_rate.is_some());
        let error = Error::invalid("limit_out_of_bounds").with("min", least);
        return Err(error.with("max", UsageLimit::MAX).in_field(field));
    }
    if !(1..=UsageLimit::WEIGHT_MAX).contains(&limit.weight) {
        let error = Error::invalid("limit_out_of_bounds").with("min", 1);
        return Err(error.with("max", UsageLimit::WEIGHT_MAX).in_field("weight"));
    }
    Ok(())
}

/// Says to the caller that there is no room.
fn refused(exceeded: &Exceeded, allowance: Option<Allowance>) -> Error {
    let Exceeded { scope, meter, limit, retry_after } = exceeded;
    measure::limit_refused(scope, *meter);
    let code = match meter {
        Meter::Requests => "limit_requests",
        Meter::Tokens => "limit_tokens",
        Meter::Concurrent => "limit_concurrent",
        Meter::MonthTokens => "budget_tokens",
        Meter::MonthCost => "budget_cost",
    };
    let name = if *meter == Meter::MonthCost { "euro" } else { "limit" };
    Error::new(ErrorKind::RateLimited, code)
        .with(name, meter.as_set(*limit))
        .with("bound", scope.kind())
        .retry_after(*retry_after)
        .leaving(allowance)
}
