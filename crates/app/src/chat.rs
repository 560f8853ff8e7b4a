//! Chat completions for programs, in the shape of the OpenAI interface, with sources if they name
//! collections or documents.

use std::{pin::Pin, sync::Arc};

use futures_util::{Stream, stream};
use gateway::{ChatStream, Needs, Terms};
use llm::{ChatChunk, ChatEvent, ChatRequest, ChatResponse, Task};
use serde_json::{Value, json};

use store::Citation;

use crate::{
    Answer, App, CacheUse, Call, Error, Principal, Result, Way, answer_cache::Slot,
    grounding::Given, guardrail::Protected, marks::Marks, settlement::Settlement,
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
        let class = declared.unwrap_or(self.config.api_class).max(scope.class);
        self.check_clearance(principal, request.model(), class).await?;
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
        let needs = || Needs::of(&request);
        let terms = settlement.reserve(request.model(), protected.places, &needs).await?;
        let terms = Terms { deadline, explain: wishes.explain, ..terms };
        let slot = self.answer_slot(principal, &request, &protected, &terms);
        if let Some(slot) = &slot
            && let Some(again) = slot.look(request.model(), &terms).await
        {
            return Ok(again.into_answer(settlement, &protected));
        }
        let cache = slot.as_ref().map(|_| CacheUse::Miss);
        if request.stream() {
            let answer = self.gateway.chat(&request, terms, &settlement.meter).await;
            let answer = answer.map_err(|error| self.call_failed(&mut settlement, error))?;
            let way = Way { cache, ..Way::new(answer.taken().clone(), &protected, &settlement) };
            let sources = Sources { given, slot };
            let stream = chunks(self.clone(), answer, sources, protected, settlement);
            return Ok(Answer { way, reply: ChatReply::Stream(stream) });
        }
        let completion = self.gateway.complete(&request, terms, &settlement.meter).await;
        let completion = completion.map_err(|error| self.call_failed(&mut settlement, error))?;
        let mut response = completion.response;
        if let Some(given) = given {
            let mut marks = self.marks(&completion.taken, &given);
            response.rewrite_texts(|choice, text| marks.push(choice, text) + &marks.finish(choice));
            let quotes = &completion.citations;
            let citations = protected.citations(&given, quotes, marks.cited());
            response.set_field("fachwerk", extension_value(&citations));
        }
        protected.restoring.restore(&mut response);
        if let Some(slot) = slot {
            slot.keep_whole(&settlement.meter.read(), &response);
        }
        let way = Way { cache, ..Way::new(completion.taken, &protected, &settlement) };
        Ok(Answer { way, reply: ChatReply::Whole(response) })
    }

    /// Estimates how many tokens a request has, without asking a model.
    ///
    /// # Errors
    /// If the principal may not use models, or there is no such model.
    pub fn count_tokens(&self, principal: &Principal, request: &ChatRequest) -> Result<u64> {
        self.get_model(principal, request.model())?;
        Ok(llm::Usage::estimate_tokens(request.prompt_bytes()))
    }

    pub(crate) fn call_failed(
        &self,
        settlement: &mut Settlement,
        error: gateway::GatewayError,
    ) -> Error {
        settlement.failed();
        self.gateway_error(&settlement.principal, error)
    }
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
    settlement: Settlement,
    extension_sent: bool,
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
    let outgoing =
        Outgoing { app, answer, given, slot, marks, protected, settlement, extension_sent: false };
    Box::pin(stream::unfold(outgoing, |mut outgoing| async move {
        let chunk = outgoing.next().await?;
        Some((chunk, outgoing))
    }))
}

impl Outgoing {
    async fn next(&mut self) -> Option<Result<ChatChunk>> {
        loop {
            let Some(event) = self.answer.next().await else {
                if let Some(slot) = self.slot.take() {
                    slot.keep_chunks(&self.settlement.meter.read());
                }
                return self.protected.restoring.last_chunk().map(Ok);
            };
            match event {
                Ok(ChatEvent::Chunk(mut chunk)) => {
                    self.marks.check(&mut chunk);
                    self.protected.restoring.restore_chunk(&mut chunk);
                    self.add_citations(&mut chunk);
                    if let Some(slot) = &mut self.slot {
                        slot.add(&chunk);
                    }
                    return Some(Ok(chunk));
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
