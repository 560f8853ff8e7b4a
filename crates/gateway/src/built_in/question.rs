//! A chat request as the engine understands it.

use infer::{ExtractAnswer, ExtractRequest, Extractive, Speaker, estimate_tokens};
use llm::{ChatRequest, Grounding, Language, RequestError, Role, TextModel};

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
        TextModel::BuiltIn.check(request)?;
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
        Role::System | Role::Developer => Speaker::System,
        Role::User => Speaker::User,
        // No result of a tool comes so far.
        Role::Assistant | Role::Tool => Speaker::Assistant,
    };
    let messages = request.messages().iter();
    messages.map(|message| (speaker(message.role()), message.text().into_owned())).collect()
}
