//! From what was given to what holds: every mistake is collected, none stops the reading of the
//! rest.

use std::{collections::BTreeSet, net::IpAddr, path::PathBuf, time::Duration};

use domain::{DataClass, Place};
use gateway::{KeyHeader, Offer, Offers, PlacePolicy, Policy};

use super::{
    Config, Environment, Extraction, Limits, Log, LogFormat, ModelSettings, Outbound, RouteKind,
    RouteSettings, Secret, Sessions, Timeouts, UpstreamSettings,
    changes::GivenSettings,
    declaration::{MODELS, ROUTES},
    gateway as gateway_settings, guard, hosts, local,
    mistake::{Mistake, Mistakes, Origin},
    prices, proof,
    raw::{Given, Raw, RawModel, RawTable, Value},
    routing, telemetry,
};

/// The name of the built-in model. It always exists.
pub const BUILT_IN_MODEL: &str = "fachwerk-auszug";

const MODEL_NAME_CHARS_MAX: usize = 100;

pub(super) fn check(mut raw: Raw, environment: &Environment) -> Result<Config, Mistakes> {
    let mut mistakes = std::mem::take(&mut raw.mistakes);
    let models = check_models(&raw, environment, &mut mistakes);
    let auto = routing::auto(&raw, &mut mistakes);
    let hosts = hosts::allowed(&raw, &mut mistakes);
    let default_model_is_given = raw.values.contains_key("default_model");
    let default_model = check_default_model(&raw, &models, &mut mistakes);
    check_sessions(&raw, &mut mistakes);
    check_log(&raw, &mut mistakes);
    check_proxy(&raw, &mut mistakes);
    check_public_url(&raw, &mut mistakes);
    check_database_url(&raw, &mut mistakes);
    let trusted_proxy = check_trusted_proxy(&raw, &mut mistakes);
    let guard = guard::policy(&raw, &models, &mut mistakes);
    let gateway = gateway_settings::settings(&raw, &mut mistakes);
    let telemetry = telemetry::telemetry(&raw, &mut mistakes);
    let guard_exceptions = guard::exceptions(&raw, &models, &mut mistakes);
    if !mistakes.is_empty() {
        mistakes.sort_by_key(|mistake| mistake.origin.line());
        return Err(Mistakes(mistakes));
    }
    let Some(Value::Address(listen)) = raw.values.get("listen").map(|given| &given.value) else {
        unreachable!("listen has a built-in value");
    };
    let hours = |path| Duration::from_secs(whole(&raw, path) * 3_600);
    Ok(Config {
        given: GivenSettings::of(&raw),
        data: PathBuf::from(text(&raw, "data").unwrap_or_default()),
        listen: *listen,
        public_url: url(&raw, "public_url"),
        trusted_proxy,
        database_url: text(&raw, "database_url").map(Secret::new),
        default_model,
        default_model_is_given,
        limits: Limits {
            upload_bytes: whole(&raw, "limits.upload_bytes"),
            free_bytes: whole(&raw, "limits.free_bytes"),
            person_bytes: Some(whole(&raw, "limits.person_bytes")).filter(|bytes| *bytes > 0),
            json_bytes: size(&raw, "limits.json_bytes"),
            chat_bytes: size(&raw, "limits.chat_bytes"),
            audio_bytes: whole(&raw, "limits.audio_bytes"),
            connections: size(&raw, "limits.connections"),
            connections_per_address: size(&raw, "limits.connections_per_address"),
            header: seconds(&raw, "limits.header_seconds"),
            body_idle: seconds(&raw, "limits.body_idle_seconds"),
            upload_bytes_per_second: whole(&raw, "limits.upload_bytes_per_second"),
            shutdown: seconds(&raw, "limits.shutdown_seconds"),
        },
        extraction: Extraction {
            workers: size(&raw, "extraction.workers"),
            wall: seconds(&raw, "extraction.wall_seconds"),
            memory_bytes: whole(&raw, "extraction.memory_bytes"),
        },
        interface_class: class(&raw, "data_class.interface"),
        api_class: class(&raw, "data_class.api"),
        sessions: Sessions {
            idle: hours("sessions.idle_hours"),
            absolute: hours("sessions.absolute_hours"),
        },
        log: Log {
            format: match text(&raw, "log.format").as_deref() {
                Some("json") => LogFormat::Json,
                _ => LogFormat::Text,
            },
            filter: text(&raw, "log.level").unwrap_or_default(),
        },
        telemetry,
        outbound: Outbound {
            proxy: url(&raw, "outbound.proxy_url"),
            places: text(&raw, "outbound.farthest_place")
                .and_then(|code| code.parse().ok())
                .map_or(PlacePolicy::ANYWHERE, PlacePolicy::up_to),
            hosts,
            connect: seconds(&raw, "outbound.connect_seconds"),
        },
        gateway,
        guard,
        answer_cache: answer_cache(&raw),
        usage_people_min: size(&raw, "usage.people_min"),
        guard_exceptions,
        models,
        auto,
    })
}

