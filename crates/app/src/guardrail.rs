//! Protection of calls to models: looks at everything that would go out, decides by the strictest of
//! the places that may be tried, and replaces what must not arrive there. Decision 0013 says why.
//!
//! Finds are known by kind, rule and number; their content stays in the request.

mod note;
mod policy;
mod prompt;
mod restoring;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
};

use domain::{DataClass, ErrorKind, Place, TRACES};
use gateway::PlacePolicy;
use guard::{Event, Finding, InjectionRules, Kind, Policy, Scanner, Topic, TopicRules};
use llm::{ChatRequest, Origin, Role};
use store::{AuditEvent, AuditOutcome, By, Citation};
use tracing::{Instrument, field::Empty, trace_span};

use crate::{App, Error, Principal, Result, grounding::Given};

pub(crate) use note::GuardNote;
pub use policy::{GuardAction, GuardCheck, GuardPolicy, PlaceRules};
use prompt::Prompt;
pub(crate) use restoring::Restoring;

/// Longest text that is looked at on an async thread, some milliseconds at most; longer ones go to
/// the pool for computing.
const INLINE_BYTES_MAX: usize = 64 << 10;

/// Compiling the rules takes milliseconds, and all installations of a process share them.
static SCANNER: LazyLock<Scanner> = LazyLock::new(Scanner::default);
static INJECTION: LazyLock<InjectionRules> = LazyLock::new(InjectionRules::default);

/// The policy, ready to be used.
#[derive(Debug)]
pub(crate) struct Guardrail {
    policy: GuardPolicy,
    topics: Option<TopicRules>,
}

/// A request that may go out.
#[derive(Debug)]
pub(crate) struct Protected {
    /// The class of the run, raised by what was found.
    pub(crate) class: DataClass,
    /// Where the request may go as it now is.
    pub(crate) places: PlacePolicy,
    /// Puts the originals back into the answer.
    pub(crate) restoring: Restoring,
    /// Whether a source no longer stands word for word.
    pub(crate) sources_changed: bool,
    /// Whether a text was changed at all.
    pub(crate) hidden: bool,
    /// What was found.
    pub(crate) note: GuardNote,
}

/// What a look at a request found.
#[derive(Debug, Default)]
struct Inspection {
    findings: Vec<Finding>,
    /// The kinds of the finds, and those that would raise the class or refuse even where a find of
    /// another kind stands in the same place.
    kinds: BTreeSet<Kind>,
    /// Instructions in foreign texts, if there are enough of them.
    injection: Vec<Event>,
    topics: Vec<Event>,
}

/// What comes of looking at texts before anything is changed.
struct Judged {
    inspection: Inspection,
    note: GuardNote,
    class: DataClass,
    places: PlacePolicy,
}

impl Inspection {
    /// How many hits there are, of whatever kind.
    fn count(&self) -> usize {
        self.findings.len() + self.injection.len() + self.topics.len()
    }
}

impl Guardrail {
    /// Gets the policy ready.
    ///
    /// # Errors
    /// If the topics cannot be used.
    pub(crate) fn new(policy: GuardPolicy) -> Result<Self> {
        let words = policy.topics.clone();
        let topic = (!words.is_empty() && policy.topics_check != GuardCheck::Off).then(|| Topic {
            id: "configured".to_owned(),
            score: 1.0,
            words,
        });
        let topics = topic.map(|topic| TopicRules::new(&[topic])).transpose();
        Ok(Self { policy, topics: topics.map_err(Error::internal)? })
    }

    fn inspect(&self, prompt: &Prompt, places: PlacePolicy) -> Inspection {
        let mut inspection = self.find(prompt, places);
        if self.policy.injection != GuardCheck::Off {
            // A person may give orders, a document may not.
            let foreign = prompt.of(|origin| matches!(origin, Origin::Source | Origin::Tool));
            let suspicion = (!foreign.is_empty()).then(|| INJECTION.inspect(&foreign));
            inspection.injection = suspicion
                .filter(|found| found.score >= self.policy.injection_score_min)
                .map(|found| found.events)
                .unwrap_or_default();
        }
        if let Some(topics) = &self.topics {
            inspection.topics = topics.inspect(&prompt.of(|origin| origin == Origin::Person));
        }
        inspection
    }

