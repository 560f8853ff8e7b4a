//! Runs: an answer in the making. It belongs to the process, goes on when the browser goes away,
//! and whoever comes back sees the text so far and then the rest.

use std::{pin::Pin, sync::Arc, time::Duration};

use domain::{DataClass, Instant, MessageId, RunId};
use futures_util::Stream;
use gateway::ChatStream;
use llm::{ChatEvent, ChatRequest, Role};
use store::{
    Message, MessageRole, ObjectKind, RouteUsed, Run, RunEnd, RunPulse, RunState, Silent,
    TokenUsage,
};
use tracing::Instrument;

use crate::{
    App, Principal, Result, RunEvent, RunSnapshot, Stage,
    conversations::authorise_own,
    grounding::Given,
    guardrail::{Answers, ExternalAnswers, Protected},
    live::{LiveRun, Place},
    marks::Marks,
    settlement::Settlement,
};

/// The text so far is written down this often, which is also the run's sign of life. A killed
/// process loses no more of an unfinished answer than this.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);
/// A run without a sign of life for so long was left behind by a process that is gone.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// How often a run of another process is looked at for watchers here.
const REMOTE_POLL: Duration = Duration::from_millis(500);
/// Most characters of earlier messages that a model reads again; the oldest are left out.
const HISTORY_CHARS_MAX: usize = 24_000;
/// Longest answer, in bytes; beyond: it ends as it stands.
const ANSWER_BYTES_MAX: usize = 1_000_000;

/// What happens to a run, from the beginning.
pub type RunEvents = Pin<Box<dyn Stream<Item = RunEvent> + Send>>;

/// What a run needs to know.
pub(crate) struct Work {
    pub(crate) principal: Principal,
    pub(crate) question: Message,
    /// What was said before and may be read again.
    pub(crate) before: Vec<Message>,
    /// The class of the whole run.
    pub(crate) class: DataClass,
    /// Kept until the run has ended.
    pub(crate) place: Place,
}

impl App {
    /// Watches a run: everything so far, then everything that follows, until it ends.
    ///
    /// # Errors
    /// If the run is not the principal's own.
    pub async fn watch_run(
        self: &Arc<Self>,
        principal: &Principal,
        id: RunId,
    ) -> Result<RunEvents> {
        authorise_own(principal)?;
        let run = self.store.run(principal.tenant, principal.user, id).await;
        let run = self.found(principal, ObjectKind::Run, id, run).await?;
        let live = self.live.get(id);
        if let Some(live) =
            live.filter(|live| live.owner == principal.user && live.tenant == principal.tenant)
        {
            return Ok(Box::pin(live.watch()));
        }
        self.watch_stored(principal, run).await
    }

    /// Stops a run; what was written stays.
    ///
    /// # Errors
    /// If the run is not the principal's own.
    pub async fn stop_run(&self, principal: &Principal, id: RunId) -> Result<()> {
        authorise_own(principal)?;
        let stopped = self.store.request_stop(principal.tenant, principal.user, id).await;
        self.found(principal, ObjectKind::Run, id, stopped).await?;
        if let Some(live) = self.live.get(id) {
            live.stop.cancel();
        }
        Ok(())
    }

