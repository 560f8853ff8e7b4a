//! Chat completions for programs, in the shape of the OpenAI interface, with sources if they name
//! collections or documents.

use std::{collections::VecDeque, pin::Pin, sync::Arc};

use futures_util::{Stream, stream};
use gateway::{ChatStream, Counted, Needs, Offer, Terms, prompt_texts};
use llm::{ChatChunk, ChatEvent, ChatRequest, ChatResponse, Task};
use serde_json::{Value, json};

use store::Citation;

use crate::{
    Answer, App, CacheUse, Call, Error, Principal, Result, Way,
    answer_cache::Slot,
    grounding::Given,
    guardrail::{Answers, ExternalAnswers, Protected},
    held_back::Holding,
    limits::tokenizer_of,
    marks::Marks,
    settlement::Settlement,
};

/// An answer piece by piece. Dropping it cancels the call to the model and settles what it took.
pub type ChunkStream = Pin<Box<dyn Stream<Item = Result<ChatChunk>> + Send>>;

/// An answer, whole or on its way.
pub enum ChatReply {
    /// The whole answer.
    Whole(ChatResponse),
    /// Its pieces.
    Stream(ChunkStream),
}

impl App {
    /// Answers a chat request. The class of the run is the highest of what the caller declares and
    /// of all collections and documents they name.
    ///
    /// # Errors
    /// If the principal may not use models or read what they name; if no route is cleared for the
    /// class; if the model fails before its first piece.
    pub async fn create_chat_completion(
        self: &Arc<Self>,
        principal: &Principal,
        call: impl Into<Call<ChatRequest>>,
    ) -> Result<Answer<ChatReply>> {
        let Call { mut request, wishes } = call.into();
        let deadline = wishes.admit(principal)?;
        let asked = request.extension().cloned();
        let declared = asked.as_ref().and_then(|asked| asked.data_class);
        let (collections, documents) =
            asked.map(|asked| (asked.collections, asked.documents)).unwrap_or_default();
        let scope = self.check_scope(principal, &collections, &documents).await?;
        if !scope.is_empty() && request.n() > 1 {
            // Citations belong to one text.
            return Err(Error::invalid("one_choice_with_sources").in_field("n"));
        }
        let of = self.class_of(principal, declared, scope.class);
        let class = of.class;
        if let Some(cheaper) = self.stand_in(principal, &request, class) {
            request.set_model(&cheaper);
        }
        self.check_request(principal, (wishes, Offer::Chat), request.model(), of).await?;
        let given = if scope.is_empty() {
            None
        } else {
            let question = request.question();
            Some(self.gather(principal, &scope, &question, Task::Answer).await?)
        };
        request.grounding = given.as_ref().map(|given| given.grounding(Task::Answer));

        let protected = self.protect(principal, &mut request, class).await?;
        let class = protected.class;
        let mut settlement = Settlement::new(self, principal, class)?;
        settlement.guarded(&protected.note);
        let terms = settlement.reserve(request.model(), Some(&protected), &request).await?;
        let terms = Terms { deadline, explain: wishes.explain, ..terms };
        let terms = self.guarded_terms(terms, request.model(), &protected);
        let slot = self.answer_slot(principal, &request, &protected, &terms);
        if let Some(slot) = &slot
            && let Some(again) = slot.look(request.model(), &terms).await
        {
            return Ok(again.into_answer(settlement));
        }
        let cache = slot.as_ref().map(|_| CacheUse::Miss);
        if request.stream() && !self.needs_whole(&request, &protected) {
            let answer = self.gateway.chat(&request, terms, &settlement.meter).await;
            let answer = answer.map_err(|error| {
                self.call_failed(&mut settlement, protected.restoring.in_refusal(error))
            })?;
            let way = Way { cache, ..Way::new(answer.taken().clone(), &settlement) };
            let sources = Sources { given, slot };
            let stream = chunks(self.clone(), answer, sources, protected, settlement);
            return Ok(Answer { way, reply: ChatReply::Stream(stream) });
        }
        let on = (terms, &protected);
        let completion = self.complete_structured(principal, &request, on, &mut settlement).await?;
        let mut response = completion.response;
        if let Some(given) = given {
            let mut marks = self.marks(&completion.taken, &given);
            response.rewrite_texts(|choice, text| marks.push(choice, text) + &marks.finish(choice));
            let quotes = &completion.citations;
            let citations = protected.citations(&given, quotes, marks.cited());
            response.set_field("fachwerk", extension_value(&citations));
        }
        protected.restoring.restore(&mut response);
        let on = (principal, &completion.taken);
        self.check_answer(on, &protected, &mut response, &mut settlement).await;
        let way = Way { cache, ..Way::new(completion.taken, &settlement) };
        let slot = slot.filter(|_| !settlement.is_guarded());
        let metered = settlement.meter.read();
        if !request.stream() {
            if let Some(slot) = slot {
                slot.keep_whole(&metered, &response);
            }
            return Ok(Answer { way, reply: ChatReply::Whole(response) });
        }
        let pieces = in_one_piece(&response, request.include_usage());
        if let Some(mut slot) = slot {
            pieces.iter().for_each(|chunk| slot.add(chunk));
            slot.keep_chunks(&metered);
        }
        let stream = Box::pin(stream::iter(pieces.into_iter().map(Ok)));
        Ok(Answer { way, reply: ChatReply::Stream(stream) })
    }

