//! Checks an answer on its way: each text of each choice for itself, whole or in pieces. Removes, or
//! ends the answer with a sentence that says so. Knows the rules of the route that answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
};

use guard::{
    AnswerFilter, AnswerHit, AnswerRules, CodeRules, Form, LinkRules, Measure, Notices,
    PhraseRules, PromptLeak,
};
use llm::{AnswerPlace, ChatChunk, ChatRequest, ChatResponse, Role, openai::Head};

use super::{AnswerPolicy, restoring::form_of, ways::Ways};
use crate::{Language, wording};

static TOXICITY: LazyLock<Arc<PhraseRules>> = LazyLock::new(|| Arc::new(PhraseRules::toxicity()));
static CODE: LazyLock<Arc<CodeRules>> = LazyLock::new(|| Arc::new(CodeRules::default()));

/// The version of the lists behind the checks.
pub(crate) fn version() -> &'static str {
    TOXICITY.version().max(CODE.version())
}

/// Gets the rules ready; `None` if nobody looks.
pub(super) fn rules(policy: &AnswerPolicy) -> Option<Arc<AnswerRules>> {
    let allowed: Vec<&str> = policy.links_allowed.iter().map(String::as_str).collect();
    let rules = AnswerRules {
        links: (LinkRules::new(&allowed), policy.links),
        leak: policy.prompt_leak,
        toxicity: (TOXICITY.clone(), policy.toxicity),
        code: (CODE.clone(), policy.code),
    };
    (!rules.is_off()).then(|| Arc::new(rules))
}

/// What the system prompt of a request must not be seen as, and in which language notices are.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    leak: Option<Arc<PromptLeak>>,
    /// German where nobody ever gets a notice.
    pub(super) language: Language,
}

impl Asked {
    /// For what nobody looks at.
    pub(super) fn nothing() -> Self {
        Self { leak: None, language: Language::German }
    }

    /// For what has no conversation.
    pub(super) fn of_texts<'t>(ways: &Ways, texts: impl Iterator<Item = &'t str>) -> Self {
        let language = ways.gives_notices().then(|| language(llm::Language::of_first(texts)));
        Self { leak: None, language: language.unwrap_or(Language::German) }
    }

    pub(super) fn of(ways: &Ways, request: &ChatRequest) -> Self {
        let language = ways.gives_notices().then(|| language(request.language()));
        let set_up = |role| matches!(role, Role::System | Role::Developer);
        let prompts = request.messages().iter().filter(|message| set_up(message.role()));
        let leak = ways.compares_prompt().then(|| {
            let prompts: Vec<_> = prompts.map(llm::Message::text).collect();
            PromptLeak::of(&prompts.join("\n"))
        });
        Self {
            leak: leak.filter(|leak| !leak.is_empty()).map(Arc::new),
            language: language.unwrap_or(Language::German),
        }
    }
}

fn language(language: llm::Language) -> Language {
    match language {
        llm::Language::English => Language::English,
        llm::Language::German => Language::German,
    }
}

/// Checks one answer.
#[derive(Debug)]
pub(crate) struct Answers {
    rules: Arc<AnswerRules>,
    asked: Asked,
    notices: Arc<Notices>,
    /// Boxed: the map makes room for several, and most answers are one text.
    open: BTreeMap<(u64, String), Box<AnswerFilter>>,
    choices: BTreeSet<u64>,
    shown: Shown,
    head: Head,
    hits: Vec<AnswerHit>,
    has_removed: bool,
    is_stopped: bool,
}

/// How the text of each choice ended so far, so that a notice stands apart from it.
#[derive(Debug, Default)]
pub(super) struct Shown(BTreeMap<u64, char>);

impl Shown {
    /// Notes what was shown, if it is what the caller reads as the answer.
    pub(super) fn add(&mut self, choice: u64, place: &AnswerPlace, text: &str) {
        if let ("content" | "text", Some(last)) = (place, text.chars().next_back()) {
            self.0.insert(choice, last);
        }
    }

    /// A notice behind it, with a blank if there is something before that has none.
    pub(super) fn apart(&self, choice: u64, notice: String) -> String {
        let touches = self.0.get(&choice).is_some_and(|last| !last.is_whitespace());
        if touches { format!(" {notice}") } else { notice }
    }
}

impl Answers {
    pub(super) fn new(rules: Arc<AnswerRules>, asked: Asked) -> Self {
        let notice = |code| wording(asked.language, code, &[]);
        let notices = rules.holds_back().then(|| Notices {
            link: notice("guard_link_removed"),
            text: notice("guard_text_removed"),
        });
        Self {
            rules,
            asked,
            notices: Arc::new(notices.unwrap_or_default()),
            open: BTreeMap::new(),
            choices: BTreeSet::new(),
            shown: Shown::default(),
            head: Head::default(),
            hits: vec![],
            has_removed: false,
            is_stopped: false,
        }
    }

