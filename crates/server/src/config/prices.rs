//! What routes cost: `price_input` and `price_output`, or a list of prices with the day from which
//! each holds.

use std::collections::BTreeSet;

use ::gateway::{Price, Prices};
use domain::{Day, Instant};
use serde_json::{Map, Value, json};

use super::{
    check::{Checker, entry_price, entry_text},
    declaration::{PRICES, ROUTES},
    raw::RawTable,
};

/// Micro-euro in a euro.
const MICRO: f64 = 1_000_000.0;
/// Where a price has always held.
const NO_BEGIN: Instant = Instant::from_micros(i64::MIN);
/// Milliwatt hours in a watt hour.
const MILLI: f64 = 1_000.0;

/// Estimated milliwatt hours for a thousand tokens.
pub(super) fn energy(table: &RawTable) -> Option<u64> {
    let watt_hours = entry_price(table, "energy_wh_per_1000_tokens")?;
    Some((watt_hours * MILLI).round() as u64)
}

fn micro(table: &RawTable, name: &str) -> Option<u64> {
    entry_price(table, name).map(|euros| (euros * MICRO).round() as u64)
}

impl Checker<'_> {
    pub(super) fn prices(&mut self, route: &RawTable) -> Prices {
        let (input, output) = (micro(route, "price_input"), micro(route, "price_output"));
        let plain = ["price_input", "price_output"]
            .into_iter()
            .find(|name| route.values.contains_key(name));
        match plain {
            Some(name) if !route.prices.is_empty() => {
                let text = "give either price_input and price_output or [[models.routes.prices]]";
                self.at_value(route, ROUTES, name, text.to_owned());
                return Prices::default();
            }
            Some(_) => {
                let (input, output) = (input.unwrap_or(0), output.unwrap_or(0));
                return Price { input, output, ..Price::default() }.into();
            }
            None => {}
        }
        let mut begun = BTreeSet::new();
        let mut periods = Vec::new();
        for table in &route.prices {
            let from = self.begin_of(table);
            if !begun.insert(from) {
                let text = "another price of this route begins on the same day".to_owned();
                self.at_value(table, PRICES, "from", text);
            }
            periods.push((from, price(table)));
        }
        Prices::new(periods)
    }

    fn begin_of(&mut self, table: &RawTable) -> Instant {
        let Some(text) = entry_text(table, "from") else { return NO_BEGIN };
        match text.parse::<Day>() {
            Ok(day) => day.start(),
            Err(_) => {
                let text = format!("{text:?} is not a day such as 2026-01-01");
                self.at_value(table, PRICES, "from", text);
                NO_BEGIN
            }
        }
    }
}

/// Writes prices in the words of the file.
pub(super) fn write(prices: &Prices, route: &mut Map<String, Value>) {
    let euros = |micro: u64| json!(micro as f64 / MICRO);
    let plain =
        |price: Price| Price { input: price.input, output: price.output, ..Price::default() };
    let mut periods = prices.periods();
    if let (1, Some((NO_BEGIN, price))) = (periods.len(), periods.next())
        && price == plain(price)
    {
        route.insert("price_input".to_owned(), euros(price.input));
        route.insert("price_output".to_owned(), euros(price.output));
        return;
    }
    let periods = prices.periods().map(|(from, price)| {
        json!({
            "from": (from != NO_BEGIN).then(|| Day::of(from).to_string()),
            "input": euros(price.input),
            "output": euros(price.output),
            "cached_input": price.cached_input.map(euros),
            "request": euros(price.request),
            "image": euros(price.image),
            "characters": euros(price.characters),
            "audio_minute": euros(price.audio_minute),
        })
    });
    let periods: Vec<Value> = periods.collect();
    if !periods.is_empty() {
        route.insert("prices".to_owned(), periods.into());
    }
}

fn price(table: &RawTable) -> Price {
    let micro = |name| micro(table, name);
    Price {
        input: micro("input").unwrap_or(0),
        output: micro("output").unwrap_or(0),
        cached_input: micro("cached_input"),
        request: micro("request").unwrap_or(0),
        image: micro("image").unwrap_or(0),
        characters: micro("characters").unwrap_or(0),
        audio_minute: micro("audio_minute").unwrap_or(0),
    }
}
