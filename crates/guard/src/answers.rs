//! Checks of an answer that arrives in pieces: links, a system prompt given away, abuse, code for
//! agents. Knows rules and what is to be done about each; knows nothing of where pieces are cut, and
//! whatever the cuts, the result is that of the whole text.

use std::ops::Range;
use std::sync::Arc;

use crate::code::CodeRules;
use crate::event::Event;
use crate::leak::PromptLeak;
use crate::links::{self, LinkRules};
use crate::phrases::PhraseRules;
use crate::placeholder::Form;

/// Text that was passed on and is still looked at, because a hit may have begun there.
const CONTEXT_BYTES: usize = 1_024;
/// Most text that is held back, in bytes; beyond: it is judged as it stands and passed on.
const HELD_BYTES_MAX: usize = 4_096;
/// The same for arguments of a tool, which nobody reads before their end.
const HELD_ARGUMENTS_BYTES_MAX: usize = 64 << 10;
/// Where nothing is held back, the text is looked at in portions of this size.
const PORTION_BYTES: usize = 512;

/// What is done about a hit in an answer. The order is that of strictness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Measure {
    /// Nobody looks.
    #[default]
    Off,
    /// It is counted and recorded.
    Report,
    /// What hit is replaced by a notice. In arguments of tools, where nothing can be taken out, the
    /// answer is stopped.
    Remove,
    /// The answer ends before the hit.
    Stop,
}

/// What is looked for in answers, and what is done about it.
#[derive(Debug, Clone)]
pub struct AnswerRules {
    /// Links that are dangerous or outside the list.
    pub links: (LinkRules, Measure),
    /// The system prompt given away.
    pub leak: Measure,
    /// Words of abuse.
    pub toxicity: (Arc<PhraseRules>, Measure),
    /// Unsafe code in arguments of tools.
    pub code: (Arc<CodeRules>, Measure),
}

impl AnswerRules {
    /// Whether nobody looks at anything.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.strictest() == Measure::Off
    }

    /// Whether text may be held back, to be removed or because the answer may end before it.
    #[must_use]
    pub fn holds_back(&self) -> bool {
        self.strictest() >= Measure::Remove
    }

    fn strictest(&self) -> Measure {
        let measures = [self.links.1, self.leak, self.toxicity.1, self.code.1];
        measures.into_iter().max().unwrap_or_default()
    }
}

/// A hit in an answer, and what was done about it. Its place counts from the start of the text as
/// the model wrote it.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerHit {
    /// Rule, place and score.
    pub event: Event,
    /// What was done.
    pub measure: Measure,
}

/// One kind of check of one text.
#[derive(Debug, Clone)]
enum Check {
    Links(Arc<AnswerRules>),
    Leak(Arc<PromptLeak>),
    Toxicity(Arc<PhraseRules>),
    Code(Arc<CodeRules>),
}

impl Check {
    fn inspect(&self, text: &str) -> Vec<Event> {
        match self {
            Self::Links(rules) => rules.links.0.inspect(text),
            Self::Leak(leak) => leak.inspect(text),
            Self::Toxicity(words) => words.inspect(text),
            Self::Code(code) => code.inspect(text),
        }
    }

    /// From where on more text could change what was found.
    fn open_from(&self, text: &str) -> usize {
        match self {
            Self::Links(rules) => rules.links.0.open_from(text),
            Self::Leak(leak) => leak.open_from(text),
            Self::Toxicity(words) => words.open_from(text),
            // Arguments are judged whole.
            Self::Code(_) => 0,
        }
    }

    /// What is to be left out of a text for a hit, each with what stands there instead.
    fn cuts(&self, text: &str, event: &Event, notices: &Notices) -> Vec<(Range<usize>, String)> {
        if !matches!(self, Self::Links(_)) {
            return vec![(event.start..event.end, notices.text.clone())];
        }
        let parts = links::parts(&text[event.start..event.end]).into_iter();
        let cuts = parts.map(|(part, is_noted)| {
            let cut = event.start + part.start..event.start + part.end;
            let glue = if part.start > 0 { " " } else { "" };
            (cut, if is_noted { format!("{glue}{}", notices.link) } else { String::new() })
        });
        cuts.collect()
    }
}

/// What stands in an answer where something was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notices {
    /// Instead of a link.
    pub link: String,
    /// Instead of other text.
    pub text: String,
}

/// A range of the buffer that is left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Cut {
    start: usize,
    end: usize,
    /// What stands there instead.
    notice: String,
    /// Where the hit ends that it belongs to.
    hit_end: usize,
}

