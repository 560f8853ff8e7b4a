//! Asks an external guardrail whether texts are harmful: a model of the catalogue that offers
//! moderations, so that its address, key, place and clearance are those of a route. It sees no more than
//! the policy lets its own place see. Knows not what becomes of an answer.

use std::{
    collections::VecDeque,
    ops::Range,
    sync::{Arc, LazyLock},
};

use domain::DataClass;
use gateway::{GatewayError, ModelAccess, Outcome, PlanError, Terms};
use guard::Event;
use llm::{OperationRequest, OperationResponse};
use tokio::time::{Instant, timeout_at};

use super::{
    ExternalPolicy, GuardCheck, GuardNote, OnFailure,
    prompt::Prompt,
    ways::{Open, Ways},
};
use crate::{App, Principal, Result, settlement::Settlement};

/// Longest piece of a text in a call, in bytes; a longer text is asked about piece by piece.
const PIECE_BYTES_MAX: usize = 16 << 10;
/// Shortest piece that is cut in two because the guardrail refuses it, in bytes; what it refuses in
/// smaller ones it refuses for another reason.
const PIECE_BYTES_MIN: usize = 512;
/// How much of a piece the next one repeats, in bytes, so that nothing hides at the border; of small
/// pieces an eighth.
const OVERLAP_BYTES: usize = 256;
/// Most text in one call, in bytes; what is more goes in further calls.
const CALL_BYTES_MAX: usize = 64 << 10;
/// Most calls about one request, those that were refused among them; beyond: as if there were no answer.
const CALLS_MAX: usize = 256;
/// Most pieces in one call, as some servers bound it; what is more goes in further calls.
const CALL_PIECES_MAX: usize = 32;
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

/// A piece of the texts, as it may be shown, and where it stands.
struct Piece {
    text: String,
    place: Range<usize>,
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
        let mut portions = Portions::of(texts);
        let mut events = vec![];
        for _ in 0..CALLS_MAX {
            let Some(portion) = portions.next() else { return Ok(events) };
            match self.ask_once(question, (&ways, class), &portion).await {
                Ok(more) => events.extend(more),
                Err(Silence::Refused) => portions.cut(portion)?,
                Err(silence) => return Err(silence),
            }
        }
        if portions.rest.is_empty() { Ok(events) } else { Err(Silence::TooLong) }
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
        (ways, class): (&Ways, DataClass),
        pieces: &[Piece],
    ) -> std::result::Result<Vec<Event>, Silence> {
        let texts = pieces.iter().map(|piece| piece.text.as_str());
        let request = OperationRequest::moderation(&external.model, texts);
        let settlement = Settlement::new(self, principal, class).map_err(|_| Silence::Failed)?;
        let mut settlement = settlement.of("create_moderation");
        let deadline = Instant::now() + external.timeout;
        let terms = Terms {
            places: ways.places(),
            access: ModelAccess::ALL,
            routes: ways.routes(&self.gateway.catalogue(), &external.model),
            deadline: Some(deadline),
            deadline_is_ours: true,
            ..self.terms(principal, class)
        };
        let call = self.gateway.operate(&request, terms, &settlement.meter);
        let verdict = match timeout_at(deadline, call).await {
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

/// Texts on their way to a guardrail, in portions of as much as it takes. No server says in advance how
/// much that is, and each says in its own way that it was too much.
struct Portions {
    rest: VecDeque<Piece>,
    /// How much goes into one call, in bytes.
    call_bytes: usize,
    /// How long a piece may be, in bytes.
    piece_bytes: usize,
}

impl Portions {
    fn of(texts: Vec<Piece>) -> Self {
        let rest = texts.into_iter().flat_map(|text| in_pieces(text, PIECE_BYTES_MAX)).collect();
        Self { rest, call_bytes: CALL_BYTES_MAX, piece_bytes: PIECE_BYTES_MAX }
    }

    /// The pieces for the next call, at least one; `None` if everything was shown.
    fn next(&mut self) -> Option<Vec<Piece>> {
        let mut bytes = 0;
        let fits = |piece: &&Piece| {
            bytes += piece.text.len();
            bytes <= self.call_bytes
        };
        let count = self.rest.iter().take(CALL_PIECES_MAX).take_while(fits).count().max(1);
        let portion: Vec<Piece> = self.rest.drain(..count.min(self.rest.len())).collect();
        (!portion.is_empty()).then_some(portion)
    }

    /// Takes back what was refused, to be shown in smaller portions; so is everything behind it.
    ///
    /// # Errors
    /// [`Silence::Failed`] if it is so little that it cannot have been too much.
    fn cut(&mut self, refused: Vec<Piece>) -> std::result::Result<(), Silence> {
        let bytes: usize = refused.iter().map(|piece| piece.text.len()).sum();
        let half = (bytes / 2).max(PIECE_BYTES_MIN);
        if let [piece] = &refused[..] {
            if piece.text.len() <= PIECE_BYTES_MIN {
                return Err(Silence::Failed);
            }
            self.piece_bytes = half;
        }
        self.call_bytes = half;
        for piece in refused.into_iter().rev() {
            for part in in_pieces(piece, self.piece_bytes).into_iter().rev() {
                self.rest.push_front(part);
            }
        }
        self.rest = std::mem::take(&mut self.rest)
            .into_iter()
            .flat_map(|piece| in_pieces(piece, self.piece_bytes))
            .collect();
        Ok(())
    }
}

/// Cuts a long text into pieces of at most so many bytes that overlap, if it can be between sentences,
/// else between words.
fn in_pieces(Piece { text, place }: Piece, bytes_max: usize) -> Vec<Piece> {
    if text.len() <= bytes_max {
        return vec![Piece { text, place }];
    }
    let overlap = OVERLAP_BYTES.min(bytes_max / 8);
    let mut pieces = vec![];
    let mut start = 0;
    loop {
        let end = end_of_piece(&text, start, bytes_max);
        let at = |offset: usize| (place.start + offset).min(place.end);
        pieces.push(Piece { text: text[start..end].to_owned(), place: at(start)..at(end) });
        if end == text.len() {
            return pieces;
        }
        let next = text.floor_char_boundary(end - overlap);
        let word = text[next..end].find(char::is_whitespace).map_or(next, |blank| next + blank);
        start = word.max(start + 1);
    }
}

/// The end of the last sentence, else of the last word, in the last quarter of a piece.
fn end_of_piece(text: &str, start: usize, bytes_max: usize) -> usize {
    let end = text.floor_char_boundary(start + bytes_max);
    if end == text.len() {
        return end;
    }
    let from = text.floor_char_boundary(end - bytes_max / 4);
    let window = &text[from..end];
    // What the window cuts off is no whole sentence.
    let sentences = text::sentences(window);
    let sentence = sentences.len().checked_sub(2).map(|last| sentences[last].end);
    let word = || window.rfind(char::is_whitespace);
    sentence.or_else(word).map_or(end, |at| from + at)
}
