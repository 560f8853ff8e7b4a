//! A chat request as the engine understands it.

use infer::{ExtractAnswer, ExtractRequest, Extractive, Speaker, estimate_tokens};
use llm::{ChatRequest, Grounding, Language, RequestError, Role, STRUCTURE_FIELDS};
use serde_json::Value;

/// What the engine needs of a request, owned so that it can be answered on another thread.
#[derive(Debug)]
pub(super) struct Question {
    text: String,
    language: Language,
    given: Given,
}

#[derive(Debug)]
enum Given {
    /// Numbered sources.
    Sources(Grounding),
    /// The conversation, which may carry its text itself.
    Conversation(Vec<(Speaker, String)>),
}

impl Question {
    /// Reads a request. What the engine cannot do is refused by name, never dropped silently.
    pub(super) fn of(request: &ChatRequest) -> Result<Self, RequestError> {
        check(request)?;
        let given = match &request.grounding {
            Some(grounding) => Given::Sources(grounding.clone()),
            None => Given::Conversation(conversation(request)),
        };
        Ok(Self { text: request.question(), language: request.language(), given })
    }

    /// Answers, and says how many tokens were read.
    pub(super) fn answer(&self) -> (ExtractAnswer, u64) {
        match &self.given {
            Given::Sources(grounding) => self.answer_from(grounding),
            Given::Conversation(messages) => {
                let messages: Vec<_> = messages
                    .iter()
                    .map(|(speaker, text)| infer::Message { speaker: *speaker, text })
                    .collect();
                let read = messages.iter().map(|message| estimate_tokens(message.text)).sum();
                (Extractive.answer_conversation(&messages), read)
            }
        }
    }

    fn answer_from(&self, grounding: &Grounding) -> (ExtractAnswer, u64) {
        let sources: Vec<_> = grounding
            .sources
            .iter()
            .map(|source| infer::Source {
                number: source.number,
                heading: &source.heading,
                text: &source.text,
            })
            .collect();
        let request = ExtractRequest {
            question: &self.text,
            sources: &sources,
            task: task(grounding.task),
            language: match self.language {
                Language::German => infer::Language::De,
                Language::English => infer::Language::En,
            },
        };
        (Extractive.answer(&request), request.prompt_tokens())
    }
}

fn task(task: llm::Task) -> infer::Task {
    use infer::SummaryLength::{Long, Medium, Short};
    match task {
        llm::Task::Answer => infer::Task::Answer,
        llm::Task::Summary(llm::SummaryLength::Short) => infer::Task::Summary { length: Short },
        llm::Task::Summary(llm::SummaryLength::Medium) => infer::Task::Summary { length: Medium },
        llm::Task::Summary(llm::SummaryLength::Long) => infer::Task::Summary { length: Long },
    }
}

fn conversation(request: &ChatRequest) -> Vec<(Speaker, String)> {
    let speaker = |role| match role {
        Role::System | Role::Developer => Some(Speaker::System),
        Role::User => Some(Speaker::User),
        Role::Assistant => Some(Speaker::Assistant),
        // No one asks this engine to use a tool.
        Role::Tool => None,
    };
    let messages = request.messages().iter();
    messages
        .filter_map(|message| Some((speaker(message.role())?, message.text().into_owned())))
        .collect()
}

fn check(request: &ChatRequest) -> Result<(), RequestError> {
    const TEXT_ONLY: &str = "cannot be used with the built-in engine, which gives text only";
    if request.n() > 1 {
        return Err(RequestError::unsupported(
            "n",
            "must be 1 for the built-in engine, which has one answer",
        ));
    }
    let refused = STRUCTURE_FIELDS
        .into_iter()
        .find(|name| request.field(name).is_some_and(|value| asks_for_more(name, value)));
    if let Some(name) = refused {
        return Err(RequestError::unsupported(name, TEXT_ONLY));
    }
    let with_parts = request.messages().iter().position(llm::Message::has_other_parts);
    match with_parts {
        Some(index) => Err(RequestError::unsupported(
            format!("messages[{index}].content"),
            "holds something other than text, which the built-in engine cannot read",
        )),
        None => Ok(()),
    }
}

/// Whether a field asks for more than plain text; empty lists and explicit defaults do not.
fn asks_for_more(name: &str, value: &Value) -> bool {
    match value {
        Value::Bool(wanted) => *wanted,
        Value::Array(items) => items.iter().any(|item| item != "text"),
        Value::Object(fields) if name == "response_format" => {
            fields.get("type").and_then(Value::as_str) != Some("text")
        }
        _ => true,
    }
}