fn answer_cache(raw: &Raw) -> Option<app::AnswerCache> {
    (text(raw, "answer_cache.use").as_deref() == Some("on")).then(|| app::AnswerCache {
        class_max: class(raw, "answer_cache.class_max"),
        lifetime: Duration::from_secs(whole(raw, "answer_cache.minutes") * 60),
        bytes_max: whole(raw, "answer_cache.bytes"),
    })
}

pub(super) fn whole(raw: &Raw, path: &str) -> u64 {
    match raw.values.get(path).map(|given| &given.value) {
        Some(Value::Whole(number)) => *number,
        _ => unreachable!("{path} has a built-in value"),
    }
}

fn size(raw: &Raw, path: &str) -> usize {
    usize::try_from(whole(raw, path)).unwrap_or(usize::MAX)
}

pub(super) fn seconds(raw: &Raw, path: &str) -> Duration {
    Duration::from_secs(whole(raw, path))
}

pub(super) fn text(raw: &Raw, path: &str) -> Option<String> {
    raw.values.get(path).and_then(as_text)
}

fn class(raw: &Raw, path: &str) -> DataClass {
    let code = text(raw, path).unwrap_or_default();
    code.parse().unwrap_or(DataClass::Internal)
}

pub(super) fn url(raw: &Raw, path: &str) -> Option<url::Url> {
    match raw.values.get(path).map(|given| &given.value) {
        Some(Value::Url(url)) => Some(url.clone()),
        _ => None,
    }
}

