//! The table of dialects: one row each.

use super::quirks::{MISTRAL, OPEN_WEIGHTS, OPENAI, SCALEWAY, TGI};
use super::{Authentication, Dialect, Quirks};

/// The wire format under a dialect.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wire {
    OpenAi(&'static Quirks),
    Anthropic,
    Gemini,
    Bedrock,
    Ollama,
    Tei,
}

/// What is fixed about a dialect.
pub(super) struct Row {
    dialect: Dialect,
    pub code: &'static str,
    pub name: &'static str,
    pub wire: Wire,
    pub authentication: Authentication,
    pub base_url: &'static str,
}

const BEARER: Authentication = Authentication::Bearer;

#[rustfmt::skip]
const ROWS: [Row; 20] = [
    row(Dialect::Compatible, ["compatible", "OpenAI-compatible"], Wire::OpenAi(&Quirks::PLAIN), BEARER, "https://models.example/v1"),
    row(Dialect::OpenAi, ["openai", "OpenAI"], Wire::OpenAi(&OPENAI), BEARER, "https://api.openai.com/v1"),
    row(Dialect::Azure, ["azure", "Azure OpenAI"], Wire::OpenAi(&OPENAI), Authentication::Header("api-key"), "https://NAME.openai.azure.com/openai/v1"),
    row(Dialect::Mistral, ["mistral", "Mistral"], Wire::OpenAi(&MISTRAL), BEARER, "https://api.mistral.ai/v1"),
    row(Dialect::Vllm, ["vllm", "vLLM"], Wire::OpenAi(&OPEN_WEIGHTS), BEARER, "http://127.0.0.1:8000/v1"),
    row(Dialect::Sglang, ["sglang", "SGLang"], Wire::OpenAi(&OPEN_WEIGHTS), BEARER, "http://127.0.0.1:30000/v1"),
    row(Dialect::Tgi, ["tgi", "TGI"], Wire::OpenAi(&TGI), BEARER, "http://127.0.0.1:3000/v1"),
    row(Dialect::LlamaCpp, ["llamacpp", "llama.cpp"], Wire::OpenAi(&OPEN_WEIGHTS), BEARER, "http://127.0.0.1:8080/v1"),
    row(Dialect::Ionos, ["ionos", "IONOS"], Wire::OpenAi(&OPEN_WEIGHTS), BEARER, "https://openai.inference.de-txl.ionos.com/v1"),
    row(Dialect::Stackit, ["stackit", "STACKIT"], Wire::OpenAi(&OPEN_WEIGHTS), BEARER, "https://api.openai-compat.model-serving.eu01.onstackit.cloud/v1"),
    row(Dialect::TelekomCloud, ["telekomcloud", "Open Telekom Cloud"], Wire::OpenAi(&OPEN_WEIGHTS), BEARER, "https://llm-server.llmhub.t-systems.net/v2"),
    row(Dialect::Scaleway, ["scaleway", "Scaleway"], Wire::OpenAi(&SCALEWAY), BEARER, "https://api.scaleway.ai/v1"),
    row(Dialect::Ovhcloud, ["ovhcloud", "OVHcloud"], Wire::OpenAi(&OPEN_WEIGHTS), BEARER, "https://oai.endpoints.kepler.ai.cloud.ovh.net/v1"),
    row(Dialect::AlephAlpha, ["alephalpha", "Aleph Alpha"], Wire::OpenAi(&OPEN_WEIGHTS), BEARER, "https://inference-api.pharia.example/v1"),
    row(Dialect::Anthropic, ["anthropic", "Anthropic"], Wire::Anthropic, Authentication::Header("x-api-key"), "https://api.anthropic.com/v1"),
    row(Dialect::Gemini, ["gemini", "Google Gemini"], Wire::Gemini, Authentication::Header("x-goog-api-key"), "https://generativelanguage.googleapis.com/v1beta"),
    row(Dialect::Vertex, ["vertex", "Google Vertex AI"], Wire::Gemini, BEARER, "https://europe-west3-aiplatform.googleapis.com/v1/projects/PROJECT/locations/europe-west3"),
    row(Dialect::Bedrock, ["bedrock", "AWS Bedrock"], Wire::Bedrock, Authentication::AwsSignature("bedrock"), "https://bedrock-runtime.eu-central-1.amazonaws.com"),
    row(Dialect::Ollama, ["ollama", "Ollama"], Wire::Ollama, BEARER, "http://127.0.0.1:11434"),
    row(Dialect::Tei, ["tei", "TEI"], Wire::Tei, BEARER, "http://127.0.0.1:8081"),
];

const fn row(
    dialect: Dialect,
    [code, name]: [&'static str; 2],
    wire: Wire,
    authentication: Authentication,
    base_url: &'static str,
) -> Row {
    Row { dialect, code, name, wire, authentication, base_url }
}

impl Dialect {
    /// All dialects, in the order of the table.
    pub const ALL: [Self; ROWS.len()] = {
        let mut all = [Self::Compatible; ROWS.len()];
        let mut index = 0;
        while index < ROWS.len() {
            all[index] = ROWS[index].dialect;
            index += 1;
        }
        all
    };

    pub(super) fn row(self) -> &'static Row {
        // A test walks all dialects; there is none without its row.
        ROWS.iter().find(|row| row.dialect == self).unwrap_or(&ROWS[0])
    }
}
