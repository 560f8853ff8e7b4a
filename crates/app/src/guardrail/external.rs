//! Asks an external guardrail whether texts are harmful: a model of the catalogue that offers
//! moderations, so that its address, key, place and clearance are those of a route. It sees no more than
//! the policy lets its own place see. Knows not what becomes of an answer.

use std::sync::{Arc, LazyLock};

use domain::DataClass;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use gateway::{GatewayError, ModelAccess, Outcome, PlanError, Terms};
use guard::Event;
use llm::{OperationRequest, OperationResponse};
use tokio::time::{Instant, timeout_at};

use super::{
    ExternalPolicy, GuardCheck, GuardNote, OnFailure,
    portions::{Piece, Portions},
    prompt::Prompt,
    ways::{Open, Ways},
};
use crate::{App, Principal, Result, settlement::Settlement};

/// Most calls about one request, those that were refused among them; beyond: as if there were no answer.
const CALLS_MAX: usize = 256;
/// Most text of a request that is asked about, in bytes; beyond: as if there were no answer.
const ASKED_BYTES_MAX: usize = 4 << 20;

static FLAGGED: LazyLock<Arc<str>> = LazyLock::new(|| "external/flagged".into());

/// Why an external guardrail says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// The data may not go there: class, place, or a kind that the policy refuses there.
    NotCleared,
    /// There is more text than is asked about, in as many pieces as it takes.
    TooLong,
    /// It refused what it was shown; perhaps because that was too long for it.
    Refused,
    /// It took too long.
    TimedOut,
    /// It could not be reached, or refused.
    Failed,
    /// What it said is no verdict.
    Garbled,
}

impl Silence {
    /// The rule under which it is written down.
    pub(super) const fn rule(self) -> &'static str {
        match self {
            Self::NotCleared => "external_failure/not-cleared",
            Self::TooLong => "external_failure/too-long",
            Self::Refused => "external_failure/refused",
            Self::TimedOut => "external_failure/timed-out",
            Self::Failed => "external_failure/failed",
            Self::Garbled => "external_failure/garbled",
        }
    }

    /// The code of a refusal for it. That somebody must not be asked is no failure that passes.
    const fn refusal(self) -> &'static str {
        match self {
            Self::NotCleared => "guard_external_not_cleared",
            Self::TooLong => "guard_external_too_long",
            _ => "guard_external_failed",
        }
    }

    /// As a hit at a place.
    pub(super) fn event(self, at: usize) -> Event {
        Event { rule: self.rule().into(), start: at, end: at, score: 1.0 }
    }
}

/// What is asked about, whom, and on whose account.
pub(super) struct Question<'q> {
    pub(super) principal: &'q Principal,
    pub(super) external: &'q ExternalPolicy,
    pub(super) prompt: &'q Arc<Prompt>,
    pub(super) class: DataClass,
}

/// The terms on which something is asked outside.
struct Outside<'q> {
    ways: &'q Ways,
    class: DataClass,
    deadline: Instant,
}

impl App {
    /// Asks about a request what the policies of its ways want asked, and writes down what comes of it.
    ///
    /// # Errors
    /// If it is flagged or nobody answers, where the policy refuses it then.
    pub(super) async fn ask_about_request(
        self: &Arc<Self>,
        principal: &Principal,
        (prompt, class): (&Arc<Prompt>, DataClass),
        ways: &Ways,
        note: &mut GuardNote,
    ) -> Result<()> {
        for external in ways.externals() {
            let question = Question { principal, external, prompt, class };
            let refuses = external.input == GuardCheck::Refuse;
            let (kind, events, refusal) = match self.ask_external(&question).await {
                Ok(events) => {
                    let is_flagged = !events.is_empty();
                    ("external", events, is_flagged.then_some("guard_external"))
                }
                Err(silence) => {
                    let fails = external.on_failure == OnFailure::Refuse;
                    let refusal = fails.then_some(silence.refusal());
                    ("external_failure", vec![silence.event(0)], refusal)
                }
            };
            let refusal = refusal.filter(|_| refuses);
            note.add_events(kind, &events, if refusal.is_some() { "refuse" } else { "report" });
            if let Some(code) = refusal {
                return Err(self.refuse(principal, code, &Default::default(), note).await?);
            }
        }
        Ok(())
    }

    /// Asks about texts. Hits stand at the pieces they are in, by their place in the joined text.
    pub(super) async fn ask_external(
        self: &Arc<Self>,
        question: &Question<'_>,
    ) -> std::result::Result<Vec<Event>, Silence> {
        if question.prompt.joined.len() > ASKED_BYTES_MAX {
            return Err(Silence::TooLong);
        }
        let (ways, class) = self.ways_outside(question).await?;
        let texts = self.texts_outside(question.prompt, &ways).await?;
        // One time for all of it, however long the text: so long does somebody wait.
        let deadline = Instant::now() + question.external.timeout;
        let terms = Outside { ways: &ways, class, deadline };
        let mut portions = Portions::of(texts);
        let mut under_way = FuturesUnordered::new();
        let (mut events, mut failure, mut calls) = (Vec::new(), None, 0);
        loop {
            while calls < CALLS_MAX
                && under_way.len() < portions.at_once()
                && let Some(portion) = portions.next()
            {
                calls += 1;
                let terms = &terms;
                under_way
                    .push(async move { (self.ask_once(question, terms, &portion).await, portion) });
            }
            let Some((verdict, portion)) = under_way.next().await else { break };
            match verdict {
                Ok(more) => {
                    events.extend(more);
                    portions.taken();
                }
                Err(Silence::Refused) => failure = portions.cut(portion).err(),
                Err(silence) => failure = Some(silence),
            }
            if failure.is_some() {
                break;
            }
        }
        if !portions.is_empty() {
            failure.get_or_insert(Silence::TooLong);
        }
        events.sort_by_key(|event| event.start);
        // What was flagged is flagged: a long text beside it must not outrun the answer.
        failure.filter(|_| events.is_empty()).map_or(Ok(events), Err)
    }

