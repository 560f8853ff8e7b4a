//! Checks the section `telemetry`.

use super::{
    Secret, Telemetry,
    check::{as_text, mistake_at, seconds, text, url, whole},
    mistake::Mistake,
    raw::{Raw, Value},
};

/// Where to export to; `None` if nowhere.
pub(super) fn telemetry(raw: &Raw, mistakes: &mut Vec<Mistake>) -> Option<Telemetry> {
    if let Some(given) = raw.values.get("telemetry.otlp_url")
        && let Value::Url(url) = &given.value
        && (url.query().is_some() || url.fragment().is_some())
    {
        mistakes.push(mistake_at(given, "telemetry.otlp_url", "must not contain ? or #"));
    }
    if let Some(given) = raw.values.get("telemetry.otlp_authorization")
        && as_text(given).is_none_or(|value| http::HeaderValue::from_str(&value).is_err())
    {
        let text = "has characters that no header may carry";
        mistakes.push(mistake_at(given, "telemetry.otlp_authorization", text));
    }
    let is_on = |path| text(raw, path).as_deref() == Some("on");
    Some(Telemetry {
        endpoint: url(raw, "telemetry.otlp_url")?,
        authorization: text(raw, "telemetry.otlp_authorization").map(Secret::new),
        service: text(raw, "telemetry.service_name").unwrap_or_default(),
        environment: text(raw, "telemetry.environment"),
        traces: is_on("telemetry.traces"),
        one_in: whole(raw, "telemetry.traces_one_in"),
        metrics: is_on("telemetry.metrics"),
        metrics_every: seconds(raw, "telemetry.metrics_seconds"),
        logs: is_on("telemetry.logs"),
    })
}
