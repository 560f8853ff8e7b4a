//! Protection of calls to models: looks at everything that would go out, decides by the strictest of
//! the places that may be tried, and replaces what must not arrive there. Decision 0013 says why.
//!
//! Finds are known by kind, rule and number; their content stays in the request.

mod answers;
mod external;
mod external_answers;
mod note;
mod policy;
mod portions;
mod prompt;
mod restoring;
mod transcripts;
mod ways;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
};

use domain::{DataClass, ErrorKind, TRACES};
use gateway::{Offer, OpenRoutes, Taken, Terms};
use guard::{Kind, Scanner};
use llm::{ChatRequest, ChatResponse, Origin};
use store::{AuditEvent, AuditOutcome, By, Citation};
use tracing::{Instrument, field::Empty, trace_span};

use crate::{
    App, Error, Principal, Result, grounding::Given, models::RequestClass, settlement::Settlement,
};

use answers::Asked;
pub(crate) use answers::{Answers, version as answer_rules_version};
pub(crate) use external_answers::ExternalAnswers;
pub(crate) use note::GuardNote;
pub use policy::{
    AnswerPolicy, ExternalPolicy, GuardAction, GuardCheck, GuardPolicy, GuardScope, OnFailure,
    PlaceRules, StructureCheck,
};
use prompt::Prompt;
pub(crate) use restoring::Restoring;
pub(crate) use transcripts::TranscriptCheck;
pub(crate) use ways::Guardrails;
use ways::{Inspection, Open, Ways};

/// Longest text that is looked at on an async thread, some milliseconds at most; longer ones go to
/// the pool for computing.
const INLINE_BYTES_MAX: usize = 64 << 10;

/// Compiling the rules takes milliseconds, and all installations of a process share them.
static SCANNER: LazyLock<Scanner> = LazyLock::new(Scanner::default);

/// A request that may go out.
#[derive(Debug)]
pub(crate) struct Protected {
    /// The class of the run, raised by what was found.
    pub(crate) class: DataClass,
    /// Where the request may go as it now is.
    ways: Ways,
    asked: Asked,
    /// Puts the originals back into the answer.
    pub(crate) restoring: Restoring,
    /// Whether a source no longer stands word for word.
    pub(crate) sources_changed: bool,
    /// Whether a text was changed at all.
    pub(crate) hidden: bool,
    /// What was found.
    pub(crate) note: GuardNote,
}

/// What comes of looking at texts before anything is changed.
struct Judged {
    inspection: Inspection,
    note: GuardNote,
    class: DataClass,
    ways: Ways,
}

impl Protected {
    fn unchanged(class: DataClass, ways: Ways, asked: Asked) -> Self {
        Self {
            class,
            ways,
            asked,
            restoring: Restoring::default(),
            sources_changed: false,
            hidden: false,
            note: GuardNote::default(),
        }
    }

    /// Where the request may go.
    pub(crate) fn places(&self) -> gateway::PlacePolicy {
        self.ways.places()
    }

    /// The strictest that any of the ways wants done about the structure of the answer.
    pub(crate) fn structure(&self) -> StructureCheck {
        self.ways.structure()
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
        self: &Arc<Self>,
        principal: &Principal,
        request: &mut ChatRequest,
        class: DataClass,
    ) -> Result<Protected> {
        let ways = self.ways_of(principal, request.model(), class);
        if ways.must_read()
            && let Some(field) = request.unread_file()
        {
            let nothing = (BTreeSet::new(), GuardNote::default());
            let error = self.refuse(principal, "guard_file", &nothing.0, &nothing.1).await?;
            return Err(error.in_field(field));
        }
        let asked = Asked::of(&ways, request);
        if !ways.look_at(request) {
            return Ok(Protected::unchanged(class, ways, asked));
        }
        let prompt = Arc::new(Prompt::read(request));
        let judged = self.judge(principal, request.model(), &prompt, (class, &ways)).await?;
        let Judged { inspection, mut note, class: raised, ways: cleared } = judged;
        if inspection.findings.is_empty() {
            return Ok(Protected { note, ..Protected::unchanged(class, ways, asked) });
        }
        let found = &inspection.kinds;
        let admitting = cleared.admitting(found);
        if admitting.is_empty() {
            note.add_findings(&inspection.findings, |kind| cleared.strictest(kind));
            let refused = cleared.barring(found, |action| action == GuardAction::Refuse);
            return Err(self.refuse(principal, "guard_refused", &refused, &note).await?);
        }
        let hiding = admitting.hiding();
        note.add_findings(&inspection.findings, |kind| {
            // What was raised or led to another place is told as such, unless it is hidden as well.
            let hidden = hiding.get(&kind).copied();
            hidden.unwrap_or_else(|| ways.strictest(kind))
        });
        let mut protected = Protected { note, ..Protected::unchanged(raised, admitting, asked) };
        let stuck = found.iter().filter(|kind| hiding.contains_key(kind)).copied().collect();
        if !hiding.is_empty() && !self.hide(request, &prompt, hiding, &mut protected).await? {
            return Err(self.refuse(principal, "guard_refused", &stuck, &protected.note).await?);
        }
        Ok(protected)
    }