    /// Whether the texts have to be changed before they may be shown, so that none may be cut apart.
    pub(super) fn hides_outside(
        &self,
        principal: &Principal,
        external: &ExternalPolicy,
        class: DataClass,
    ) -> bool {
        self.ways_to_external(principal, external, class).changes()
    }

    fn ways_to_external(
        &self,
        principal: &Principal,
        external: &ExternalPolicy,
        class: DataClass,
    ) -> Ways {
        let catalogue = self.gateway.catalogue();
        // Who may use it as a model is another matter: nobody here chooses it.
        let open = Open { class, places: self.places(principal), access: ModelAccess::ALL };
        Ways::of(&self.guardrails, principal.tenant, (&catalogue, &external.model), &open)
    }

    /// The ways that are open to the texts, and the class they have on them.
    async fn ways_outside(
        &self,
        question: &Question<'_>,
    ) -> std::result::Result<(Ways, DataClass), Silence> {
        let Question { principal, external, prompt, class } = question;
        let ways = self.ways_to_external(principal, external, *class);
        let (looking, text) = (ways.clone(), Arc::clone(prompt));
        let found = self.compute(prompt, move || looking.find(&text).kinds).await;
        let found = found.map_err(|_| Silence::Failed)?;
        let raised = ways.raised(&found).unwrap_or(*class).max(*class);
        let ways = self.ways_to_external(principal, external, raised).admitting(&found);
        if ways.is_empty() { Err(Silence::NotCleared) } else { Ok((ways, raised)) }
    }

    /// The texts as they may go these ways, each with its place.
    async fn texts_outside(
        &self,
        prompt: &Arc<Prompt>,
        ways: &Ways,
    ) -> std::result::Result<Vec<Piece>, Silence> {
        let hiding = ways.hiding();
        let mut hidden = vec![];
        if !hiding.is_empty() {
            let text = Arc::clone(prompt);
            let hide = move || text.hide(&super::SCANNER, &hiding).0;
            hidden = self.compute(prompt, hide).await.map_err(|_| Silence::Failed)?;
        }
        let mut hidden = hidden.into_iter();
        let texts = prompt.texts().map(|(place, text)| {
            let text = hidden.next().flatten().unwrap_or_else(|| text.to_owned());
            Piece { text, place }
        });
        Ok(texts.filter(|piece| !piece.text.trim().is_empty()).collect())
    }

    /// Makes one call, with a record of its own: something left the house.
    async fn ask_once(
        self: &Arc<Self>,
        Question { principal, external, .. }: &Question<'_>,
        Outside { ways, class, deadline }: &Outside<'_>,
        pieces: &[Piece],
    ) -> std::result::Result<Vec<Event>, Silence> {
        let texts = pieces.iter().map(|piece| piece.text.as_str());
        let request = OperationRequest::moderation(&external.model, texts);
        let settlement = Settlement::new(self, principal, *class).map_err(|_| Silence::Failed)?;
        let mut settlement = settlement.of("create_moderation");
        let terms = Terms {
            places: ways.places(),
            access: ModelAccess::ALL,
            routes: ways.routes(&self.gateway.catalogue(), &external.model),
            deadline: Some(*deadline),
            deadline_is_ours: true,
            ..self.terms(principal, *class)
        };
        let call = self.gateway.operate(&request, terms, &settlement.meter);
        let verdict = match timeout_at(*deadline, call).await {
            Err(_) => Err(Silence::TimedOut),
            Ok(Err(error)) => Err(silence_of(&error)),
            Ok(Ok(answered)) => match answered.response {
                Outcome::Json(response) => events_of(&response, pieces),
                _ => Err(Silence::Garbled),
            },
        };
        if let Err(silence) = &verdict {
            tracing::warn!(model = external.model, reason = silence.rule(), "no external verdict");
            settlement.failed();
        }
        verdict
    }
}

fn silence_of(error: &GatewayError) -> Silence {
    match error {
        GatewayError::Plan(
            PlanError::ClearanceTooLow { .. } | PlanError::PlaceNotAllowed { .. },
        ) => Silence::NotCleared,
        GatewayError::TimedOut { .. } | GatewayError::OutOfTime => Silence::TimedOut,
        GatewayError::Refused { .. } => Silence::Refused,
        _ => Silence::Failed,
    }
}

fn events_of(
    response: &OperationResponse,
    pieces: &[Piece],
) -> std::result::Result<Vec<Event>, Silence> {
    let flags = response.flags(pieces.len()).map_err(|_| Silence::Garbled)?;
    let events = pieces.iter().zip(flags).flat_map(|(Piece { place, .. }, flags)| {
        flags.into_iter().map(|flag| {
            let rule = match flag.category.as_str() {
                "flagged" => FLAGGED.clone(),
                category => format!("external/{category}").into(),
            };
            Event { rule, start: place.start, end: place.end, score: flag.score }
        })
    });
    Ok(events.collect())
}