    /// Ends runs that a dead process left behind, now and from time to time. `is_alone` says that no
    /// other process can be running, as on SQLite.
    ///
    /// # Errors
    /// If the store fails at the start.
    pub async fn end_abandoned_runs(self: &Arc<Self>, is_alone: bool) -> Result<()> {
        if is_alone {
            let others = Silent::AllBut(self.config.instance.clone());
            self.store.interrupt_runs(&others).await?;
            return Ok(());
        }
        let app = self.clone();
        self.tasks.spawn(async move {
            loop {
                let silent = Silent::Since(Instant::now().before(SILENCE_MAX));
                if let Err(error) = app.store.interrupt_runs(&silent).await {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "abandoned runs were not ended"
                    );
                }
                tokio::select! {
                    () = app.stopping.cancelled() => return,
                    () = tokio::time::sleep(SILENCE_MAX / 3) => {}
                }
            }
        });
        Ok(())
    }

    /// A run of another process, or one that has ended: looks into the store.
    async fn watch_stored(self: &Arc<Self>, principal: &Principal, run: Run) -> Result<RunEvents> {
        let live = LiveRun::new(run.id, principal.tenant, principal.user);
        let message = self.kept_message(principal, run.message).await?;
        if message.run.as_ref().is_none_or(|latest| latest.id != run.id) {
            // Another run has taken its place: nothing of this one is left.
            live.update(|snapshot| {
                snapshot.state = run.state;
                snapshot.reason.clone_from(&run.reason);
            });
            return Ok(Box::pin(live.watch()));
        }
        show_stored(&live, &message);
        if run.state == RunState::Running {
            let (app, principal, copy) = (self.clone(), principal.clone(), live.clone());
            self.tasks.spawn(async move { app.follow_stored(&principal, &message, &copy).await });
        }
        Ok(Box::pin(live.watch()))
    }

    /// A message as its owner may read it now.
    async fn kept_message(&self, principal: &Principal, id: MessageId) -> Result<Message> {
        let mut message = self.store.message(principal.tenant, principal.user, id).await?;
        self.conceal_gone(principal, std::slice::from_mut(&mut message)).await?;
        Ok(message)
    }

    async fn follow_stored(&self, principal: &Principal, message: &Message, copy: &LiveRun) {
        loop {
            tokio::select! {
                () = self.stopping.cancelled() => {
                    // The run goes on elsewhere; only this watching of it ends.
                    copy.update(|snapshot| snapshot.state = RunState::Failed);
                    return;
                }
                () = tokio::time::sleep(REMOTE_POLL) => {}
            }
            let Ok(now) = self.kept_message(principal, message.id).await else {
                copy.update(|snapshot| snapshot.state = RunState::Failed);
                return;
            };
            show_stored(copy, &now);
            let has_ended = now.run.as_ref().is_none_or(|run| run.state != RunState::Running);
            if has_ended || copy.is_unwatched() {
                return;
            }
        }
    }

    pub(crate) fn start_run(self: &Arc<Self>, run: &Run, work: Work) {
        let live = LiveRun::new(run.id, work.principal.tenant, work.principal.user);
        self.live.insert(live.clone());
        let app = self.clone();
        let writing = async move {
            app.write_answer(&work, &live).await;
            drop(work.place);
        };
        // The run goes on without the request that began it, in the same trace.
        self.tasks.spawn(writing.in_current_span());
    }

    async fn write_answer(self: &Arc<Self>, work: &Work, live: &LiveRun) {
        let mut writing = Writing::default();
        let outcome = tokio::select! {
            outcome = self.answer(work, live, &mut writing) => outcome,
            () = self.keep_alive(live) => Ok(RunState::Stopped),
            () = live.stop.cancelled() => Ok(RunState::Stopped),
        };
        let (state, reason) = match outcome {
            Ok(state) => (state, None),
            Err(error) => {
                tracing::warn!(
                    run.id = %live.id,
                    error.code = error.code,
                    error = &error as &dyn std::error::Error,
                    "an answer broke off"
                );
                (RunState::Failed, Some(reason_of(&error).to_owned()))
            }
        };
        let class = writing.class.unwrap_or(work.class);
        let mut end = writing.end(state, reason, live.snapshot().text);
        end.data_class = Some(class);
        self.finish(&work.principal, live, end).await;
    }

    /// Writes the end down, then shows what was written: what a watcher saw as done is done, without
    /// quotes from documents that were deleted meanwhile.
    async fn finish(&self, principal: &Principal, live: &LiveRun, end: RunEnd) {
        let mut written = self.store.finish_run(live.id, &end).await;
        for _ in 0..5 {
            if written.is_ok() {
                break;
            }
            tokio::time::sleep(SAVE_INTERVAL).await;
            written = self.store.finish_run(live.id, &end).await;
        }
        match written {
            Ok(Some(written)) => {
                show_end(live, RunEnd { text: written.text, citations: written.citations, ..end });
            }
            Ok(None) => self.show_ended(principal, live, end).await,
            Err(error) => {
                // The run stays open in the store and is ended as interrupted at the next start.
                tracing::error!(
                    run.id = %live.id,
                    error = &error as &dyn std::error::Error,
                    "the end of an answer was not written down"
                );
                show_end(live, end);
            }
        }
        self.live.remove(live.id);
    }

    /// Shows how a run stands that was ended by somebody else, or by us without our knowing. It may
    /// have been deleted with its conversation.
    async fn show_ended(&self, principal: &Principal, live: &LiveRun, end: RunEnd) {
        let stored = async {
            let run = self.store.run(principal.tenant, principal.user, live.id).await?;
            self.kept_message(principal, run.message).await
        };
        match stored.await {
            Ok(message) if message.run.as_ref().is_some_and(|run| run.id == live.id) => {
                show_stored(live, &message);
            }
            _ => {
                // Nobody can say what it may still quote.
                let mut end = end;
                store::conceal(&mut end.text, &mut end.citations, |_| true);
                show_end(live, end);
            }
        }
    }

    /// Writes the text so far down from time to time; returns when the run shall stop.
    async fn keep_alive(&self, live: &LiveRun) {
        let mut saved = 0;
        loop {
            tokio::time::sleep(SAVE_INTERVAL).await;
            let snapshot = live.snapshot();
            let pulse = if snapshot.text.len() == saved {
                self.store.heartbeat_run(live.id).await
            } else {
                saved = snapshot.text.len();
                self.store.save_run_text(live.id, &snapshot.text).await
            };
            match pulse {
                Ok(RunPulse::Running) => {}
                Ok(RunPulse::StopRequested | RunPulse::Gone) => return,
                Err(error) => tracing::warn!(
                    run.id = %live.id,
                    error = &error as &dyn std::error::Error,
                    "the text so far was not written down"
                ),
            }
        }
    }

    async fn answer(
        self: &Arc<Self>,
        work: &Work,
        live: &LiveRun,
        writing: &mut Writing,
    ) -> Result<RunState> {
        let Work { principal, question, before, .. } = work;
        let documents: Vec<_> = question.attachments.iter().map(|file| file.document).collect();
        let scope = self.check_scope(principal, &question.collections, &documents).await?;
        let task = task_of(question);
        let mut request = ChatRequest::new(
            question.model.clone().unwrap_or_else(|| self.default_model(principal)),
            messages_for_model(before, question),
        );
        if !scope.is_empty() {
            if task != llm::Task::Answer {
                live.update(|now| now.stage = Stage::Reading);
            }
            let given = self.gather(principal, &scope, &question.text, task).await?;
            request.grounding = Some(given.grounding(task));
            writing.given = given;
        }
        live.update(|now| now.stage = Stage::Writing);
        // A class that has risen since the question is obeyed here, and refused by the gateway.
        let class = work.class.max(scope.class);
        writing.class = Some(class);
        if let Some(cheaper) = self.stand_in(principal, &request, class) {
            request.set_model(&cheaper);
        }
        let protected = self.protect(principal, &mut request, class).await?;
        writing.class = Some(protected.class);
        let mut settlement = Settlement::new(self, principal, protected.class)?;
        settlement.guarded(&protected.note);
        writing.protected = Some(protected);
        let streamed =
            self.stream_answer(principal, &request, (&mut settlement, writing), live).await;
        let metered = settlement.meter.read();
        writing.usage = Some(TokenUsage {
            prompt_tokens: metered.usage.prompt_tokens,
            completion_tokens: metered.usage.completion_tokens,
            estimated: metered.is_estimated,
        });
        if streamed.is_err() {
            settlement.failed();
        }
        streamed.map(|()| RunState::Done)
    }

    async fn stream_answer(
        self: &Arc<Self>,
        principal: &Principal,
        request: &ChatRequest,
        (settlement, writing): (&mut Settlement, &mut Writing),
        live: &LiveRun,
    ) -> Result<()> {
        let failed = |writing: &Writing, error| {
            let shown = match &writing.protected {
                Some(protected) => protected.restoring.in_refusal(error),
                None => error,
            };
            self.gateway_error(principal, shown)
        };
        let mut terms =
            settlement.reserve(request.model(), writing.protected.as_ref(), request).await?;
        if let Some(protected) = &writing.protected {
            terms = self.guarded_terms(terms, request.model(), protected);
        }
        let answer = self.gateway.chat(request, terms, &settlement.meter).await;
        let mut answer: ChatStream = answer.map_err(|error| failed(writing, error))?;
        let taken = answer.taken();
        if request.grounding.is_some() {
            writing.marks = self.marks(taken, &writing.given);
        }
        let checks = |protected| self.answers(principal, taken, protected);
        writing.answers = writing.protected.as_ref().and_then(checks);
        let asks = |protected| self.external_answers(principal, taken, protected);
        writing.external = writing.protected.as_ref().and_then(asks);
        writing.taken = Some(RouteUsed { name: taken.route.clone(), place: taken.place });
        while let Some(event) = answer.next().await {
            match event.map_err(|error| failed(writing, error))? {
                ChatEvent::Chunk(chunk) => {
                    let text = writing.marks.push(0, chunk.text());
                    let text = writing.restore(&text);
                    let text = writing.check(&text, settlement);
                    let text = writing.ask_outside(text, false, settlement).await;
                    if !text.is_empty() {
                        live.update(|now| now.text.push_str(&text));
                    }
                }
                ChatEvent::Citation(quote) => writing.quotes.push(quote),
            }
            if live.text_len() > ANSWER_BYTES_MAX || writing.is_stopped() {
                break;
            }
        }
        let rest = writing.marks.finish(0);
        let rest = writing.restore_rest(&rest);
        let rest = writing.check_rest(&rest, settlement);
        let rest = writing.ask_outside(rest, true, settlement).await;
        live.update(|now| now.text.push_str(&rest));
        Ok(())
    }
}

