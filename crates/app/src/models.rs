//! The models a principal may ask, and the state of the installation.

use domain::{Action, Credential, DataClass, ErrorKind, Place, Resource};
use gateway::{
    AUTO_MODEL, Ask, Caller, Catalogue, GatewayError, GatewayStatus, Model, Needs, Offer,
    PlanError, Reason, RouteKind, Share, Taken, Terms,
};
use store::{AuditEvent, AuditOutcome, By, DocumentCounts, JobCounts};

use crate::{App, Error, Principal, Result, Wishes};

/// When to come back, where nothing is known.
const RETRY_AFTER_UNKNOWN: std::time::Duration = std::time::Duration::from_secs(5);

/// The built-in engine's model.
pub const BUILT_IN_MODEL: &str = "fachwerk-auszug";

/// A model as people choose it.
pub struct ModelChoice {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub purpose: String,
    /// What people should know before they choose it.
    pub description: String,
    /// Whether it only quotes.
    pub is_built_in: bool,
    /// The highest class it may receive.
    pub clearance: DataClass,
    /// Where it runs, from near to far.
    pub places: Vec<Place>,
    /// Whether it is taken when nobody chooses.
    pub is_default: bool,
}

/// A route as operators see it.
pub struct RouteState {
    /// Its name.
    pub name: String,
    /// Whether it is the built-in engine.
    pub is_built_in: bool,
    /// Where it runs.
    pub place: Place,
    /// The highest class it may receive.
    pub clearance: DataClass,
}

/// How the installation stands.
pub struct SystemState {
    /// Documents by state.
    pub documents: DocumentCounts,
    /// Background work.
    pub jobs: JobCounts,
    /// Passages in the index.
    pub passages: u64,
    /// Whether the index is being built anew.
    pub is_rebuilding: bool,
    /// The models with their routes.
    pub models: Vec<(String, Vec<RouteState>)>,
}

/// The class of a request.
#[derive(Clone, Copy)]
pub(crate) struct RequestClass {
    pub class: DataClass,
    /// The text that says where it comes from, unless from the caller.
    pub origin: Option<&'static str>,
}

/// How alike two names must be to take one for a slip of the other, from 0 to 1.
const NEAR_MIN: f64 = 0.8;

/// Of these names, the one that was probably meant.
fn near_name<'n>(name: &str, names: &[&'n str]) -> Option<&'n str> {
    let asked = name.to_lowercase();
    let near =
        names.iter().map(|other| (strsim::jaro_winkler(&asked, &other.to_lowercase()), *other));
    let near = near.filter(|(likeness, _)| *likeness >= NEAR_MIN);
    near.max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, other)| other)
}

impl App {
    /// Lists the models that are there for this and that the principal may use; for anything if `None`.
    ///
    /// # Errors
    /// If the API key lacks the scope.
    pub fn list_models(
        &self,
        principal: &Principal,
        offer: Option<Offer>,
    ) -> Result<Vec<ModelChoice>> {
        let tenant = Resource::Tenant(principal.tenant);
        domain::authorise(principal, Action::UseModels, &tenant)?;
        let catalogue = self.gateway.catalogue();
        let is_wanted = |model: &Model| {
            self.is_usable(principal, model) && offer.is_none_or(|offer| model.offers(offer))
        };
        let named = catalogue.models().iter().filter(|model| is_wanted(model));
        let named = named.map(|model| self.choice(principal, model));
        Ok(named.chain(self.auto_choice(principal, &catalogue)).collect())
    }

    /// Returns one model.
    ///
    /// # Errors
    /// If the API key lacks the scope or there is no such model for the principal.
    pub fn get_model(&self, principal: &Principal, name: &str) -> Result<ModelChoice> {
        let tenant = Resource::Tenant(principal.tenant);
        domain::authorise(principal, Action::UseModels, &tenant)?;
        let catalogue = self.gateway.catalogue();
        let auto = || self.auto_choice(principal, &catalogue).filter(|auto| auto.name == name);
        let found = catalogue.model(name).filter(|model| self.is_usable(principal, model));
        let found = found.map(|model| self.choice(principal, model)).or_else(auto);
        found.ok_or_else(|| self.unknown_model(principal, None, name))
    }

