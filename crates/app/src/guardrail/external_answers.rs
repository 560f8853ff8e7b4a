//! Has an answer on its way judged by an external guardrail: whole, or in pieces of bounded size that
//! are held back until it has spoken. Knows not how it is asked.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::DataClass;
use guard::{AnswerHit, Event, Measure};
use llm::{ChatChunk, ChatResponse, openai::Head};

use super::answers::Shown;
use super::{ExternalPolicy, OnFailure, external::Question, prompt::Prompt};
use crate::{App, Language, Principal, wording};

/// How much new text is held back until the guardrail is asked about it, in bytes.
const PIECE_BYTES: usize = 1_024;
/// The same where nothing may be cut apart because something may have to be hidden from the guardrail;
/// beyond: it is asked all the same.
const WHOLE_BYTES_MAX: usize = 256 << 10;
/// Text that was judged before and is shown again with the next piece, in bytes.
const CONTEXT_BYTES: usize = 512;

/// One text of an answer.
#[derive(Debug, Default)]
struct Text {
    /// The end of what was judged, then what is new.
    shown: String,
    /// How much of it was judged before.
    judged: usize,
    /// Bytes of the text before that.
    offset: usize,
}

/// Has one answer judged.
pub(crate) struct ExternalAnswers {
    app: Arc<App>,
    principal: Principal,
    external: Arc<ExternalPolicy>,
    class: DataClass,
    language: Language,
    new_bytes_max: usize,
    texts: BTreeMap<(u64, String), Text>,
    new_bytes: usize,
    head: Head,
    held: Vec<ChatChunk>,
    held_text: String,
    shown: Shown,
    hits: Vec<AnswerHit>,
    is_stopped: bool,
}

impl ExternalAnswers {
    /// `None` if the policy wants no answers judged.
    pub(super) fn new(
        app: &Arc<App>,
        principal: &Principal,
        (external, class): (&Arc<ExternalPolicy>, DataClass),
        language: Language,
    ) -> Option<Self> {
        if external.output == Measure::Off {
            return None;
        }
        let cuts = !app.hides_outside(principal, external, class);
        Some(Self {
            app: Arc::clone(app),
            principal: principal.clone(),
            external: Arc::clone(external),
            class,
            language,
            new_bytes_max: if cuts { PIECE_BYTES } else { WHOLE_BYTES_MAX },
            texts: BTreeMap::new(),
            new_bytes: 0,
            head: Head::default(),
            held: vec![],
            shown: Shown::default(),
            held_text: String::new(),
            hits: vec![],
            is_stopped: false,
        })
    }

    /// Has a whole answer judged.
    pub(crate) async fn check(&mut self, response: &mut ChatResponse) {
        response.rewrite_all(&mut |choice, place, text| self.note(choice, place, text));
        if self.new_bytes > 0 {
            self.ask().await;
        }
        if self.is_stopped {
            response.rewrite_all(&mut |_, _, _| String::new());
            response.withhold(&self.choices(), |choice| self.stop_notice(choice));
            response.forget_log_probabilities();
        }
    }

    /// Takes the next piece of an answer, and at its end nothing; gives what may be handed on now.
    pub(crate) async fn pass(&mut self, chunk: Option<ChatChunk>) -> Vec<ChatChunk> {
        let is_last = chunk.is_none();
        let mut has_end = is_last;
        if let Some(mut chunk) = chunk {
            if self.head.id.is_empty() {
                self.head = chunk.head();
            }
            chunk.rewrite_all(&mut |choice, place, text| self.note(choice, place, text));
            has_end |= self.cuts() && !chunk.ended_choices().is_empty();
            self.held.push(chunk);
        }
        if self.new_bytes > 0 && (has_end || self.new_bytes >= self.new_bytes_max) {
            self.ask().await;
        }
        if self.is_stopped {
            self.held.clear();
            let mut last = self.head.text_chunk("");
            last.withhold(&self.choices(), |choice| self.stop_notice(choice));
            return vec![last];
        }
        let is_open = self.new_bytes == 0 || self.external.output < Measure::Stop;
        if !is_open {
            return vec![];
        }
        let mut passed = std::mem::take(&mut self.held);
        for chunk in &mut passed {
            chunk.rewrite_all(&mut |choice, place, text| {
                self.shown.add(choice, place, text);
                text.to_owned()
            });
        }
        passed
    }

