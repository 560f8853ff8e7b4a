//! What is left of the caller's rates, in the headers that clients of OpenAI know.

use app::{Allowance, App, Way};
use domain::Principal;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Writes down what is left to whoever got an answer of this model.
pub(crate) fn name_left(headers: &mut HeaderMap, app: &App, principal: &Principal, way: &Way) {
    name_left_of(headers, app, principal, &way.taken.model);
}

/// The same for whoever only named the model.
pub(crate) fn name_left_of(headers: &mut HeaderMap, app: &App, principal: &Principal, model: &str) {
    if let Some(allowance) = app.get_allowance(principal, model) {
        name(headers, &allowance);
    }
}

/// Writes down what is left of requests and tokens, where there are limits. Without any, nothing.
pub(crate) fn name(headers: &mut HeaderMap, allowance: &Allowance) {
    // Rounded up: whoever waits that long must not be early.
    let reset = format!("{}s", allowance.reset.as_millis().div_ceil(1_000));
    let rates = [
        (
            allowance.requests,
            "x-ratelimit-limit-requests",
            "x-ratelimit-remaining-requests",
            "x-ratelimit-reset-requests",
        ),
        (
            allowance.tokens,
            "x-ratelimit-limit-tokens",
            "x-ratelimit-remaining-tokens",
            "x-ratelimit-reset-tokens",
        ),
    ];
    for (rate, limit, remaining, until) in rates {
        let Some(rate) = rate else { continue };
        headers.insert(HeaderName::from_static(limit), HeaderValue::from(rate.limit));
        headers.insert(HeaderName::from_static(remaining), HeaderValue::from(rate.remaining));
        if let Ok(reset) = HeaderValue::from_str(&reset) {
            headers.insert(HeaderName::from_static(until), reset);
        }
    }
}
