//! The settings of a price: `[[models.routes.prices]]`.

use super::{Key, Kind, PRICES, open};

/// The settings of a price.
pub(super) const KEYS: &[Key] = &[
    open(
        PRICES,
        "from",
        Kind::Text,
        "2026-01-01",
        "The day from which the price holds, from midnight UTC. Without it: ever since. Before the first day there is no price.",
    ),
    open(PRICES, "input", Kind::Price, "0.15", "Euros for a million tokens sent."),
    open(
        PRICES,
        "cached_input",
        Kind::Price,
        "0.03",
        "Euros for a million tokens sent that the server took out of its cache. Without it as the others.",
    ),
    open(PRICES, "output", Kind::Price, "0.60", "Euros for a million tokens received."),
    open(PRICES, "request", Kind::Price, "0", "Euros for each request."),
    open(PRICES, "image", Kind::Price, "0", "Euros for each image made."),
    open(PRICES, "characters", Kind::Price, "0", "Euros for a million characters read aloud."),
    open(
        PRICES,
        "audio_minute",
        Kind::Price,
        "0",
        "Euros for each minute of a recording that is written down or translated, counted by the millisecond.",
    ),
];