pub(super) fn as_text(given: &Given) -> Option<String> {
    match &given.value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

pub(super) fn mistake_at(given: &Given, key: &str, text: impl Into<String>) -> Mistake {
    Mistake { origin: given.origin.clone(), key: key.to_owned(), text: text.into() }
}

fn check_sessions(raw: &Raw, mistakes: &mut Vec<Mistake>) {
    let Some(idle) = raw.values.get("sessions.idle_hours") else { return };
    let Some(absolute) = raw.values.get("sessions.absolute_hours") else { return };
    if let (Value::Whole(idle_hours), Value::Whole(absolute_hours)) = (&idle.value, &absolute.value)
        && idle_hours > absolute_hours
    {
        let text = format!("must not exceed sessions.absolute_hours ({absolute_hours})");
        mistakes.push(mistake_at(idle, "sessions.idle_hours", text));
    }
}

fn check_log(raw: &Raw, mistakes: &mut Vec<Mistake>) {
    let Some(given) = raw.values.get("log.level") else { return };
    let Some(filter) = as_text(given) else { return };
    // A word alone would be taken for the name of a part, and everything else fall silent.
    let is_word = !filter.contains(['=', ',', '[']);
    let is_level = filter.parse::<tracing::Level>().is_ok() || filter.eq_ignore_ascii_case("off");
    if (is_word && !is_level) || tracing_subscriber::EnvFilter::try_new(&filter).is_err() {
        let text = "must be error, warn, info, debug, trace or a filter such as info,gateway=debug";
        mistakes.push(mistake_at(given, "log.level", text));
    }
}

fn check_proxy(raw: &Raw, mistakes: &mut Vec<Mistake>) {
    let Some(given) = raw.values.get("outbound.proxy_url") else { return };
    if let Value::Url(url) = &given.value
        && !(matches!(url.scheme(), "http" | "https") && url.has_host())
    {
        mistakes.push(mistake_at(given, "outbound.proxy_url", "is not the address of a proxy"));
    }
}

fn check_public_url(raw: &Raw, mistakes: &mut Vec<Mistake>) {
    let Some(given) = raw.values.get("public_url") else { return };
    if let Value::Url(url) = &given.value
        && (url.path() != "/" || url.query().is_some() || url.fragment().is_some())
    {
        let text = "must be scheme, host and port only: the platform lives at the root of its host";
        mistakes.push(mistake_at(given, "public_url", text));
    }
}

fn check_database_url(raw: &Raw, mistakes: &mut Vec<Mistake>) {
    let Some(given) = raw.values.get("database_url") else { return };
    let Some(address) = as_text(given) else { return };
    if !address.starts_with("postgres://") && !address.starts_with("postgresql://") {
        let text = "must begin with postgres://";
        mistakes.push(mistake_at(given, "database_url", text));
    }
}

fn check_trusted_proxy(raw: &Raw, mistakes: &mut Vec<Mistake>) -> Option<IpAddr> {
    let given = raw.values.get("trusted_proxy")?;
    let address = as_text(given)?.parse().ok();
    if address.is_none() {
        mistakes.push(mistake_at(given, "trusted_proxy", "is not an IP address"));
    }
    address
}

fn check_default_model(raw: &Raw, models: &[ModelSettings], mistakes: &mut Vec<Mistake>) -> String {
    let Some(given) = raw.values.get("default_model") else {
        let chats = |route: &RouteSettings| route.offers.has(Offer::Chat);
        let first = models.iter().find(|model| model.routes.iter().any(chats));
        let first = first.map(|model| model.name.as_str());
        return first.unwrap_or(BUILT_IN_MODEL).to_owned();
    };
    let name = as_text(given).unwrap_or_default();
    // A model whose entry has mistakes of its own is missing from `models`: no second mistake.
    let named = raw.models.iter().any(|model| {
        model.table.values.get("name").and_then(as_text).is_some_and(|other| other == name)
    });
    let is_choice = name == gateway::AUTO_MODEL && !raw.auto.is_empty();
    if name != BUILT_IN_MODEL && !named && !is_choice {
        mistakes.push(mistake_at(given, "default_model", format!("no model is named {name:?}")));
    }
    name
}

fn check_models(
    raw: &Raw,
    environment: &Environment,
    mistakes: &mut Vec<Mistake>,
) -> Vec<ModelSettings> {
    let mut names = BTreeSet::new();
    let mut models = Vec::new();
    for model in &raw.models {
        let mut checker =
            Checker { file_name: &raw.file_name, environment, mistakes: &mut *mistakes };
        if let Some(model) = checker.model(model, &mut names) {
            models.push(model);
        }
    }
    models
}

/// Checks one model that was defined outside the file.
pub(super) fn check_definition(mut raw: Raw) -> Result<ModelSettings, Vec<Mistake>> {
    let mut mistakes = std::mem::take(&mut raw.mistakes);
    let mut models = check_models(&raw, &Environment::default(), &mut mistakes);
    match (models.pop(), mistakes.is_empty()) {
        (Some(model), true) => Ok(model),
        _ => Err(mistakes),
    }
}

/// Checks one list entry after the other; collects mistakes on the way.
pub(super) struct Checker<'c> {
    pub(super) file_name: &'c str,
    pub(super) environment: &'c Environment,
    pub(super) mistakes: &'c mut Vec<Mistake>,
}