    fn find(&self, prompt: &Prompt, places: PlacePolicy) -> Inspection {
        let scan = |kinds: Vec<Kind>| {
            let policy = Policy { kinds, ..Policy::default() };
            SCANNER.with_policy(&policy).scan(&prompt.joined)
        };
        let kinds = self.policy.kinds(places);
        let findings = if kinds.is_empty() { vec![] } else { scan(kinds.clone()) };
        let mut found: BTreeSet<Kind> = findings.iter().map(|one| one.kind).collect();
        let strict = [GuardAction::RaiseClass, GuardAction::Refuse];
        for action in strict.into_iter().filter(|_| !findings.is_empty()) {
            let of_action = |kind: &Kind| {
                places.places().any(|place| self.policy.at(place).action(*kind) == action)
            };
            let group: Vec<Kind> = kinds.iter().copied().filter(of_action).collect();
            if !group.is_empty() && group.len() < kinds.len() {
                found.extend(scan(group).iter().map(|one| one.kind));
            }
        }
        Inspection { findings, kinds: found, ..Inspection::default() }
    }

    /// Whether there is anything to look for in this request on the way to these places.
    fn looks(&self, request: &ChatRequest, places: PlacePolicy) -> bool {
        let has_foreign = || {
            request.grounding.is_some()
                || request.messages().iter().any(|message| message.role() == Role::Tool)
        };
        !self.policy.kinds(places).is_empty()
            || self.topics.is_some()
            || (self.policy.injection != GuardCheck::Off && has_foreign())
    }

    /// The class that finds ask for, on the way to these places.
    fn raised(&self, places: PlacePolicy, kinds: &BTreeSet<Kind>) -> Option<DataClass> {
        let raises = |kind: &&Kind| {
            let mut actions = places.places().map(|place| self.policy.at(place).action(**kind));
            actions.any(|action| action == GuardAction::RaiseClass)
        };
        kinds.iter().filter(raises).map(|kind| kind.class()).max()
    }

    /// What must be done to texts before they may go to any of these places.
    fn hiding(&self, places: PlacePolicy) -> BTreeMap<Kind, GuardAction> {
        let of = |kind: Kind| {
            let actions = places.places().map(|place| self.policy.at(place).action(kind));
            Some((kind, actions.filter(|action| action.hides()).max()?))
        };
        Kind::ALL.into_iter().filter_map(of).collect()
    }

    /// The places of these to which finds of these kinds may go.
    fn admitting(&self, places: PlacePolicy, kinds: &BTreeSet<Kind>) -> PlacePolicy {
        let refuses = |place: Place| {
            kinds.iter().any(|kind| self.policy.at(place).action(*kind) == GuardAction::Refuse)
        };
        places.only(|place| !refuses(place))
    }
}

impl Protected {
    fn unchanged(class: DataClass, places: PlacePolicy) -> Self {
        Self {
            class,
            places,
            restoring: Restoring::default(),
            sources_changed: false,
            hidden: false,
            note: GuardNote::default(),
        }
    }

    /// The citations of an answer. Where a quote stands in a source that was changed cannot be said;
    /// that source is then cited as a whole.
    pub(crate) fn citations(
        &self,
        given: &Given,
        quotes: &[llm::Citation],
        cited: &[u32],
    ) -> Vec<Citation> {
        if !self.sources_changed {
            return given.citations(quotes, cited);
        }
        let quoted = quotes.iter().map(|quote| quote.number);
        given.citations(&[], &quoted.chain(cited.iter().copied()).collect::<Vec<_>>())
    }
}

