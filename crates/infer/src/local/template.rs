//! The chat template of a file: from a conversation to the one text that the model goes on writing.
//! The template comes with the file and is a program; it gets no clock, no files and limited steps.

use minijinja::{Environment, Error, ErrorKind, Value, context};

use super::{PromptError, Speaker, Turn, Unsuited, gguf::Gguf, vocabulary::Vocabulary};

/// Most steps of a template; beyond: the prompt is refused.
const STEPS_MAX: u64 = 1_000_000;
const NAME: &str = "chat";

/// A template that can be read.
#[derive(Debug)]
pub(super) struct Template {
    environment: Environment<'static>,
    begin: String,
    end: String,
}

impl Template {
    pub fn of(gguf: &Gguf, vocabulary: &Vocabulary) -> Result<Self, Unsuited> {
        let source = gguf.text("tokenizer.chat_template").ok_or(Unsuited::NoTemplate)?;
        let mut environment = Environment::new();
        // As those who write such templates are used to.
        let syntax =
            environment.syntax().to_builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.expect("the usual marks"));
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.set_fuel(Some(STEPS_MAX));
        environment.add_function("raise_exception", |text: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, text))
        });
        let added = environment.add_template_owned(NAME, source.to_owned());
        added.map_err(|error| Unsuited::Template(error.to_string()))?;
        let (begin, end) = (vocabulary.text_of_begin().to_owned(), vocabulary.text_of_end(gguf));
        Ok(Self { environment, begin, end })
    }

    /// The prompt of a conversation, ready for the answer.
    pub fn render(&self, turns: &[Turn], vocabulary: &Vocabulary) -> Result<String, PromptError> {
        let messages: Vec<Value> = turns
            .iter()
            .map(|turn| {
                let role = match turn.speaker {
                    Speaker::System => "system",
                    Speaker::User => "user",
                    Speaker::Assistant => "assistant",
                };
                context! { role, content => vocabulary.tame(&turn.text) }
            })
            .collect();
        let template = self.environment.get_template(NAME);
        let rendered = template.and_then(|template| {
            template.render(context! {
                messages,
                bos_token => self.begin.as_str(),
                eos_token => self.end.as_str(),
                add_generation_prompt => true,
            })
        });
        // The detail may quote the conversation, so it goes to the caller and nowhere else.
        rendered.map_err(|error| PromptError::Template(error.detail().unwrap_or("").to_owned()))
    }
}