    /// Counts how many tokens a request has, without asking a model. Counts as a request itself.
    ///
    /// # Errors
    /// If the principal may not use models, there is no such model, or a limit leaves no request.
    pub async fn count_tokens(&self, principal: &Principal, request: &ChatRequest) -> Result<u64> {
        self.get_model(principal, request.model())?;
        self.count_request(principal, request.model()).await?;
        let tokenizer = tokenizer_of(self.gateway.catalogue().model(request.model()));
        let counted = self.gateway.count(&tokenizer, prompt_texts(request), u64::MAX).await;
        let (Counted::Exactly(tokens) | Counted::MoreThan(tokens)) = counted;
        Ok(tokens.saturating_add(Needs::of(request).fixed_tokens))
    }

    pub(crate) fn call_failed(
        &self,
        settlement: &mut Settlement,
        error: gateway::GatewayError,
    ) -> Error {
        settlement.failed();
        let explanation = settlement.meter.explanation();
        self.gateway_error(&settlement.principal, error).explaining(explanation)
    }
}

/// An answer that had to be whole, for a caller who wants a stream.
fn in_one_piece(response: &ChatResponse, with_usage: bool) -> Vec<ChatChunk> {
    let usage = response.usage_value().filter(|_| with_usage).cloned();
    let usage = usage.map(|usage| response.head().usage_chunk(usage));
    [response.to_chunk()].into_iter().chain(usage).collect()
}

/// What our extension adds to an answer.
fn extension_value(citations: &[Citation]) -> Value {
    let citations: Vec<Value> = citations
        .iter()
        .map(|citation| {
            json!({
                "number": citation.number,
                "document_id": citation.document,
                "passage_id": citation.passage,
                "page": citation.page,
                "start": citation.start,
                "end": citation.end,
            })
        })
        .collect();
    json!({ "citations": citations })
}

/// An answer on its way to a program, with its citation marks checked if it has sources.
struct Outgoing {
    app: Arc<App>,
    answer: ChatStream,
    given: Option<Given>,
    /// Where the answer is kept, if it is.
    slot: Option<Slot>,
    marks: Marks,
    protected: Protected,
    /// `None` if nobody looks.
    answers: Option<Answers>,
    /// `None` if nobody outside is asked about it.
    external: Option<ExternalAnswers>,
    /// Pieces that may be handed on.
    ready: VecDeque<ChatChunk>,
    settlement: Settlement,
    extension_sent: bool,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// The guard stopped the answer; its usage may follow.
    Stopped,
    Ended,
}

/// What an answer is made from, and where it goes beside the caller.
#[derive(Default)]
pub(crate) struct Sources {
    pub(crate) given: Option<Given>,
    pub(crate) slot: Option<Slot>,
}

pub(crate) fn chunks(
    app: Arc<App>,
    answer: ChatStream,
    Sources { given, slot }: Sources,
    protected: Protected,
    settlement: Settlement,
) -> ChunkStream {
    let checked = given.as_ref().map(|given| app.marks(answer.taken(), given));
    let marks = checked.unwrap_or_else(Marks::trusted);
    let answers = app.answers(&settlement.principal, answer.taken(), &protected);
    let external = app.external_answers(&settlement.principal, answer.taken(), &protected);
    // Moved with every piece: as an address, not as a thousand bytes.
    let outgoing = Box::new(Outgoing {
        app,
        answer,
        given,
        slot,
        marks,
        protected,
        answers,
        external,
        ready: VecDeque::new(),
        settlement,
        extension_sent: false,
        phase: Phase::Running,
    });
    Box::pin(stream::unfold(outgoing, |mut outgoing| async move {
        let chunk = outgoing.next().await?;
        Some((chunk, outgoing))
    }))
}