/// What is known about an answer besides its text.
#[derive(Default)]
struct Writing {
    given: Given,
    marks: Marks,
    /// What was done to the request; `None` as long as it was not looked at.
    protected: Option<Protected>,
    /// What checks the answer; `None` if nobody looks.
    answers: Option<Answers>,
    /// Asks outside about the answer; `None` if nobody does.
    external: Option<ExternalAnswers>,
    taken: Option<RouteUsed>,
    /// The class that the call obeyed; `None` as long as there is none.
    class: Option<DataClass>,
    quotes: Vec<llm::Citation>,
    usage: Option<TokenUsage>,
}

impl Writing {
    /// Puts the originals back into a piece of the text.
    fn restore(&mut self, piece: &str) -> String {
        match &mut self.protected {
            Some(protected) => protected.restoring.push(0, "content", piece),
            None => piece.to_owned(),
        }
    }

    /// Puts the originals back into the last piece, and gives what was held back.
    fn restore_rest(&mut self, piece: &str) -> String {
        let mut rest = self.restore(piece);
        let held = self.protected.iter_mut().flat_map(|protected| protected.restoring.finish(0));
        rest.extend(held.map(|(_, held)| held));
        rest
    }

    /// Checks a piece of the text.
    fn check(&mut self, piece: &str, settlement: &mut Settlement) -> String {
        let Some(answers) = &mut self.answers else { return piece.to_owned() };
        let text = answers.push(0, "content", piece);
        settlement.answer_guarded(&answers.take_hits());
        text
    }