    /// Whether a request for this model must be readable, because more may have to be done about
    /// what is found than to report it.
    pub(crate) fn must_read(&self, principal: &Principal, model: &str, class: DataClass) -> bool {
        self.ways_of(principal, model, class).must_read()
    }

    /// Looks at texts of a call that is no chat. They go as they are or not at all: a vector or a
    /// picture of something else would help nobody, and nothing could be put back. So they go only
    /// where the policy hides nothing of what was found.
    ///
    /// # Errors
    /// If no such place is left, or no route of the model is cleared for the class that was raised.
    pub(crate) async fn admit<'t>(
        self: &Arc<Self>,
        principal: &Principal,
        (offer, model): (Offer, &str),
        texts: &(dyn Fn() -> Vec<Cow<'t, str>> + Sync),
        class: DataClass,
    ) -> Result<Protected> {
        let ways = self.ways_of(principal, model, class);
        // Whoever asks one guardrail about a text does not want to hear from another.
        let ways = if offer == Offer::Moderations { ways.asking_nobody() } else { ways };
        let is_looked_at =
            !ways.kinds().is_empty() || ways.looks_at_people() || !ways.externals().is_empty();
        if !is_looked_at && !ways.gives_notices() {
            return Ok(Protected::unchanged(class, ways, Asked::nothing()));
        }
        let texts = texts();
        let asked = Asked::of_texts(&ways, texts.iter().map(AsRef::as_ref));
        if !is_looked_at {
            return Ok(Protected::unchanged(class, ways, asked));
        }
        let prompt = Arc::new(Prompt::of_texts(texts.iter().map(AsRef::as_ref)));
        drop(texts);
        let judged = self.judge(principal, model, &prompt, (class, &ways)).await?;
        let Judged { inspection, mut note, class, ways } = judged;
        let found = &inspection.kinds;
        note.add_findings(&inspection.findings, |kind| ways.strictest(kind));
        let admitting = ways.admitting(found).unhidden(found);
        if !found.is_empty() && admitting.is_empty() {
            let bars = |action: GuardAction| action == GuardAction::Refuse || action.hides();
            let refused = ways.barring(found, bars);
            return Err(self.refuse(principal, "guard_refused", &refused, &note).await?);
        }
        Ok(Protected { note, ..Protected::unchanged(class, admitting, asked) })
    }

    /// The terms of a call with what protection says about its ways.
    pub(crate) fn guarded_terms(&self, terms: Terms, model: &str, protected: &Protected) -> Terms {
        let routes = self.open_routes(model, protected);
        Terms { places: protected.ways.places(), routes, ..terms }
    }

    /// The routes that protection leaves open; `None` if the places say it all.
    pub(crate) fn open_routes(&self, model: &str, protected: &Protected) -> Option<OpenRoutes> {
        protected.ways.routes(&self.gateway.catalogue(), model)
    }

    /// What checks the answer of this route; `None` if nobody looks.
    pub(crate) fn answers(
        &self,
        principal: &Principal,
        taken: &Taken,
        protected: &Protected,
    ) -> Option<Answers> {
        let rail = self.guardrails.of(principal.tenant, &taken.model, &taken.route);
        Some(Answers::new(rail.answers.clone()?, protected.asked.clone()))
    }

    /// What asks an external guardrail about the answer of this route; `None` if nobody does.
    pub(crate) fn external_answers(
        self: &Arc<Self>,
        principal: &Principal,
        taken: &Taken,
        protected: &Protected,
    ) -> Option<ExternalAnswers> {
        let rail = self.guardrails.of(principal.tenant, &taken.model, &taken.route);
        let external = rail.policy.external.as_ref()?;
        ExternalAnswers::new(self, principal, (external, protected.class), protected.asked.language)
    }

