//! Checks what was said in a recording as the answer that it is: whole, or in events that are held
//! back until the last one has come. Knows no rule itself.

use std::sync::Arc;

use domain::ErrorKind;
use gateway::{Sound, Taken};
use guard::Measure;
use llm::{ChatResponse, OperationResponse, TypedEvent};

use super::Protected;
use crate::{App, Error, Result, settlement::Settlement};

/// Longest transcript in events that is checked, in bytes, some forty hours of speech; beyond: the
/// stream ends with an error.
const TEXT_BYTES_MAX: usize = 4 << 20;

/// Checks one transcript that comes in events.
pub(crate) struct TranscriptCheck {
    app: Arc<App>,
    taken: Taken,
    protected: Protected,
    /// Whether nothing may be seen before it was checked.
    holds_back: bool,
    held: Vec<TypedEvent>,
    text: String,
}

impl App {
    /// Checks the text of a whole transcript; times of its words go where a text was changed.
    pub(crate) async fn check_transcript(
        self: &Arc<Self>,
        taken: &Taken,
        protected: &Protected,
        transcript: &mut OperationResponse,
        settlement: &mut Settlement,
    ) {
        let text = transcript.transcript().to_owned();
        if let Some(text) = self.checked_speech(taken, protected, &text, settlement).await {
            transcript.replace_transcript(&text);
        }
    }

    /// Checks a transcript that is a text or subtitles.
    pub(crate) async fn check_subtitles(
        self: &Arc<Self>,
        taken: &Taken,
        protected: &Protected,
        transcript: &mut Sound,
        settlement: &mut Settlement,
    ) {
        let text = String::from_utf8_lossy(&transcript.bytes).into_owned();
        if let Some(text) = self.checked_speech(taken, protected, &text, settlement).await {
            transcript.bytes = text.into();
        }
    }

    /// What checks the events of a transcript; `None` if nobody looks.
    pub(crate) fn transcript_check(
        self: &Arc<Self>,
        taken: Taken,
        protected: Protected,
        settlement: &Settlement,
    ) -> Option<TranscriptCheck> {
        let tenant = settlement.principal.tenant;
        let rail = self.guardrails.of(tenant, &taken.model, &taken.route);
        let (answers, external) = (rail.answers.as_ref(), rail.policy.external.as_ref());
        let output = external.map_or(Measure::Off, |external| external.output);
        let holds_back = answers.is_some_and(|rules| rules.holds_back()) || output >= Measure::Stop;
        let is_checked = answers.is_some() || output > Measure::Off;
        is_checked.then(|| TranscriptCheck {
            app: Arc::clone(self),
            taken,
            protected,
            holds_back,
            held: vec![],
            text: String::new(),
        })
    }

    /// What becomes of a text; `None` if it stays.
    async fn checked_speech(
        self: &Arc<Self>,
        taken: &Taken,
        protected: &Protected,
        text: &str,
        settlement: &mut Settlement,
    ) -> Option<String> {
        let mut answer = ChatResponse::of_text(text);
        let principal = settlement.principal.clone();
        self.check_answer((&principal, taken), protected, &mut answer, settlement).await;
        (answer.text() != text).then(|| answer.text().to_owned())
    }
}

impl TranscriptCheck {
    /// Takes the next event and gives what may be handed on now.
    ///
    /// # Errors
    /// If the transcript is too long to be checked.
    pub(crate) async fn pass(
        &mut self,
        mut event: TypedEvent,
        settlement: &mut Settlement,
    ) -> Result<Vec<TypedEvent>> {
        self.text.push_str(event.delta());
        if self.text.len() > TEXT_BYTES_MAX {
            return Err(Error::new(ErrorKind::UpstreamFailed, "upstream_failed"));
        }
        if !event.is_last() {
            let mut events = vec![event];
            if self.holds_back {
                self.held.append(&mut events);
            }
            return Ok(events);
        }
        let mut events = std::mem::take(&mut self.held);
        let told = event.text().filter(|text| !text.is_empty()).unwrap_or(&self.text).to_owned();
        let checked =
            self.app.checked_speech(&self.taken, &self.protected, &told, settlement).await;
        if let Some(text) = checked {
            events = vec![TypedEvent::of_delta(&text)];
            event.replace_text(&text);
        }
        events.push(event);
        Ok(events)
    }
}