    /// Checks the last piece, and gives what was held back; says so if the answer was stopped.
    fn check_rest(&mut self, piece: &str, settlement: &mut Settlement) -> String {
        let mut rest = self.check(piece, settlement);
        let Some(answers) = &mut self.answers else { return rest };
        rest.extend(answers.finish(0).into_iter().map(|(_, held)| held));
        settlement.answer_guarded(&answers.take_hits());
        if answers.is_stopped() {
            rest.push_str(&answers.stop_notice(0));
        }
        rest
    }

    /// What of a checked piece may be shown, once nobody outside minds.
    async fn ask_outside(
        &mut self,
        piece: String,
        is_last: bool,
        settlement: &mut Settlement,
    ) -> String {
        let Some(external) = &mut self.external else { return piece };
        let text = external.pass_text(&piece, is_last).await;
        settlement.answer_guarded(&external.take_hits());
        text
    }

    fn is_stopped(&self) -> bool {
        self.answers.as_ref().is_some_and(Answers::is_stopped)
            || self.external.as_ref().is_some_and(ExternalAnswers::is_stopped)
    }

    /// Not a failure, but what a person should know about the answer.
    fn remark(&self) -> Option<&'static str> {
        let answers = self.answers.as_ref();
        if self.is_stopped() {
            Some("guard_stopped")
        } else if answers.is_some_and(Answers::has_removed) {
            Some("guard_removed")
        } else {
            let hidden = self.protected.as_ref().is_some_and(|protected| protected.hidden);
            hidden.then_some("guard_hidden")
        }
    }

    fn citations(&self) -> Vec<store::Citation> {
        match &self.protected {
            Some(protected) => protected.citations(&self.given, &self.quotes, self.marks.cited()),
            None => vec![],
        }
    }

    fn end(self, state: RunState, reason: Option<String>, text: String) -> RunEnd {
        RunEnd {
            state,
            reason: reason.or_else(|| self.remark().map(str::to_owned)),
            text,
            citations: self.citations(),
            removed_citations: self.marks.removed(),
            model: None,
            route: self.taken,
            data_class: None,
            usage: self.usage,
        }
    }
}

