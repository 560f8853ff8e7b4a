//! Routes that say they run in the authority's own data centre, on hosts of providers that everybody
//! knows. What such a route may receive rests on where it runs, so a slip here gives data away.

use domain::Place;
use url::Url;

use super::{Config, RouteKind};

/// Domains of providers of models, with all below them.
const PROVIDERS: [&str; 30] = [
    "ai.cloud.ovh.net",
    "aleph-alpha.com",
    "amazonaws.com",
    "anthropic.com",
    "azure.com",
    "baseten.co",
    "cerebras.ai",
    "cloudflare.com",
    "cohere.ai",
    "cohere.com",
    "deepseek.com",
    "fireworks.ai",
    "googleapis.com",
    "groq.com",
    "huggingface.cloud",
    "huggingface.co",
    "ionos.com",
    "mistral.ai",
    "nebius.ai",
    "nebius.com",
    "onstackit.cloud",
    "openai.com",
    "openrouter.ai",
    "perplexity.ai",
    "replicate.com",
    "scaleway.ai",
    "scaleway.com",
    "t-systems.com",
    "together.xyz",
    "x.ai",
];

impl Config {
    /// What is no mistake but looks like one, a sentence each.
    #[must_use]
    pub fn doubts(&self) -> Vec<String> {
        let routes = self
            .models
            .iter()
            .flat_map(|model| model.routes.iter().map(move |route| (model.name.as_str(), route)));
        let doubts = routes.filter_map(|(model, route)| {
            let RouteKind::Server(server) = &route.kind else { return None };
            let host = foreign_host(&server.base_url).filter(|_| route.place == Place::Own)?;
            Some(format!(
                "the model {model:?} has a route with place \"own\" on {host}, a provider's host: \
                 say where it really runs, because data of a higher class go there"
            ))
        });
        doubts.collect()
    }
}

fn foreign_host(url: &Url) -> Option<&str> {
    let host = url.host_str()?;
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_below = |domain: &&str| {
        host.strip_suffix(*domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    PROVIDERS.iter().any(is_below).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_of_a_provider_is_known_with_all_below_it_and_no_other() {
        let is_foreign = |url: &str| foreign_host(&url.parse().unwrap()).is_some();
        assert!(is_foreign("https://api.openai.com/v1"));
        assert!(is_foreign("https://API.OpenAI.com/v1"));
        assert!(is_foreign("https://api.openai.com./v1"), "the root may be named");
        assert!(is_foreign("https://bauamt.openai.azure.com/openai/v1"));
        assert!(is_foreign("https://bedrock-runtime.eu-central-1.amazonaws.com"));
        assert!(!is_foreign("https://notopenai.com/v1"));
        assert!(!is_foreign("https://openai.com.amt.example/v1"));
        assert!(!is_foreign("http://10.0.0.5:8000/v1"));
    }
}
