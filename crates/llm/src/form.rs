//! What a whole answer and a piece of one have in common: it is held as it came, as long as that is all
//! there is to it, or as a tree of values.

use std::sync::OnceLock;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::{
    Usage, UsageDetails,
    chunk::generated_bytes,
    openai::Head,
    plain::{Part, Plain},
    texts::{self, AnswerPlace},
};

/// An answer, or a piece of one.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    part: Part,
    /// As it came, but for texts and names that were changed since.
    plain: Option<Box<Plain>>,
    /// Read when somebody asks for them. Set wherever `plain` is not.
    fields: OnceLock<Map<String, Value>>,
}

impl PartialEq for Form {
    fn eq(&self, other: &Self) -> bool {
        self.fields() == other.fields()
    }
}

impl Form {
    /// Reads what is of the most common kind; `None` if it is not.
    pub(crate) fn read(body: Bytes, part: Part) -> Option<Self> {
        let plain = Some(Box::new(Plain::read(body, part)?));
        Some(Self { part, plain, fields: OnceLock::new() })
    }

    pub(crate) fn of(fields: Map<String, Value>, part: Part) -> Self {
        Self { part, plain: None, fields: fields.into() }
    }

    pub(crate) fn fields(&self) -> &Map<String, Value> {
        self.fields.get_or_init(|| self.plain.as_deref().map(Plain::fields).unwrap_or_default())
    }

    /// For a change that only a tree can take.
    pub(crate) fn fields_mut(&mut self) -> &mut Map<String, Value> {
        let plain = self.plain.take();
        let fields = self.fields.take().or_else(|| plain.map(|plain| plain.fields()));
        self.fields = fields.unwrap_or_default().into();
        self.fields.get_mut().expect("they were just set")
    }

    /// As it came, if it still is.
    pub(crate) fn plain(&self) -> Option<&Plain> {
        self.plain.as_deref()
    }

    /// For a change that it can take as it came.
    pub(crate) fn plain_mut(&mut self) -> Option<&mut Plain> {
        if self.plain.is_some() {
            self.fields.take();
        }
        self.plain.as_deref_mut()
    }

    pub(crate) fn to_json(&self) -> Bytes {
        match &self.plain {
            Some(plain) => plain.to_json(),
            None => {
                let mut json = Vec::new();
                self.write_json(&mut json);
                json.into()
            }
        }
    }

    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        match &self.plain {
            Some(plain) => plain.write_json(out),
            None => serde_json::to_writer(out, self.fields())
                .expect("a map of JSON values always serialises"),
        }
    }

    pub(crate) fn choices(&self) -> &[Value] {
        self.fields().get("choices").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn choices_mut(&mut self) -> &mut [Value] {
        match self.fields_mut().get_mut("choices") {
            Some(Value::Array(choices)) => choices,
            _ => &mut [],
        }
    }

    pub(crate) fn set_field(&mut self, name: &str, value: Value) {
        self.fields_mut().insert(name.to_owned(), value);
    }

    pub(crate) fn set_choice_field(&mut self, name: &str, value: &Value) {
        for choice in self.choices_mut().iter_mut().filter_map(Value::as_object_mut) {
            choice.insert(name.to_owned(), value.clone());
        }
    }

    pub(crate) fn set_model(&mut self, name: &str) {
        match self.plain_mut() {
            Some(plain) => plain.set_model(name),
            None => self.set_field("model", name.into()),
        }
    }

    pub(crate) fn rewrite(&mut self, rewrite: &mut dyn FnMut(u64, &AnswerPlace, &str) -> String) {
        let part = self.part;
        match self.plain_mut() {
            Some(plain) => plain.rewrite(rewrite),
            None => texts::rewrite_choices(self.choices_mut(), part.name(), rewrite),
        }
    }

    pub(crate) fn rewrite_contents(&mut self, mut rewrite: impl FnMut(u64, &str) -> String) {
        let part = self.part;
        if let Some(plain) = self.plain_mut() {
            return plain.rewrite(&mut |choice, place, text| match place {
                "content" => rewrite(choice, text),
                _ => text.to_owned(),
            });
        }
        for choice in self.choices_mut() {
            let index = texts::number_of(choice);
            let message = choice.get_mut(part.name());
            if let Some(Value::String(text)) = message.and_then(|one| one.get_mut("content")) {
                *text = rewrite(index, text);
            }
        }
    }

    pub(crate) fn forget_log_probabilities(&mut self) {
        if self.plain().is_none_or(Plain::has_log_probabilities) {
            texts::forget_log_probabilities(self.choices_mut());
        }
    }

    pub(crate) fn generated_bytes(&self) -> usize {
        match &self.plain {
            Some(plain) => plain.texts().map(|(_, _, text)| text.len()).sum(),
            None => generated_bytes(self.choices(), self.part.name()),
        }
    }

    pub(crate) fn finish_reason(&self) -> Option<&str> {
        match &self.plain {
            Some(plain) => plain.finish_reason(),
            None => self.choices().iter().find_map(|choice| choice.get("finish_reason")?.as_str()),
        }
    }

    pub(crate) fn usage(&self) -> Option<Usage> {
        match &self.plain {
            Some(plain) => plain.usage(),
            None => self.fields().get("usage").and_then(Usage::from_value),
        }
    }

    pub(crate) fn usage_details(&self) -> UsageDetails {
        match &self.plain {
            Some(plain) => plain.usage_details(),
            None => {
                let usage = self.fields().get("usage");
                usage.map(UsageDetails::from_value).unwrap_or_default()
            }
        }
    }

    pub(crate) fn head(&self) -> Head {
        Head::of(self.fields())
    }
}