impl Checker<'_> {
    fn model(&mut self, model: &RawModel, names: &mut BTreeSet<String>) -> Option<ModelSettings> {
        let name = self.model_name(&model.table, names);
        if model.routes.is_empty() {
            self.at_table(&model.table, MODELS, "routes", "needs at least one [[models.routes]]");
        }
        let policy = routing::policy(&model.table);
        let hedging = self.hedging(&model.table);
        let cheaper = entry_text(&model.table, "cheaper");
        if cheaper.is_some() && cheaper == name {
            self.at_value(&model.table, MODELS, "cheaper", "is the model itself".to_owned());
        }
        self.route_names(&model.routes);
        let routes = (1..).zip(&model.routes);
        let routes = routes.filter_map(|(place, route)| self.route(route, policy, place)).collect();
        Some(ModelSettings {
            name: name?,
            purpose: entry_text(&model.table, "purpose").unwrap_or_default(),
            description: entry_text(&model.table, "description").unwrap_or_default(),
            policy,
            queue: routing::queue(&model.table),
            hedging,
            cheaper,
            routes,
        })
    }

    fn model_name(&mut self, table: &RawTable, names: &mut BTreeSet<String>) -> Option<String> {
        let Some(name) = entry_text(table, "name") else {
            return self.required(table, MODELS, "name");
        };
        let problem = if !name.chars().all(is_name_char) || name.len() > MODEL_NAME_CHARS_MAX {
            "may have letters, digits and . _ : - only, at most 100 of them".to_owned()
        } else if name == BUILT_IN_MODEL {
            format!("{BUILT_IN_MODEL:?} is the built-in model and always there")
        } else if !names.insert(name.clone()) {
            format!("{name:?} is given twice")
        } else {
            return Some(name);
        };
        self.at_value(table, MODELS, "name", problem);
        None
    }

    fn route_name(&mut self, table: &RawTable) -> Option<String> {
        let name = entry_text(table, "name")?;
        if !name.chars().all(is_name_char) || name.len() > MODEL_NAME_CHARS_MAX {
            let text = "may have letters, digits and . _ : - only, at most 100 of them".to_owned();
            self.at_value(table, ROUTES, "name", text);
        }
        Some(name)
    }

    fn route_names(&mut self, routes: &[RawTable]) {
        let mut names = BTreeSet::new();
        for table in routes {
            if entry_text(table, "name").is_some_and(|name| !names.insert(name)) {
                self.at_value(table, ROUTES, "name", "is given twice".to_owned());
            }
        }
    }

    /// Checks the route at this place of its model's list, counted from one.
    fn route(&mut self, table: &RawTable, policy: Policy, at: u32) -> Option<RouteSettings> {
        let kind = self.choice(table, "kind");
        let built_in = kind.as_deref() == Some("builtin");
        let inside = built_in || kind.as_deref() == Some("local");
        let place = match entry_text(table, "place") {
            None if inside => Some(Place::Own),
            None => self.required(table, ROUTES, "place"),
            Some(code) => self.place(table, &code, inside),
        };
        let clearance = match entry_text(table, "clearance") {
            None if built_in => Some(DataClass::Restricted),
            None => self.required(table, ROUTES, "clearance"),
            Some(code) => code.parse().ok(),
        };
        let kind = match kind.as_deref() {
            Some("builtin") => {
                self.refuse_upstream_keys(table);
                self.refuse_local_keys(table);
                Some(RouteKind::BuiltIn)
            }
            Some("local") => {
                self.refuse_upstream_keys(table);
                local::route(self, table).map(RouteKind::Local)
            }
            Some(code) => {
                self.refuse_local_keys(table);
                let upstream = self.upstream(table, code);
                upstream.map(|upstream| RouteKind::Server(Box::new(upstream)))
            }
            None => None,
        };
        let offers = match &kind {
            Some(RouteKind::Server(server)) => self.offers(table, Some(server.dialect)),
            _ if inside => Offers::default(),
            _ => self.offers(table, None),
        };
        let local = match &kind {
            Some(RouteKind::Local(local)) => Some(local.clone()),
            _ => None,
        };
        let abilities = if local.is_some() { local::ABILITIES } else { self.abilities(table) };
        let health_check = self.health_check(table);
        let prices = self.prices(table);
        let name = self.route_name(table);
        Some(RouteSettings {
            name,
            kind: kind?,
            place: place?,
            clearance: clearance?,
            rank: routing::rank(table, policy, at),
            weight: u32::try_from(entry_whole(table, "weight")).unwrap_or(1),
            offers,
            abilities,
            context_tokens: match &local {
                Some(local) => Some(local.context_tokens as u64),
                None => routing::tokens(table, "context_tokens"),
            },
            answer_tokens: routing::tokens(table, "answer_tokens"),
            tokenizer: local::tokenizer(self, table, local.as_ref()),
            health_check,
            care: gateway_settings::care(table),
            prices,
            energy_mwh: prices::energy(table),
            timeouts: Timeouts {
                first_byte: entry_seconds(table, "first_byte_seconds"),
                idle: entry_seconds(table, "idle_seconds"),
                total: entry_seconds(table, "total_seconds"),
            },
            concurrency: match &local {
                Some(local) => local.answers_max,
                None => usize::try_from(entry_whole(table, "concurrency")).unwrap_or(1),
            },
        })
    }

    fn upstream(&mut self, table: &RawTable, kind: &str) -> Option<UpstreamSettings> {
        let base_url = match table.values.get("base_url").map(|given| &given.value) {
            Some(Value::Url(url)) => Some(url.clone()),
            _ => self.required(table, ROUTES, "base_url"),
        };
        let upstream_model = match entry_text(table, "upstream_model") {
            Some(name) => Some(name),
            None => self.required(table, ROUTES, "upstream_model"),
        };
        let key = self.key(table);
        let key_header = entry_text(table, "key_header").and_then(|name| {
            let parsed = http::HeaderName::from_bytes(name.as_bytes());
            let problem = match &parsed {
                Err(_) => "is not the name of a header",
                Ok(name) if !proof::may_carry_key(name) => {
                    "is a header of the connection or the content"
                }
                Ok(_) => return parsed.ok(),
            };
            self.at_value(table, ROUTES, "key_header", problem.to_owned());
            None
        });
        let mut query = Vec::new();
        if let Some(text) = entry_text(table, "query") {
            for pair in text.trim_start_matches('?').split('&') {
                match pair.split_once('=') {
                    Some((name, value)) => query.push((name.to_owned(), value.to_owned())),
                    None => {
                        let text = "must be pairs such as api-version=2024-10-21, joined by &";
                        self.at_value(table, ROUTES, "query", text.to_owned());
                        break;
                    }
                }
            }
        }
        let key_header = match key_header {
            None => KeyHeader::OfDialect,
            Some(name) if name == http::header::AUTHORIZATION => KeyHeader::Bearer,
            Some(name) => KeyHeader::Named(name),
        };
        let (key, proof) = self.proof(table, kind, key?)?;
        Some(UpstreamSettings {
            dialect: routing::dialect(kind, base_url.as_ref()),
            base_url: base_url?,
            upstream_model: upstream_model?,
            key,
            key_header: proof.unwrap_or(key_header),
            query,
        })
    }

    /// The key: `None` if there was a mistake, `Some(None)` if the server needs none.
    fn key(&mut self, table: &RawTable) -> Option<Option<Secret>> {
        let variable = entry_text(table, "api_key_env");
        let file = entry_text(table, "api_key_file");
        let (name, found) = match (&variable, &file) {
            (None, None) => return Some(None),
            (Some(_), Some(_)) => {
                let text = "give either api_key_env or api_key_file".to_owned();
                self.at_value(table, ROUTES, "api_key_file", text);
                return None;
            }
            (Some(variable), None) => {
                let found = self.environment.get(variable).map(str::to_owned);
                let missing = format!("the environment variable {variable} is not set");
                ("api_key_env", found.ok_or(missing))
            }
            (None, Some(path)) => {
                let found = std::fs::read_to_string(path);
                ("api_key_file", found.map_err(|error| format!("cannot read {path}: {error}")))
            }
        };
        let found = match found {
            Err(_) if self.environment.without_keys => {
                return Some(Some(Secret::new("unread".to_owned())));
            }
            found => found,
        };
        let checked = found.and_then(|key| {
            let key = key.trim().to_owned();
            let visible = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
            visible.then_some(key).ok_or_else(|| {
                "the key is empty or has characters that no header may carry".to_owned()
            })
        });
        match checked {
            Ok(key) => Some(Some(Secret::new(key))),
            Err(text) => {
                self.at_value(table, ROUTES, name, text);
                None
            }
        }
    }

    fn refuse_upstream_keys(&mut self, table: &RawTable) {
        let keys = [
            "base_url",
            "upstream_model",
            "api_key_env",
            "api_key_file",
            "key_header",
            "aws_access_key_id",
            "aws_region",
            "aws_session_token_env",
            "service_account_file",
            "query",
            "health_path",
        ];
        for name in keys {
            if table.values.contains_key(name) {
                let text = "belongs to kind = \"openai\"".to_owned();
                self.at_value(table, ROUTES, name, text);
            }
        }
    }

    fn refuse_local_keys(&mut self, table: &RawTable) {
        for name in ["path", "max_memory_mb"] {
            if table.values.contains_key(name) {
                let text = "belongs to kind = \"local\"".to_owned();
                self.at_value(table, ROUTES, name, text);
            }
        }
    }

    fn choice(&mut self, table: &RawTable, name: &str) -> Option<String> {
        match entry_text(table, name) {
            Some(word) => Some(word),
            None => self.required(table, ROUTES, name),
        }
    }

    /// Notes that a required key is missing, unless it is there with a mistake of its own.
    pub(super) fn required<T>(&mut self, table: &RawTable, section: &str, name: &str) -> Option<T> {
        let path = format!("{section}.{name}");
        let noted = self.mistakes.iter().any(|mistake| {
            mistake.key == path
                && matches!(&mistake.origin, Origin::File { line, .. } if *line >= table.line)
        });
        if !noted {
            self.at_table(table, section, name, "is required");
        }
        None
    }

    pub(super) fn at_table(&mut self, table: &RawTable, section: &str, name: &str, text: &str) {
        let origin = Origin::File { name: self.file_name.to_owned(), line: table.line };
        let key = format!("{section}.{name}");
        self.mistakes.push(Mistake { origin, key, text: text.to_owned() });
    }

    pub(super) fn at_value(&mut self, table: &RawTable, section: &str, name: &str, text: String) {
        let origin = table.values.get(name).map_or(Origin::BuiltIn, |given| given.origin.clone());
        self.mistakes.push(Mistake { origin, key: format!("{section}.{name}"), text });
    }
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._:-".contains(c)
}

pub(super) fn entry_text(table: &RawTable, name: &str) -> Option<String> {
    table.values.get(name).and_then(as_text)
}

pub(super) fn entry_price(table: &RawTable, name: &str) -> Option<f64> {
    match table.values.get(name).map(|given| &given.value) {
        Some(Value::Price(euros)) => Some(*euros),
        _ => None,
    }
}

pub(super) fn entry_whole(table: &RawTable, name: &str) -> u64 {
    match table.values.get(name).map(|given| &given.value) {
        Some(Value::Whole(number)) => *number,
        _ => 0,
    }
}

pub(super) fn entry_seconds(table: &RawTable, name: &str) -> Duration {
    Duration::from_secs(entry_whole(table, name))
}