    /// The same for an answer that is one text.
    pub(crate) async fn pass_text(&mut self, text: &str, is_last: bool) -> String {
        if self.is_stopped {
            return String::new();
        }
        self.held_text.push_str(text);
        let _unchanged = self.note(0, "content", text);
        if self.new_bytes > 0 && (is_last || self.new_bytes >= self.new_bytes_max) {
            self.ask().await;
        }
        if self.is_stopped {
            self.held_text.clear();
            return self.stop_notice(0);
        }
        let is_open = self.new_bytes == 0 || self.external.output < Measure::Stop;
        if !is_open {
            return String::new();
        }
        let passed = std::mem::take(&mut self.held_text);
        self.shown.add(0, "content", &passed);
        passed
    }

    /// Whether the answer ends here.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// What the pieces of the answer share.
    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// Takes the hits since the last call.
    pub(crate) fn take_hits(&mut self) -> Vec<AnswerHit> {
        std::mem::take(&mut self.hits)
    }

    fn cuts(&self) -> bool {
        self.new_bytes_max == PIECE_BYTES
    }

    fn choices(&self) -> BTreeSet<u64> {
        self.texts.keys().map(|(choice, _)| *choice).collect()
    }

    fn stop_notice(&self, choice: u64) -> String {
        self.shown.apart(choice, wording(self.language, "guard_stopped_notice", &[]))
    }

    fn note(&mut self, choice: u64, place: &str, text: &str) -> String {
        self.new_bytes += text.len();
        self.texts.entry((choice, place.to_owned())).or_default().shown.push_str(text);
        text.to_owned()
    }

    /// Asks about what is new.
    async fn ask(&mut self) {
        let new: Vec<&Text> = self.texts.values().filter(|one| one.is_new()).collect();
        let prompt = Arc::new(Prompt::of_texts(new.iter().map(|text| text.shown.as_str())));
        let (external, class) = (self.external.clone(), self.class);
        let question =
            Question { principal: &self.principal, external: &external, prompt: &prompt, class };
        let stops = external.output == Measure::Stop;
        let hits = self.hits.len();
        match self.app.ask_external(&question).await {
            Ok(events) => {
                let places: Vec<_> = prompt.texts().map(|(place, _)| place.start).collect();
                for event in events {
                    let text = places.partition_point(|start| *start <= event.start).max(1) - 1;
                    let start = event.start - places[text] + new[text].offset;
                    let end = start + event.end - event.start;
                    self.hits.push(hit(Event { start, end, ..event }, stops));
                    self.is_stopped |= stops;
                }
            }
            Err(silence) => {
                let stops = stops && external.on_failure == OnFailure::Refuse;
                let at = new.iter().map(|text| text.offset + text.judged).min();
                self.hits.push(hit(silence.event(at.unwrap_or_default()), stops));
                self.is_stopped |= stops;
            }
        }
        // What was found once is not shown again.
        let context = if self.hits.len() > hits { 0 } else { CONTEXT_BYTES };
        self.texts.values_mut().for_each(|text| text.forget(context));
        self.new_bytes = 0;
    }
}

impl Text {
    fn is_new(&self) -> bool {
        self.shown.len() > self.judged
    }

    /// Keeps of what was judged no more than is shown again.
    fn forget(&mut self, context: usize) {
        let keep = self.shown.len().saturating_sub(context);
        let keep = self.shown.floor_char_boundary(keep);
        self.shown.drain(..keep);
        self.offset += keep;
        self.judged = self.shown.len();
    }
}

fn hit(event: Event, stops: bool) -> AnswerHit {
    AnswerHit { event, measure: if stops { Measure::Stop } else { Measure::Report } }
}
