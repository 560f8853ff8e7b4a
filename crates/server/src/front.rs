//! What the routes see of the process, and the layer around them.

use std::{ops::Deref, sync::Arc, time::Duration};

use app::App;
use axum::{Router, extract::FromRef, middleware::from_fn_with_state};
use bytes::Bytes;
use tower_http::compression::{
    CompressionLayer,
    predicate::{DefaultPredicate, NotForContentType, Predicate},
};

use crate::{
    config::Config,
    door::{assets, decode::BodyLimits, guard::Guard, pass},
    routes,
    telemetry::Readings,
};

/// What the routes see of the process. Clones share everything: each request takes one.
#[derive(Clone)]
pub(crate) struct Front(Arc<Shared>);

/// What all requests share.
pub(crate) struct Shared {
    /// The use cases.
    pub app: Arc<App>,
    /// Bounds on bodies.
    pub limits: BodyLimits,
    /// What is known of our own address.
    pub guard: Arc<Guard>,
    /// How long the browser keeps the session cookie.
    pub session_lifetime: Duration,
    /// The measurements, for a scraper.
    pub readings: Readings,
    /// The description of the interface, as it is served.
    pub description: Bytes,
}

impl Deref for Front {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl FromRef<Front> for BodyLimits {
    fn from_ref(front: &Front) -> Self {
        front.limits
    }
}

impl FromRef<Front> for Arc<App> {
    fn from_ref(front: &Front) -> Self {
        Self::clone(&front.app)
    }
}

impl FromRef<Front> for Arc<Guard> {
    fn from_ref(front: &Front) -> Self {
        Self::clone(&front.guard)
    }
}

impl Front {
    pub fn new(readings: Readings, config: &Config) -> Self {
        Self(Arc::new(Shared {
            app: Arc::clone(&readings.app),
            session_lifetime: config.sessions.absolute,
            limits: BodyLimits {
                json_bytes: config.limits.json_bytes,
                chat_bytes: config.limits.chat_bytes,
                upload_bytes: config.limits.upload_bytes,
                audio_bytes: config.limits.audio_bytes,
                idle: config.limits.body_idle,
                upload_bytes_per_second: config.limits.upload_bytes_per_second,
            },
            guard: Arc::new(Guard {
                host: config.public_url.as_ref().and_then(|url| url.host_str()).map(str::to_owned),
                origin: config.public_url.as_ref().map(|url| url.origin().ascii_serialization()),
                https: config.is_https(),
                trusted_proxy: config.trusted_proxy,
            }),
            readings,
            description: Bytes::from(routes::api_description()),
        }))
    }
}

/// Puts the routes and the layer around them together.
pub(crate) fn router(front: Front) -> Router {
    let guard = Arc::clone(&front.guard);
    // Documents are compressed formats already; events must not wait in a compressor.
    let compressible = DefaultPredicate::new()
        .and(NotForContentType::const_new("application/pdf"))
        .and(NotForContentType::const_new("application/octet-stream"))
        .and(NotForContentType::const_new("application/vnd."));
    let (own, _) = routes::own().split_for_parts();
    let (models, _) = routes::models().split_for_parts();
    own.fallback(assets::fallback)
        .method_not_allowed_fallback(assets::method_not_allowed)
        .layer(CompressionLayer::new().compress_when(compressible))
        // Programs nearby gain nothing from compressed answers, and everybody waits for them.
        .merge(models.method_not_allowed_fallback(assets::method_not_allowed))
        .layer(from_fn_with_state(guard, pass))
        .with_state(front)
}