    /// Says how the installation stands.
    ///
    /// # Errors
    /// If the principal is no administrator.
    pub async fn get_system(&self, principal: &Principal) -> Result<SystemState> {
        self.authorise_audit(principal)?;
        let catalogue = self.gateway.catalogue();
        let models = catalogue.models().iter().map(|model| {
            let routes = model.routes.iter().map(|route| RouteState {
                name: route.name.clone(),
                is_built_in: matches!(route.kind, RouteKind::BuiltIn),
                place: route.place,
                clearance: route.clearance,
            });
            (model.name.clone(), routes.collect())
        });
        let index = self.index.clone();
        let stats = self.computing.run(move || index.stats()).await?.map_err(Error::internal)?;
        Ok(SystemState {
            documents: self.store.document_counts(principal.tenant).await?,
            jobs: self.store.job_counts().await?,
            passages: stats.passages,
            is_rebuilding: stats.rebuilding,
            models: models.collect(),
        })
    }

    /// Says how models and routes do.
    ///
    /// # Errors
    /// If the principal is no administrator.
    pub fn get_gateway_status(&self, principal: &Principal) -> Result<GatewayStatus> {
        self.authorise_audit(principal)?;
        Ok(self.gateway.status())
    }

    /// Writes down the measurements of model routes that are states, for whoever measures now.
    pub fn measure_gateway(&self) {
        self.gateway.measure();
    }

    /// Says whether any model besides the built-in engine is configured.
    #[must_use]
    pub fn has_language_model(&self) -> bool {
        self.gateway.catalogue().models().iter().any(|model| !model.is_built_in())
    }

    /// The model that is taken when nobody chooses: of those the principal may use, the configured
    /// one, else the first.
    pub(crate) fn default_model(&self, principal: &Principal) -> String {
        let catalogue = self.gateway.catalogue();
        let is_usable = |model: &Model| self.is_usable(principal, model);
        let first = || {
            let mut models = catalogue.models().iter().filter(|model| is_usable(model));
            models.find(|model| model.offers(Offer::Chat)).map(|model| model.name.clone())
        };
        let is_there = |name: &String| match catalogue.model(name) {
            Some(model) => is_usable(model),
            None if name == AUTO_MODEL => {
                let mut lines = catalogue.auto().iter();
                lines.any(|line| catalogue.model(&line.model).is_some_and(is_usable))
            }
            None => false,
        };
        let configured = self.config.default_model.clone().filter(is_there);
        configured.or_else(first).unwrap_or_else(|| BUILT_IN_MODEL.to_owned())
    }

    /// Checks that some route of the model for chats may receive data of this class; a refusal is
    /// written down, and says where the class comes from.
    pub(crate) async fn check_clearance(
        &self,
        principal: &Principal,
        model: &str,
        RequestClass { class, origin }: RequestClass,
    ) -> Result<()> {
        let checked = self.check_clearance_for(principal, Offer::Chat, model, class).await;
        checked.map_err(|error| error.about_class(origin))
    }

    /// The same for routes that are there for something else.
    pub(crate) async fn check_clearance_for(
        &self,
        principal: &Principal,
        offer: Offer,
        model: &str,
        class: DataClass,
    ) -> Result<()> {
        let catalogue = self.gateway.catalogue();
        let (places, access) = (self.places(principal), self.model_access(principal));
        let Err(refusal) = gateway::may_receive(&catalogue, model, class, (places, &access), offer)
        else {
            return Ok(());
        };
        if let PlanError::UnknownModel { model } = &refusal {
            return Err(self.unknown_model(principal, Some(offer), model));
        }
        if let PlanError::NotGranted { model, .. } = &refusal {
            let event = AuditEvent::done(&By::from(principal), "use_model")
                .outcome(AuditOutcome::Refused)
                .with("model", model)
                .with("reason", "not_granted");
            self.store.record_audit(principal.tenant, event).await?;
        }
        if let PlanError::ClearanceTooLow { model, clearance, .. } = &refusal {
            let event = AuditEvent::done(&By::from(principal), "use_model")
                .outcome(AuditOutcome::Refused)
                .with("model", model)
                .with("data_class", class.code())
                .with("clearance", clearance.code());
            self.store.record_audit(principal.tenant, event).await?;
        }
        Err(self.plan_error(principal, refusal))
    }