impl Outgoing {
    async fn next(&mut self) -> Option<Result<ChatChunk>> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                return Some(Ok(chunk));
            }
            match self.phase {
                Phase::Running => {}
                Phase::Stopped => {
                    self.phase = Phase::Ended;
                    return self.usage_of_stopped().map(Ok);
                }
                Phase::Ended => return None,
            }
            let Some(event) = self.answer.next().await else {
                self.phase = Phase::Ended;
                let rest = self.rest();
                for chunk in &rest {
                    self.hand_on(Some(chunk.clone())).await;
                }
                self.hand_on(None).await;
                self.keep(&rest);
                continue;
            };
            match event {
                Ok(ChatEvent::Chunk(mut chunk)) => {
                    let holding = Holding {
                        marks: &mut self.marks,
                        restoring: &mut self.protected.restoring,
                        answers: self.answers.as_mut(),
                    };
                    let before = holding.let_go_before(&chunk);
                    self.marks.check(&mut chunk);
                    self.protected.restoring.restore_chunk(&mut chunk);
                    self.check(&mut chunk);
                    if let Some(before) = before {
                        if let Some(slot) = &mut self.slot {
                            slot.add(&before);
                        }
                        self.hand_on(Some(before)).await;
                    }
                    self.add_citations(&mut chunk);
                    if let Some(slot) = &mut self.slot {
                        slot.add(&chunk);
                    }
                    self.hand_on(Some(chunk)).await;
                    if self.phase == Phase::Stopped {
                        // Nothing comes that would let go of what waits outside.
                        self.hand_on(None).await;
                    }
                }
                // Kept by the stream itself until the end.
                Ok(ChatEvent::Citation(_)) => {}
                Err(error) => {
                    self.slot = None;
                    self.settlement.failed();
                    return Some(Err(self.app.gateway_error(&self.settlement.principal, error)));
                }
            }
        }
    }

    /// Hands a piece on, once nobody outside minds; `None` at the end of the answer.
    async fn hand_on(&mut self, chunk: Option<ChatChunk>) {
        let Some(external) = self.external.as_mut().filter(|one| !one.is_stopped()) else {
            self.ready.extend(chunk.filter(|_| self.external.is_none()));
            return;
        };
        let passed = external.pass(chunk).await;
        self.settlement.answer_guarded(&external.take_hits());
        if external.is_stopped() {
            self.phase = Phase::Stopped;
        }
        self.ready.extend(passed);
    }

    fn check(&mut self, chunk: &mut ChatChunk) {
        let Some(answers) = &mut self.answers else { return };
        answers.check_chunk(chunk);
        self.settlement.answer_guarded(&answers.take_hits());
        if answers.is_stopped() {
            self.phase = Phase::Stopped;
        }
    }

    /// Keeps an answer that came to its end, unless the guard found something in it.
    fn keep(&mut self, rest: &[ChatChunk]) {
        let Some(mut slot) = self.slot.take().filter(|_| !self.settlement.is_guarded()) else {
            return;
        };
        rest.iter().for_each(|chunk| slot.add(chunk));
        slot.keep_chunks(&self.settlement.meter.read());
    }

    /// What an answer without an end of its own still holds back.
    fn rest(&mut self) -> Vec<ChatChunk> {
        let mut chunk = self.protected.restoring.last_chunk();
        let Some(answers) = &mut self.answers else { return chunk.into_iter().collect() };
        if let Some(chunk) = &mut chunk {
            answers.check_chunk(chunk);
        }
        let held = answers.last_chunk();
        self.settlement.answer_guarded(&answers.take_hits());
        [chunk, held].into_iter().flatten().collect()
    }

    /// The usage figures of an answer that was stopped, if the caller wants them.
    fn usage_of_stopped(&self) -> Option<ChatChunk> {
        let own = self.answers.as_ref().map(Answers::head);
        let head = own.or(self.external.as_ref().map(ExternalAnswers::head))?;
        let usage = self.settlement.meter.read().usage;
        self.answer.wants_usage().then(|| head.usage_chunk(usage.to_value()))
    }

    /// The chunk that ends the answer carries the citations.
    fn add_citations(&mut self, chunk: &mut ChatChunk) {
        let Some(given) = &self.given else { return };
        if self.extension_sent || chunk.finish_reason().is_none() {
            return;
        }
        self.extension_sent = true;
        let quotes = self.answer.citations();
        let citations = self.protected.citations(given, quotes, self.marks.cited());
        chunk.set_field("fachwerk", extension_value(&citations));
    }
}