fn task_of(question: &Message) -> llm::Task {
    match question.task {
        Some(store::Task::Summary { length }) => llm::Task::Summary(match length {
            store::SummaryLength::Short => llm::SummaryLength::Short,
            store::SummaryLength::Medium => llm::SummaryLength::Medium,
            store::SummaryLength::Long => llm::SummaryLength::Long,
        }),
        _ => llm::Task::Answer,
    }
}

/// The end of the conversation so far, then the question.
fn messages_for_model(before: &[Message], question: &Message) -> Vec<llm::Message> {
    let mut left = HISTORY_CHARS_MAX;
    let mut kept: Vec<llm::Message> = before
        .iter()
        .rev()
        .filter(|message| !message.text.is_empty())
        .take_while(|message| {
            let length = message.text.chars().count();
            let fits = length <= left;
            left = left.saturating_sub(length);
            fits
        })
        .map(|message| match message.role {
            MessageRole::User => llm::Message::new(Role::User, message.text.clone()),
            MessageRole::Assistant => llm::Message::new(Role::Assistant, message.text.clone()),
        })
        .collect();
    kept.reverse();
    kept.push(llm::Message::new(Role::User, question.text.clone()));
    kept
}

fn show_end(live: &LiveRun, end: RunEnd) {
    live.update(|snapshot| {
        snapshot.text = end.text;
        snapshot.citations = end.citations;
        snapshot.removed_citations = end.removed_citations;
        snapshot.usage = end.usage;
        snapshot.state = end.state;
        snapshot.reason = end.reason;
    });
}

fn show_stored(copy: &LiveRun, message: &Message) {
    let run = message.run.as_ref();
    let state = run.map_or(RunState::Failed, |run| run.state);
    let reason = run.and_then(|run| run.reason.clone());
    let shown = copy.snapshot();
    if shown.text == message.text && shown.state == state {
        return;
    }
    copy.update(|snapshot: &mut RunSnapshot| {
        snapshot.stage = Stage::Writing;
        snapshot.text.clone_from(&message.text);
        snapshot.citations.clone_from(&message.citations);
        snapshot.removed_citations = message.removed_citations;
        snapshot.usage = message.usage;
        snapshot.state = state;
        snapshot.reason = reason;
    });
}

/// The code that a run keeps. It keeps no figures, so that those of a limit are left to the page of
/// limits, where each sees their own.
fn reason_of(error: &crate::Error) -> &'static str {
    match error.code {
        _ if error.hinted() == Some("class_raised") => "clearance_raised",
        "limit_requests" | "limit_tokens" | "limit_concurrent" => "run_over_limit",
        "limit_context" => "run_too_long",
        "budget_tokens" | "budget_cost" | "budget_route" => "run_over_budget",
        code => code,
    }
}