    /// The same for a request of a program: a refusal says where the class comes from and, to whoever
    /// may know and wants to, why each route will not do.
    pub(crate) async fn check_request(
        &self,
        principal: &Principal,
        (wishes, offer): (Wishes, Offer),
        model: &str,
        of: RequestClass,
    ) -> Result<()> {
        let checked = self.check_clearance_for(principal, offer, model, of.class).await;
        checked.map_err(|error| {
            let error = error.about_class(of.origin);
            if !wishes.explain {
                return error;
            }
            let needs = Needs { offer, ..Needs::default() };
            let (places, access) = (self.places(principal), self.model_access(principal));
            let ask = Ask::new(of.class, places, &access, &needs);
            error.explaining(gateway::explain_refusal(&self.gateway.catalogue(), model, &ask))
        })
    }

    /// The class of a request: as declared, else as the key says, else the default; at least that of
    /// the sources it names, and that of the key.
    pub(crate) fn class_of(
        &self,
        principal: &Principal,
        declared: Option<DataClass>,
        of_sources: DataClass,
    ) -> RequestClass {
        let of_key = principal.credential.data_class();
        let said = declared.max(of_key).unwrap_or(self.config.api_class);
        let class = said.max(of_sources);
        let origin = match class {
            _ if declared == Some(class) => None,
            DataClass::Open => Some("class_assumed"),
            _ if of_sources == class => Some("class_of_sources"),
            _ if of_key == Some(class) => Some("class_of_key"),
            _ => Some("class_assumed"),
        };
        RequestClass { class, origin }
    }

    /// The terms of a call for this principal.
    pub(crate) fn terms(&self, principal: &Principal, class: DataClass) -> Terms {
        let caller = self.caller(principal);
        let (places, access) = (self.places(principal), self.model_access(principal));
        Terms { places, access, caller, ..Terms::from(class) }
    }

    /// Whose turn it is where calls wait: the unit's, in it the person's, of theirs the key's or the
    /// browser's.
    fn caller(&self, principal: &Principal) -> Caller {
        let [unit, person, key] = self.limiter.weights(principal);
        let home = principal.home_unit();
        let credential = match &principal.credential {
            Credential::ApiKey { id, .. } => id.uuid(),
            Credential::Session(_) => uuid::Uuid::nil(),
        };
        Caller {
            unit: Share { id: home.map_or(0, |home| home.uuid().as_u128()), weight: unit },
            person: Share { id: principal.user.uuid().as_u128(), weight: person },
            key: Share { id: credential.as_u128(), weight: key },
        }
    }

    /// Says whether the built-in engine gave an answer.
    pub(crate) fn is_built_in_route(&self, taken: &Taken) -> bool {
        let catalogue = self.gateway.catalogue();
        let mut routes = catalogue.model(&taken.model).into_iter().flat_map(|model| &model.routes);
        routes.any(|route| route.name == taken.route && matches!(route.kind, RouteKind::BuiltIn))
    }

    /// Nobody here has this name; those are told that could be meant.
    pub(crate) fn unknown_model(
        &self,
        principal: &Principal,
        offer: Option<Offer>,
        name: &str,
    ) -> Error {
        let catalogue = self.gateway.catalogue();
        let usable = catalogue.models().iter().filter(|model| {
            self.is_usable(principal, model) && offer.is_none_or(|offer| model.offers(offer))
        });
        let available: Vec<&str> = usable.map(|model| model.name.as_str()).collect();
        let unknown = Error::new(ErrorKind::NotFound, "model_unknown")
            .with("model", name)
            .with("available", available.join(", "));
        match near_name(name, &available) {
            Some(near) => unknown.with("near", near).hint("model_near"),
            None => unknown,
        }
    }