impl App {
    /// Looks at a request that is about to go out, and changes it as the policy wants.
    ///
    /// # Errors
    /// If the policy refuses it, or no route of the model is cleared for the class it raised.
    pub(crate) async fn protect(
        &self,
        principal: &Principal,
        request: &mut ChatRequest,
        class: DataClass,
    ) -> Result<Protected> {
        let guardrail = &self.guardrail;
        let places = self.places_of(principal, request.model(), class);
        if !guardrail.looks(request, places) {
            return Ok(Protected::unchanged(class, places));
        }
        let prompt = Arc::new(Prompt::read(request));
        let judged = self.judge(principal, request.model(), &prompt, (class, places)).await?;
        let Judged { inspection, mut note, class: raised, places: cleared } = judged;
        if inspection.findings.is_empty() {
            return Ok(Protected { note, ..Protected::unchanged(class, places) });
        }
        let found = &inspection.kinds;
        let admitting = guardrail.admitting(cleared, found);
        if admitting.places().next().is_none() {
            let strictest = |kind| guardrail.policy.strictest(cleared, kind);
            note.add_findings(&inspection.findings, strictest);
            return Err(self.refuse(principal, "guard_refused", found, &note).await?);
        }
        let hiding = guardrail.hiding(admitting);
        note.add_findings(&inspection.findings, |kind| {
            // What was raised or led to another place is told as such, unless it is hidden as well.
            let hidden = hiding.get(&kind).copied();
            hidden.unwrap_or_else(|| guardrail.policy.strictest(places, kind))
        });
        let mut protected = Protected { note, ..Protected::unchanged(raised, admitting) };
        if !hiding.is_empty() {
            self.hide(request, &prompt, hiding, &mut protected).await?;
        }
        Ok(protected)
    }

    /// Whether a request for this model must be readable, because more may have to be done about
    /// what is found than to report it.
    pub(crate) fn must_read(&self, principal: &Principal, model: &str, class: DataClass) -> bool {
        let (places, policy) = (self.places_of(principal, model, class), &self.guardrail.policy);
        let is_strict = |kind: &Kind| policy.strictest(places, *kind) > GuardAction::Report;
        let refuses_topics =
            self.guardrail.topics.is_some() && policy.topics_check == GuardCheck::Refuse;
        refuses_topics || policy.kinds(places).iter().any(is_strict)
    }

    /// Looks at texts of a call that is no chat. They go as they are or not at all: a vector or a
    /// picture of something else would help nobody, and nothing could be put back. So they go only
    /// where the policy hides nothing of what was found.
    ///
    /// # Errors
    /// If no such place is left, or no route of the model is cleared for the class that was raised.
    pub(crate) async fn admit(
        &self,
        principal: &Principal,
        model: &str,
        texts: impl IntoIterator<Item = &str>,
        class: DataClass,
    ) -> Result<Protected> {
        let guardrail = &self.guardrail;
        let places = self.places_of(principal, model, class);
        if guardrail.policy.kinds(places).is_empty() && guardrail.topics.is_none() {
            return Ok(Protected::unchanged(class, places));
        }
        let prompt = Arc::new(Prompt::of_texts(texts));
        let judged = self.judge(principal, model, &prompt, (class, places)).await?;
        let Judged { inspection, mut note, class, places } = judged;
        let found = &inspection.kinds;
        note.add_findings(&inspection.findings, |kind| guardrail.policy.strictest(places, kind));
        let hides = |place: Place| {
            found.iter().any(|kind| guardrail.policy.at(place).action(*kind).hides())
        };
        let admitting = guardrail.admitting(places, found).only(|place| !hides(place));
        if !found.is_empty() && admitting.places().next().is_none() {
            return Err(self.refuse(principal, "guard_refused", found, &note).await?);
        }
        Ok(Protected { note, ..Protected::unchanged(class, admitting) })
    }