    /// Checks a whole answer of this route, by the rules here and by who else is asked.
    pub(crate) async fn check_answer(
        self: &Arc<Self>,
        (principal, taken): (&Principal, &Taken),
        protected: &Protected,
        answer: &mut ChatResponse,
        settlement: &mut Settlement,
    ) {
        if let Some(mut answers) = self.answers(principal, taken, protected) {
            answers.check(answer);
            settlement.answer_guarded(&answers.take_hits());
        }
        if let Some(mut external) = self.external_answers(principal, taken, protected) {
            external.check(answer).await;
            settlement.answer_guarded(&external.take_hits());
        }
    }

    /// Inspects texts, refuses what events forbid, and raises the class.
    async fn judge(
        self: &Arc<Self>,
        principal: &Principal,
        model: &str,
        prompt: &Arc<Prompt>,
        (class, ways): (DataClass, &Ways),
    ) -> Result<Judged> {
        let (looking, text) = (ways.clone(), prompt.clone());
        let span = trace_span!(target: TRACES, "guard", fachwerk.guard.findings = Empty);
        let inspecting = self.compute(prompt, move || looking.inspect(&text));
        let inspection = inspecting.instrument(span.clone()).await?;
        span.record("fachwerk.guard.findings", inspection.count());
        drop(span);
        let mut note = GuardNote::new(SCANNER.version());
        self.check_events(principal, &inspection, &mut note).await?;
        let raised = ways.raised(&inspection.kinds).unwrap_or(class).max(class);
        if raised > class {
            let of = RequestClass { class: raised, origin: Some("class_raised") };
            let checked = self.check_clearance(principal, model, of).await;
            let raising = ways.raising(&inspection.kinds, raised);
            checked.map_err(|error| match error.hinted() {
                Some(_) => error.with("kinds", codes_of(raising)),
                None => error,
            })?;
        }
        self.ask_about_request(principal, (prompt, raised), ways, &mut note).await?;
        if raised == class {
            return Ok(Judged { inspection, note, class, ways: ways.clone() });
        }
        let ways = self.ways_of(principal, model, raised);
        Ok(Judged { inspection, note, class: raised, ways })
    }

    /// Gives whether everything could be hidden: names of fields, numbers and files cannot.
    async fn hide(
        &self,
        request: &mut ChatRequest,
        prompt: &Arc<Prompt>,
        actions: BTreeMap<Kind, GuardAction>,
        protected: &mut Protected,
    ) -> Result<bool> {
        let text = prompt.clone();
        let (texts, pseudonyms) =
            self.compute(prompt, move || text.hide(&SCANNER, &actions)).await?;
        if texts.iter().all(Option::is_none) {
            return Ok(true);
        }
        protected.hidden = true;
        let (mut texts, mut is_stuck) = (texts.into_iter(), false);
        request.rewrite_texts(&mut |found| {
            let changed = texts.next().flatten();
            protected.sources_changed |= found.origin == Origin::Source && changed.is_some();
            is_stuck |= found.is_fixed && changed.is_some();
            changed
        });
        protected.restoring = Restoring::new(pseudonyms);
        Ok(!is_stuck)
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
        let refused = inspection.refused;
        let checks = [
            ("injection", &inspection.injection, "guard_injection"),
            ("topic", &inspection.topics, "guard_topic"),
            ("jailbreak", &inspection.jailbreak, "guard_jailbreak"),
        ];
        for (kind, events, code) in checks {
            let refuses = refused == Some(code);
            note.add_events(kind, events, if refuses { "refuse" } else { "report" });
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
        let kind = match code {
            "guard_external_failed" => ErrorKind::UpstreamFailed,
            "guard_external_not_cleared" => ErrorKind::Forbidden,
            "guard_external_too_long" => ErrorKind::TooLarge,
            _ => ErrorKind::Unprocessable,
        };
        let error = Error::new(kind, code);
        if kinds.is_empty() {
            return Ok(error);
        }
        Ok(error.with("kinds", codes_of(kinds)))
    }

    /// The ways to routes that the principal may use and that may receive data of this class.
    fn ways_of(&self, principal: &Principal, model: &str, class: DataClass) -> Ways {
        let catalogue = self.gateway.catalogue();
        let open =
            Open { class, places: self.places(principal), access: self.model_access(principal) };
        Ways::of(&self.guardrails, principal.tenant, (&catalogue, model), &open)
    }
}

/// The codes of kinds, as texts name them.
fn codes_of<'k>(kinds: impl IntoIterator<Item = &'k Kind>) -> String {
    kinds.into_iter().map(|kind| kind.code()).collect::<Vec<_>>().join(", ")
}