    fn plan_error(&self, principal: &Principal, error: PlanError) -> Error {
        match error {
            PlanError::UnknownModel { model } => self.unknown_model(principal, None, &model),
            PlanError::ClearanceTooLow { model, class, clearance, allowed } => {
                let code = if allowed.is_empty() { "clearance_none" } else { "clearance_too_low" };
                Error::new(ErrorKind::Forbidden, code)
                    .with("class", class.code())
                    .with("model", model)
                    .with("clearance", clearance.code())
                    .with("allowed", allowed.join(", "))
            }
            PlanError::PlaceNotAllowed { model, allowed } => {
                Error::new(ErrorKind::Forbidden, "place_not_allowed")
                    .with("model", model)
                    .with("allowed", allowed.join(", "))
            }
            PlanError::NotGranted { model, allowed } => {
                let code = if allowed.is_empty() { "models_none" } else { "model_not_granted" };
                Error::new(ErrorKind::Forbidden, code)
                    .with("model", model)
                    .with("allowed", allowed.join(", "))
            }
            PlanError::Unsuited { model, reason: Reason::ContextTooShort } => {
                Error::invalid("context_too_long").with("model", model)
            }
            PlanError::Unsuited { model, reason: Reason::OverBudget } => {
                Error::new(ErrorKind::RateLimited, "budget_route").with("model", model)
            }
            PlanError::Unsuited { model, reason } => {
                Error::invalid("model_unsuited").with("model", model).with("reason", reason.code())
            }
            PlanError::NoChoice => Error::invalid("no_model_chosen"),
        }
    }

    pub(crate) fn gateway_error(&self, principal: &Principal, error: GatewayError) -> Error {
        match error {
            GatewayError::Plan(error) => self.plan_error(principal, error),
            GatewayError::Unsupported(ref refusal) => {
                let refused = Error::of_request(refusal);
                match refusal.param.clone() {
                    Some(param) => refused.in_field(param).caused_by(error),
                    None => refused.caused_by(error),
                }
            }
            GatewayError::Refused { error: ref refusal, .. } => {
                let refused = Error::invalid("upstream_refused").said_by(refusal.clone());
                match refusal.message.clone() {
                    Some(detail) => refused.with("detail", detail),
                    None => refused,
                }
            }
            GatewayError::Overloaded { retry_after } => {
                let overloaded = Error::new(ErrorKind::Overloaded, "overloaded");
                overloaded.retry_after(retry_after.unwrap_or(RETRY_AFTER_UNKNOWN))
            }
            GatewayError::RateLimited { retry_after }
            | GatewayError::Unavailable { retry_after, .. } => {
                let resting = Error::new(ErrorKind::Overloaded, error.code()).caused_by(error);
                match retry_after {
                    Some(wait) => resting.retry_after(wait),
                    None => resting,
                }
            }
            GatewayError::Crowded { retry_after } => {
                let crowded = Error::new(ErrorKind::RateLimited, "too_many_waiting");
                crowded.retry_after(retry_after.unwrap_or(RETRY_AFTER_UNKNOWN))
            }
            GatewayError::Upstream { .. } => {
                Error::new(ErrorKind::UpstreamFailed, error.code()).caused_by(error)
            }
            GatewayError::TimedOut { .. } | GatewayError::OutOfTime => {
                Error::new(ErrorKind::TimedOut, error.code()).caused_by(error)
            }
        }
    }

    /// What stands behind the name `auto`, if anything does: all that its models may.
    fn auto_choice(&self, principal: &Principal, catalogue: &Catalogue) -> Option<ModelChoice> {
        let models = catalogue.auto().iter().filter_map(|line| catalogue.model(&line.model));
        let models = models.filter(|model| self.is_usable(principal, model));
        let choices: Vec<ModelChoice> = models.map(|model| self.choice(principal, model)).collect();
        let has = |place: &Place| choices.iter().any(|choice| choice.places.contains(place));
        Some(ModelChoice {
            name: AUTO_MODEL.to_owned(),
            purpose: "Wählt das Modell nach Datenklasse, Länge und Aufgabe".to_owned(),
            description: String::new(),
            is_built_in: choices.iter().all(|choice| choice.is_built_in),
            clearance: choices.iter().map(|choice| choice.clearance).max()?,
            places: Place::ALL.into_iter().filter(has).collect(),
            is_default: self.default_model(principal) == AUTO_MODEL,
        })
    }

    fn choice(&self, principal: &Principal, model: &Model) -> ModelChoice {
        let allowed = self.places(principal);
        let routes = || model.routes.iter().filter(|route| allowed.allows(route.place));
        let has = |place: &Place| routes().any(|route| route.place == *place);
        let clearance = routes().map(|route| route.clearance).max();
        ModelChoice {
            name: model.name.clone(),
            purpose: model.purpose.clone(),
            description: model.description.clone(),
            is_built_in: model.is_built_in(),
            clearance: clearance.unwrap_or(DataClass::Open),
            places: Place::ALL.into_iter().filter(has).collect(),
            is_default: model.name == self.default_model(principal),
        }
    }
}