/// A check on its way through a text.
#[derive(Debug, Clone)]
struct Progress {
    check: Check,
    measure: Measure,
    /// Up to here the buffer is judged.
    judged: usize,
}

/// Checks one text of an answer: its content, its reasoning, or the arguments of one tool call.
///
/// Where a hit is to be removed or to stop the answer, it holds back what may become one: a link until
/// it ends, a run of words of the system prompt, the length of the longest word of abuse, arguments
/// of a tool as a whole. Where hits are only reported, nothing is held back.
#[derive(Debug)]
pub struct AnswerFilter {
    checks: Vec<Progress>,
    notices: Arc<Notices>,
    held_max: usize,
    buffer: String,
    /// Up to here the buffer was passed on.
    sent: usize,
    /// Bytes of the text before the buffer.
    offset: usize,
    /// What of the buffer is to be left out, in order.
    cuts: Vec<Cut>,
    /// Where the last of them with a notice ended; 0 if there was none.
    removed_to: usize,
    hits: Vec<AnswerHit>,
    stopped: bool,
}

impl AnswerFilter {
    /// For a new text. `leak` is the system prompt, if there is one worth looking for.
    #[must_use]
    pub fn new(
        rules: &Arc<AnswerRules>,
        leak: Option<&Arc<PromptLeak>>,
        notices: &Arc<Notices>,
        form: Form,
    ) -> Self {
        let leak = leak.filter(|leak| !leak.is_empty());
        let leak = leak.map(|leak| (Check::Leak(leak.clone()), rules.leak));
        let checks = match form {
            Form::Text => vec![
                Some((Check::Links(rules.clone()), rules.links.1)),
                leak,
                Some((Check::Toxicity(rules.toxicity.0.clone()), rules.toxicity.1)),
            ],
            Form::Json => vec![leak, Some((Check::Code(rules.code.0.clone()), rules.code.1))],
        };
        let checks = checks.into_iter().flatten().filter(|(_, measure)| *measure > Measure::Off);
        let checks = checks.map(|(check, measure)| {
            let measure = match (form, measure) {
                (Form::Json, Measure::Remove) => Measure::Stop,
                (_, measure) => measure,
            };
            Progress { check, measure, judged: 0 }
        });
        Self {
            checks: checks.collect(),
            notices: notices.clone(),
            held_max: match form {
                Form::Text => HELD_BYTES_MAX,
                Form::Json => HELD_ARGUMENTS_BYTES_MAX,
            },
            buffer: String::new(),
            sent: 0,
            offset: 0,
            cuts: Vec::new(),
            removed_to: 0,
            hits: Vec::new(),
            stopped: false,
        }
    }

    /// Takes the next piece and gives what may be passed on now.
    #[must_use]
    pub fn push(&mut self, piece: &str) -> String {
        if self.checks.is_empty() {
            return piece.to_owned();
        }
        if self.stopped {
            return String::new();
        }
        self.buffer.push_str(piece);
        if self.hides() {
            return self.advance(false);
        }
        let judged = self.checks.iter().map(|one| one.judged).min().unwrap_or_default();
        if self.buffer.len() - judged >= PORTION_BYTES {
            let _nothing_held = self.advance(false);
        }
        self.sent = self.buffer.len();
        piece.to_owned()
    }

    /// The text is over for now: gives what was held back, judged as if nothing came after it. What
    /// does come is judged together with it.
    #[must_use]
    pub fn finish(&mut self) -> String {
        if self.checks.is_empty() || self.stopped {
            return String::new();
        }
        self.advance(true)
    }