    /// Inspects texts, refuses what events forbid, and raises the class.
    async fn judge(
        &self,
        principal: &Principal,
        model: &str,
        prompt: &Arc<Prompt>,
        (class, places): (DataClass, PlacePolicy),
    ) -> Result<Judged> {
        let (rail, text) = (self.guardrail.clone(), prompt.clone());
        let span = trace_span!(target: TRACES, "guard", fachwerk.guard.findings = Empty);
        let inspecting = self.compute(prompt, move || rail.inspect(&text, places));
        let inspection = inspecting.instrument(span.clone()).await?;
        span.record("fachwerk.guard.findings", inspection.count());
        drop(span);
        let mut note = GuardNote::new(SCANNER.version());
        self.check_events(principal, &inspection, &mut note).await?;
        let raised = self.guardrail.raised(places, &inspection.kinds).unwrap_or(class).max(class);
        if raised == class {
            return Ok(Judged { inspection, note, class, places });
        }
        self.check_clearance(principal, model, raised).await?;
        let places = self.places_of(principal, model, raised);
        Ok(Judged { inspection, note, class: raised, places })
    }

    async fn hide(
        &self,
        request: &mut ChatRequest,
        prompt: &Arc<Prompt>,
        actions: BTreeMap<Kind, GuardAction>,
        protected: &mut Protected,
    ) -> Result<()> {
        let text = prompt.clone();
        let (texts, pseudonyms) =
            self.compute(prompt, move || text.hide(&SCANNER, &actions)).await?;
        if texts.iter().all(Option::is_none) {
            return Ok(());
        }
        protected.hidden = true;
        let mut texts = texts.into_iter();
        request.rewrite_texts(&mut |found| {
            let changed = texts.next().flatten();
            protected.sources_changed |= found.origin == Origin::Source && changed.is_some();
            changed
        });
        protected.restoring = Restoring::new(pseudonyms);
        Ok(())
    }

    /// Computes here what is short, and on the pool what is long.
    async fn compute<T: Send + 'static>(
        &self,
        prompt: &Prompt,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        if prompt.joined.len() <= INLINE_BYTES_MAX {
            return Ok(work());
        }
        self.computing.run(work).await
    }

    async fn check_events(
        &self,
        principal: &Principal,
        inspection: &Inspection,
        note: &mut GuardNote,
    ) -> Result<()> {
        let policy = &self.guardrail.policy;
        let checks = [
            ("injection", &inspection.injection, policy.injection, "guard_injection"),
            ("topic", &inspection.topics, policy.topics_check, "guard_topic"),
        ];
        let mut refused = None;
        for (kind, events, check, code) in checks {
            let refuses = check == GuardCheck::Refuse;
            note.add_events(kind, events, if refuses { "refuse" } else { "report" });
            if refuses && !events.is_empty() {
                refused = refused.or(Some(code));
            }
        }
        match refused {
            Some(code) => Err(self.refuse(principal, code, &BTreeSet::new(), note).await?),
            None => Ok(()),
        }
    }

    /// Writes a refusal down and gives the error for it.
    async fn refuse(
        &self,
        principal: &Principal,
        code: &'static str,
        kinds: &BTreeSet<Kind>,
        note: &GuardNote,
    ) -> Result<Error> {
        let mut event =
            AuditEvent::done(&By::from(principal), "use_model").outcome(AuditOutcome::Refused);
        if let Some(record) = note.record() {
            event = event.with("guard", record);
        }
        self.note(principal.tenant, event).await?;
        let error = Error::new(ErrorKind::Unprocessable, code);
        if kinds.is_empty() {
            return Ok(error);
        }
        let kinds: Vec<&str> = kinds.iter().map(|kind| kind.code()).collect();
        Ok(error.with("kinds", kinds.join(", ")))
    }

    /// Where routes of the model run that may receive data of this class.
    fn places_of(&self, principal: &Principal, model: &str, class: DataClass) -> PlacePolicy {
        let catalogue = self.gateway.catalogue();
        let names: Vec<&str> = match catalogue.model(model) {
            Some(model) => vec![&model.name],
            // Any line of the choice may be taken.
            None => catalogue.auto().iter().map(|line| line.model.as_str()).collect(),
        };
        let models = || names.iter().filter_map(|name| catalogue.model(name));
        let access = self.model_access(principal);
        let models = || models().filter(|model| access.allows(&model.name));
        self.places(principal).only(|place| {
            let mut routes = models().flat_map(|model| &model.routes);
            routes.any(|route| route.place == place && class <= route.clearance)
        })
    }
}
