//! Every route of the product. A handler decodes, establishes the caller, calls one method of `app`,
//! and encodes.

mod probes;

use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::front::Front;

/// All routes with their description.
pub(crate) fn all() -> OpenApiRouter<Front> {
    let info = InfoBuilder::new().title("Fachwerk").version(env!("CARGO_PKG_VERSION")).build();
    let empty: OpenApi = OpenApiBuilder::new().info(info).build();
    OpenApiRouter::with_openapi(empty)
        .routes(routes!(probes::check_health))
        .routes(routes!(probes::check_readiness))
        .routes(routes!(probes::read_metrics))
        .routes(routes!(probes::read_description))
}

/// The description of the interface (OpenAPI 3.1), as it is committed and served.
#[must_use]
pub fn api_description() -> String {
    let (_, description) = all().split_for_parts();
    let mut text = description.to_pretty_json().expect("the description is plain data");
    text.push('\n');
    text
}
