//! Whether an answer has the structure that the caller asked for: JSON by the schema of
//! `response_format`, arguments of tools by theirs (R-7 of the reference architecture). The model may try
//! once more, on the same terms and on an account of its own.

use std::sync::Arc;

use domain::ErrorKind;
use gateway::{Completion, Terms};
use guard::{Fit, SchemaCheck};
use llm::{ChatRequest, ChatResponse};
use serde_json::Value;

use crate::{
    App, Error, Principal, Result, StructureCheck, guardrail::Protected, settlement::Settlement,
};

/// Longest answer that is shown to the model again, in characters.
const SHOWN_CHARS_MAX: usize = 16_000;

/// What is wrong with an answer. Holds content: for the model that wrote it only.
struct Objection {
    rule: &'static str,
    /// The text that was wrong.
    text: String,
    differences: Vec<String>,
}

/// The first thing that is wrong with an answer to this request. A schema beyond the bounds, or that
/// cannot be used, is left to the model server.
fn objection_to(request: &ChatRequest, response: &ChatResponse) -> Option<Objection> {
    if schema_of(request).is_none() && request.field("tools").is_none() {
        return None;
    }
    let choices = response.fields().get("choices").and_then(Value::as_array);
    let messages = choices.into_iter().flatten().filter_map(|choice| choice.get("message"));
    messages.into_iter().find_map(|message| {
        let calls = message.get("tool_calls").and_then(Value::as_array);
        if let Some(calls) = calls.filter(|calls| !calls.is_empty()) {
            return calls.iter().find_map(|call| {
                let name = call.pointer("/function/name")?.as_str()?;
                let text = call.pointer("/function/arguments")?.as_str()?;
                objection(parameters_of(request, name)?, text)
            });
        }
        let is_refused = message.get("refusal").is_some_and(|refusal| !refusal.is_null());
        let text = message.get("content").and_then(Value::as_str).unwrap_or_default();
        objection(schema_of(request).filter(|_| !is_refused)?, text)
    })
}

fn schema_of(request: &ChatRequest) -> Option<&Value> {
    request.field("response_format")?.pointer("/json_schema/schema")
}

fn parameters_of<'r>(request: &'r ChatRequest, name: &str) -> Option<&'r Value> {
    let mut functions = request.field("tools")?.as_array()?.iter().map(|tool| &tool["function"]);
    functions.find(|function| function["name"] == name)?.get("parameters")
}

fn objection(schema: &Value, text: &str) -> Option<Objection> {
    let (rule, differences) = match SchemaCheck::new(schema).ok()?.check(text) {
        Fit::Fits | Fit::Unchecked => return None,
        Fit::NoJson => ("schema/no-json", vec!["it is not JSON".to_owned()]),
        Fit::Differs(differences) => ("schema/differs", differences),
    };
    Some(Objection { rule, text: text.to_owned(), differences })
}

impl App {
    /// Whether the answer must be whole before anything of it is handed on, because it may be asked
    /// for again or refused.
    pub(crate) fn needs_whole(&self, request: &ChatRequest, protected: &Protected) -> bool {
        let has_schema = || schema_of(request).is_some() || request.field("tools").is_some();
        protected.structure() >= StructureCheck::Repair && has_schema()
    }

    /// Asks for a whole answer, checks its structure, and asks once more if it does not fit and the
    /// policy wants it so.
    ///
    /// # Errors
    /// If there is no answer, or the policy refuses one that does not fit.
    pub(crate) async fn complete_structured(
        self: &Arc<Self>,
        principal: &Principal,
        request: &ChatRequest,
        (terms, protected): (Terms, &Protected),
        settlement: &mut Settlement,
    ) -> Result<Completion> {
        let check = protected.structure();
        let completion = self.gateway.complete(request, terms.clone(), &settlement.meter).await;
        let completion = completion
            .map_err(|error| self.call_failed(settlement, protected.restoring.in_refusal(error)))?;
        if check == StructureCheck::Off {
            return Ok(completion);
        }
        let Some(objection) = objection_to(request, &completion.response) else {
            return Ok(completion);
        };
        if check == StructureCheck::Report {
            settlement.structure_guarded(objection.rule, "report");
            return Ok(completion);
        }
        settlement.structure_guarded(objection.rule, "repair");
        let again = asked_again(request, &objection);
        // Another call, with a record of its own; the terms are those of the first.
        let mut second = Settlement::new(self, principal, protected.class)?;
        let own = second.reserve(request.model(), Some(protected), &again).await?;
        let own = Terms { deadline: terms.deadline, ..own };
        let own = self.guarded_terms(own, request.model(), protected);
        let repaired = self.gateway.complete(&again, own, &second.meter).await;
        let remaining = match &repaired {
            Ok(repaired) => objection_to(request, &repaired.response).map(|left| left.rule),
            Err(_) => {
                second.failed();
                Some(objection.rule)
            }
        };
        match (remaining, repaired) {
            (None, Ok(repaired)) => Ok(repaired),
            (Some(rule), _) if check == StructureCheck::Refuse => {
                second.structure_guarded(rule, "refuse");
                Err(Error::new(ErrorKind::UpstreamFailed, "guard_structure"))
            }
            (_, repaired) => {
                second.structure_guarded(objection.rule, "report");
                Ok(repaired.unwrap_or(completion))
            }
        }
    }
}

/// The same request with the answer and what is wrong with it.
fn asked_again(request: &ChatRequest, objection: &Objection) -> ChatRequest {
    let mut again = request.clone();
    let shown: String = objection.text.chars().take(SHOWN_CHARS_MAX).collect();
    let differences = objection.differences.join("\n- ");
    let text = format!(
        "This does not fit the JSON Schema that was asked for:\n- {differences}\n\
         Answer the same again so that it fits. Write nothing but the JSON."
    );
    again.ask_again(&shown, &text);
    again
}