    /// Checks a whole answer.
    pub(crate) fn check(&mut self, response: &mut ChatResponse) {
        let mut stopped = BTreeSet::new();
        response.rewrite_all(&mut |choice, place, text| {
            let passed = self.push(choice, place, text);
            let rest = self.finish_at(choice, place);
            if std::mem::take(&mut self.is_stopped) {
                stopped.insert(choice);
            }
            passed + &rest
        });
        self.is_stopped = !stopped.is_empty();
        if self.is_stopped {
            response.withhold(&stopped, |choice| self.stop_notice(choice));
        }
        if self.is_stopped || self.has_removed {
            response.forget_log_probabilities();
        }
    }

    /// Checks a piece of an answer; the piece that ends a choice brings what was held back. Where the
    /// answer is stopped, the piece becomes the last.
    pub(crate) fn check_chunk(&mut self, chunk: &mut ChatChunk) {
        if self.head.id.is_empty() {
            self.head = chunk.head();
        }
        chunk.rewrite_all(&mut |choice, place, text| self.push(choice, place, text));
        for choice in chunk.ended_choices() {
            for (place, rest) in self.finish(choice) {
                chunk.append_at(choice, &place, &rest);
            }
        }
        if self.rules.holds_back() {
            // They come with the piece, whose text is held back for what may follow.
            chunk.forget_log_probabilities();
        }
        if self.is_stopped {
            chunk.withhold(&self.choices, |choice| self.stop_notice(choice));
        }
    }

    /// Where something is held back in a text. Arguments of tools wait for their end, whatever comes
    /// between.
    pub(crate) fn held(&self) -> impl Iterator<Item = (u64, String)> {
        let held = self.open.iter().filter(|(_, filter)| filter.holds());
        let texts = held.filter(|((_, place), _)| form_of(place) == Form::Text);
        texts.map(|(key, _)| key.clone())
    }

    /// Gives what is held back there. What may still come is judged together with what goes.
    pub(crate) fn let_go(&mut self, choice: u64, place: &AnswerPlace) -> String {
        let key = (choice, place.to_owned());
        let Some(mut filter) = self.open.remove(&key) else { return String::new() };
        let rest = self.rest_of(&key, &mut filter);
        self.open.insert(key, filter);
        rest
    }

    /// What an answer without an end of its own still holds back.
    pub(crate) fn last_chunk(&mut self) -> Option<ChatChunk> {
        let rest: String = self.finish(0).into_iter().map(|(_, rest)| rest).collect();
        let mut chunk =
            (self.is_stopped || !rest.is_empty()).then(|| self.head.text_chunk(&rest))?;
        if self.is_stopped {
            chunk.withhold(&self.choices, |choice| self.stop_notice(choice));
        }
        Some(chunk)
    }

    /// What the pieces of the answer share.
    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// Takes the next piece of a text and gives what may be passed on now.
    pub(crate) fn push(&mut self, choice: u64, place: &AnswerPlace, text: &str) -> String {
        if self.is_stopped {
            return String::new();
        }
        self.choices.insert(choice);
        let Self { rules, asked, notices, open, .. } = self;
        let new =
            || Box::new(AnswerFilter::new(rules, asked.leak.as_ref(), notices, form_of(place)));
        let filter = open.entry((choice, place.to_owned())).or_insert_with(new);
        let passed = filter.push(text);
        let (hits, is_stopped) = (filter.take_hits(), filter.is_stopped());
        self.note(hits, is_stopped);
        self.shown.add(choice, place, &passed);
        passed
    }

    /// Ends the texts of a choice and gives what they held back.
    pub(crate) fn finish(&mut self, choice: u64) -> Vec<(String, String)> {
        let places = self.open.keys().filter(|(owner, _)| *owner == choice);
        let places: Vec<String> = places.map(|(_, place)| place.clone()).collect();
        let rests = places.into_iter().map(|place| {
            let rest = self.finish_at(choice, &place);
            (place, rest)
        });
        rests.filter(|(_, rest)| !rest.is_empty()).collect()
    }

    /// The sentence that ends a choice which is stopped.
    pub(crate) fn stop_notice(&self, choice: u64) -> String {
        self.shown.apart(choice, wording(self.asked.language, "guard_stopped_notice", &[]))
    }

    /// Whether something was taken out.
    pub(crate) fn has_removed(&self) -> bool {
        self.has_removed
    }

    /// Whether the answer ends here.
    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// Takes the hits since the last call.
    pub(crate) fn take_hits(&mut self) -> Vec<AnswerHit> {
        std::mem::take(&mut self.hits)
    }

    fn finish_at(&mut self, choice: u64, place: &str) -> String {
        let key = (choice, place.to_owned());
        let filter = self.open.remove(&key);
        filter.map(|mut filter| self.rest_of(&key, &mut filter)).unwrap_or_default()
    }

    /// Takes what a text held back.
    fn rest_of(&mut self, (choice, place): &(u64, String), filter: &mut AnswerFilter) -> String {
        let rest = filter.finish();
        self.shown.add(*choice, place, &rest);
        self.note(filter.take_hits(), filter.is_stopped());
        rest
    }

    fn note(&mut self, hits: Vec<AnswerHit>, is_stopped: bool) {
        self.is_stopped |= is_stopped;
        self.has_removed |= hits.iter().any(|hit| hit.measure == Measure::Remove);
        self.hits.extend(hits);
    }
}