    /// Whether something is held back.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.sent < self.buffer.len()
    }

    /// Whether the answer is to end here.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Takes the hits since the last call.
    pub fn take_hits(&mut self) -> Vec<AnswerHit> {
        std::mem::take(&mut self.hits)
    }

    fn hides(&self) -> bool {
        self.checks.iter().any(|one| one.measure >= Measure::Remove)
    }

    /// Judges what can be judged and gives what may be passed on.
    fn advance(&mut self, is_last: bool) -> String {
        let (mut pass, stop) = self.judge_all(is_last);
        if let Some(stop) = stop {
            self.stopped = true;
            // What stands before is the whole answer now, and the other checks judge it as such.
            self.end_at(stop.max(self.sent));
            let (whole, earlier) = self.judge_all(true);
            pass = earlier.unwrap_or(whole).min(whole);
        }
        self.cuts.sort_unstable();
        let halved = self.cuts.iter().find(|cut| cut.start < pass && pass < cut.end);
        pass = halved.map_or(pass, |cut| cut.start);
        let passed = self.pass(pass.max(self.sent));
        self.forget();
        passed
    }

    /// Ends the text here. What was found across the new end is judged again, as it stands now.
    fn end_at(&mut self, end: usize) {
        self.buffer.truncate(end);
        let over = self.cuts.iter().filter(|cut| cut.hit_end > end).map(|cut| cut.start).min();
        let Some(from) = over else { return };
        self.cuts.retain(|cut| cut.hit_end <= from);
        let is_before = |hit: &AnswerHit| hit.event.end <= self.offset + from;
        self.hits.retain(|hit| hit.measure != Measure::Remove || is_before(hit));
        self.checks.iter_mut().for_each(|one| one.judged = one.judged.min(from));
    }

    /// Lets all checks judge; gives up to where nothing is open, and where the answer is to stop.
    fn judge_all(&mut self, is_last: bool) -> (usize, Option<usize>) {
        let mut pass = self.buffer.len();
        let mut stop: Option<usize> = None;
        for at in 0..self.checks.len() {
            let (open, ripe) = self.ripe(at, is_last);
            if self.checks[at].measure >= Measure::Remove {
                pass = pass.min(open);
            }
            for event in &ripe {
                stop = stop.into_iter().chain(self.judge(at, event)).min();
            }
            self.checks[at].judged = open;
        }
        (pass, stop)
    }

    /// Up to where a check can judge the buffer now, and its hits until there.
    fn ripe(&self, at: usize, is_last: bool) -> (usize, Vec<Event>) {
        let end = self.buffer.len();
        let Progress { check, judged, .. } = &self.checks[at];
        let judged = &(*judged).min(end);
        let is_whole = is_last || end - judged > self.held_max;
        let open = if is_whole { end } else { check.open_from(&self.buffer) };
        if open <= *judged {
            return (*judged, vec![]);
        }
        let mut events = check.inspect(&self.buffer);
        // What reaches over the border is judged when it is whole.
        let over = events.iter().filter(|event| event.start < open && open < event.end);
        let open = over.map(|event| event.start).min().unwrap_or(open).max(*judged);
        events.retain(|event| *judged < event.end && event.end <= open);
        (open, events)
    }

    /// Notes a hit; gives where the answer is to stop.
    fn judge(&mut self, at: usize, event: &Event) -> Option<usize> {
        let one = &self.checks[at];
        let start = event.start.max(self.sent);
        if one.measure == Measure::Remove && start < event.end {
            let cuts = one.check.cuts(&self.buffer, event, &self.notices);
            let cuts = cuts.into_iter().map(|(cut, notice)| Cut {
                start: cut.start.max(start),
                end: cut.end,
                notice,
                hit_end: event.end,
            });
            self.cuts.extend(cuts.filter(|cut| cut.start < cut.end));
        }
        let stop = (one.measure == Measure::Stop).then_some(start);
        let place = self.offset + event.start..self.offset + event.end;
        let event = Event { start: place.start, end: place.end, ..event.clone() };
        self.hits.push(AnswerHit { event, measure: one.measure });
        stop
    }

    /// Passes on up to `pass`, without what is cut.
    fn pass(&mut self, pass: usize) -> String {
        let mut text = String::with_capacity(pass - self.sent);
        let mut at = self.sent;
        for Cut { start, end, notice, .. } in &self.cuts {
            if *start >= pass {
                break;
            }
            if *start >= at {
                text.push_str(&self.buffer[at..*start]);
                // One notice is enough for a hit that came in two parts.
                if *start > self.removed_to || self.removed_to == 0 {
                    text.push_str(notice);
                }
            }
            at = at.max(*end);
            if !notice.is_empty() {
                self.removed_to = at;
            }
        }
        if at < pass {
            text.push_str(&self.buffer[at..pass]);
        }
        self.sent = pass.max(at);
        let sent = self.sent;
        self.cuts.retain(|cut| cut.end > sent);
        text
    }

    /// Lets go of what no hit can begin in any more.
    fn forget(&mut self) {
        let judged = self.checks.iter().map(|one| one.judged).min().unwrap_or_default();
        let keep = self.sent.min(judged).saturating_sub(CONTEXT_BYTES);
        let keep = self.buffer.floor_char_boundary(keep);
        if keep < CONTEXT_BYTES {
            return;
        }
        self.buffer.drain(..keep);
        self.offset += keep;
        self.sent -= keep;
        self.removed_to = self.removed_to.saturating_sub(keep);
        self.checks.iter_mut().for_each(|one| one.judged -= keep);
        for cut in &mut self.cuts {
            cut.start -= keep;
            cut.end -= keep;
            cut.hit_end -= keep;
        }
    }
}
