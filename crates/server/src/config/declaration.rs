//! The one list of settings: name, kind, default, and what each is for. Reading, checking, the
//! reference file and the reference page all come from it.

// tidy: lines=1050 because one list of all settings is easier to find than several

mod gateway;
mod prices;

/// What a setting's value looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// Any text.
    Text,
    /// A text that is never shown.
    Secret,
    /// A path in the file system.
    Path,
    /// `HOST:PORT` with an IP address as host.
    Address,
    /// An `http://` or `https://` address.
    Url,
    /// A whole number within bounds.
    Whole {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// A number of euros, zero or more.
    Price,
    /// A number of watt hours, zero or more.
    WattHours,
    /// One of a few words.
    Choice(&'static [&'static str]),
}

/// What a route's `kind` may be: every dialect, and the built-in engine.
#[rustfmt::skip]
pub(super) const ROUTE_KINDS: &[&str] = &[
    "openai", "compatible", "azure", "mistral", "vllm", "sglang", "tgi", "llamacpp", "ionos", "stackit", "telekomcloud",
    "scaleway", "ovhcloud", "alephalpha", "anthropic", "gemini", "vertex", "bedrock", "ollama", "tei", "local", "builtin",
];

/// One setting.
#[derive(Debug)]
pub(super) struct Key {
    /// The table it stands in; empty for the top.
    pub section: &'static str,
    /// Its name in that table.
    pub name: &'static str,
    /// What the value looks like.
    pub kind: Kind,
    /// The built-in value, as text; `None` if there is none.
    pub default: Option<&'static str>,
    /// A value for the reference where there is no default.
    pub example: &'static str,
    /// What it is for, in full sentences.
    pub doc: &'static str,
}

impl Key {
    /// The name from the top: `limits.upload_bytes`.
    pub fn path(&self) -> String {
        if self.section.is_empty() {
            self.name.to_owned()
        } else {
            format!("{}.{}", self.section, self.name)
        }
    }

    /// The environment variable; entries of lists have none.
    pub fn variable(&self) -> Option<String> {
        if is_list(self.section) {
            return None;
        }
        Some(format!("FACHWERK_{}", self.path().replace('.', "_").to_uppercase()))
    }
}

/// Whether the section is a list of tables, written `[[section]]`.
pub(super) fn is_list(section: &str) -> bool {
    [MODELS, ROUTES, PRICES, AUTO, GUARDS].contains(&section)
}

/// The list of models.
pub(super) const MODELS: &str = "models";
/// The list of lines behind the name `auto`.
pub(super) const AUTO: &str = "auto";
/// The list of exceptions from `[guard]`.
pub(super) const GUARDS: &str = "guards";
/// The list of routes in a model.
pub(super) const ROUTES: &str = "models.routes";
/// The list of prices in a route.
pub(super) const PRICES: &str = "models.routes.prices";

/// The sections in the order of the reference, with what each is about.
pub(super) const SECTIONS: &[(&str, &str)] = &[
    ("", "Where the installation lives and how it is reached."),
    ("limits", "Bounds on what comes in. What happens at each stands with it."),
    (
        "extraction",
        "Reading documents. Each document is read in a child process of its own under these limits, so that a hostile file harms nothing but itself.",
    ),
    (
        "data_class",
        "What is assumed of texts when nobody says how sensitive they are. Rising: open, internal, personal, confidential, restricted.",
    ),
    ("sessions", "How long somebody stays signed in."),
    ("log", "What is written to standard error. Never contents, keys or mail addresses."),
    (
        "telemetry",
        "Export of logs, measurements and traces to a collector, by OTLP over HTTP. Off without an address. Never contents, keys, mail addresses or persons. What is exported stands in docs/observability.md.",
    ),
    (
        "outbound",
        "Calls to model servers. Beside them only the collector of `telemetry` is ever called.",
    ),
    (
        "gateway",
        "How persistent calls to model servers are, and when a route is left alone. Holds for all models; routes may differ where they have a setting of the same name.",
    ),
    (
        "guard",
        "Protection of what goes to models. Of all places that may be tried for a request the strictest counts, so that a fallback shows nobody more. An action is `off`, `report` (count and record), `raise_class` (use only routes cleared for the class of the find), `pseudonymise` (the model reads a placeholder, the answer gets the original back), `mask` (the model reads the kind alone) or `refuse` (it does not go to this place). Kinds are name, address, birth_date, phone, mail, iban, card, tax_id, social_insurance, id_card, passport, health_insurance, plate, file_reference, ip, secret. More in docs/operate/guard.md.",
    ),
    (
        "answer_cache",
        "Answers kept for whoever asks exactly the same again with the same rights; only for requests that want the same answer each time (`temperature` 0 or a `seed`), without sources, tools and finds of the guard. Kept sealed in the database; see docs/operate/answer-cache.md.",
    ),
    (
        "usage",
        "Figures of what was used and what it cost. They are about groups of people, never about one; see docs/operate/usage.md.",
    ),
    (
        GUARDS,
        "Where something else holds than in `[guard]`: for an authority, a model, a single route. Repeat the table for each; the first that fits a call holds for it, and what it does not say is as in `[guard]`. Of all routes that may be tried for a request the strictest counts.",
    ),
    (
        MODELS,
        "Models, by the name people choose. Repeat the table for each. Without any, the built-in engine `fachwerk-auszug` answers: it quotes the sentences that fit and is no language model.",
    ),
    (
        ROUTES,
        "The ways to run a model. Repeat the table for each. A route never receives data above its clearance.",
    ),
    (
        PRICES,
        "What a route costs. Repeat the table for each change of price; what holds at the beginning of a call counts for it. What is not named costs nothing.",
    ),
    (
        AUTO,
        "What the model name `auto` stands for. Repeat the table for each line: the first whose conditions a request meets, and whose model may receive it, is taken. Without any line there is no model `auto`.",
    ),
];

/// What may be done about a hit in an answer.
const STRUCTURE: &[&str] = &["off", "report", "repair", "refuse"];
const MEASURES: &[&str] = &["off", "report", "remove", "stop"];

const CLASSES: &[&str] = &["open", "internal", "personal", "confidential", "restricted"];
const ON_OFF: Kind = Kind::Choice(&["on", "off"]);
const YEAR_HOURS: u64 = 24 * 366;
const GIB: u64 = 1 << 30;

const fn key(
    section: &'static str,
    name: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    doc: &'static str,
) -> Key {
    Key { section, name, kind, default, example: "", doc }
}

const fn open(
    section: &'static str,
    name: &'static str,
    kind: Kind,
    example: &'static str,
    doc: &'static str,
) -> Key {
    Key { section, name, kind, default: None, example, doc }
}

const fn whole(min: u64, max: u64) -> Kind {
    Kind::Whole { min, max }
}

/// All settings; those of a section in the order of the reference.
pub(super) fn keys() -> impl Iterator<Item = &'static Key> {
    KEYS.iter().chain(gateway::KEYS).chain(prices::KEYS)
}

const KEYS: &[Key] = &[
    key(
        "",
        "data",
        Kind::Path,
        Some("data"),
        "The folder with database, index and documents. It is created if absent; what lies in it is the whole installation.",
    ),
    key(
        "",
        "listen",
        Kind::Address,
        Some("127.0.0.1:8080"),
        "The address and port to listen on. Port 0 takes any free port. Speak TLS in front of it.",
    ),
    open(
        "",
        "public_url",
        Kind::Url,
        "https://ki.example.de",
        "The address people type. With https, cookies are marked Secure and browsers are told to insist on TLS; requests for another host name are refused. Without it, any host name is accepted.",
    ),
    open(
        "",
        "trusted_proxy",
        Kind::Text,
        "127.0.0.1",
        "The IP address of the reverse proxy in front. What it says in `X-Forwarded-For` counts as the caller's address where guessing passwords is slowed down.",
    ),
    open(
        "",
        "database_url",
        Kind::Secret,
        "postgres://fachwerk@localhost/fachwerk",
        "A PostgreSQL database instead of the embedded one.",
    ),
    open(
        "",
        "default_model",
        Kind::Text,
        "standard",
        "The model that answers when nobody chose one. Without it: the first of the list, or the built-in engine.",
    ),
    key(
        "limits",
        "upload_bytes",
        whole(1_024, 4 * GIB),
        Some("209715200"),
        "Largest document, 200 MB. A larger one is refused with 413 while it arrives.",
    ),
    key(
        "limits",
        "free_bytes",
        whole(0, 1 << 50),
        Some("1073741824"),
        "What must stay free on the disk of the data folder, 1 GB. An upload that would leave less is refused with 507, so that database and index can still be written.",
    ),
    key(
        "limits",
        "person_bytes",
        whole(0, 1 << 50),
        Some("0"),
        "What the documents of one person may take in all; 0 for no bound. An upload beyond is refused with 413.",
    ),
    key(
        "limits",
        "json_bytes",
        whole(1_024, 256 << 20),
        Some("2097152"),
        "Largest JSON body under /api, 2 MB. A larger one is refused with 413.",
    ),
    key(
        "limits",
        "chat_bytes",
        whole(1_024, 256 << 20),
        Some("16777216"),
        "Largest body under /v1, 16 MB, because prompts may carry pictures. A larger one is refused with 413.",
    ),
    key(
        "limits",
        "audio_bytes",
        whole(1_024, 1 << 30),
        Some("26214400"),
        "Largest recording for /v1/audio/transcriptions and translations, 25 MB as at OpenAI. It is held in memory until it is written down. A larger one is refused with 413.",
    ),
    key(
        "limits",
        "connections",
        whole(1, 1_000_000),
        Some("4096"),
        "Most open connections. More wait in the operating system's queue.",
    ),
    key(
        "limits",
        "connections_per_address",
        whole(1, 1_000_000),
        Some("1024"),
        "Most open connections from one address, or from one /64 network of IPv6. More are refused with 429. Does not hold for trusted_proxy, which bounds its callers itself.",
    ),
    key(
        "limits",
        "header_seconds",
        whole(1, 600),
        Some("15"),
        "Longest time for a request's head to arrive, and longest pause between two requests of a connection. A slower connection is closed.",
    ),
    key(
        "limits",
        "body_idle_seconds",
        whole(1, 3_600),
        Some("60"),
        "Longest pause inside a body. After it the request is refused with 408, and so is JSON that is not there whole after 30 seconds. An answer of which the caller takes nothing for so long is ended.",
    ),
    key(
        "limits",
        "upload_bytes_per_second",
        whole(0, 1_000_000_000),
        Some("8192"),
        "Least speed of an upload, 64 kbit/s, on average and once limits.body_idle_seconds were spent waiting for it. A slower one is refused with 408. 0 allows any.",
    ),
    key(
        "limits",
        "shutdown_seconds",
        whole(0, 3_600),
        Some("20"),
        "Time for running answers to end after a stop signal. What still runs then is cut off and resumed or marked at the next start.",
    ),
    key(
        "extraction",
        "workers",
        whole(1, 64),
        Some("2"),
        "Documents read at the same time. More wait.",
    ),
    key(
        "extraction",
        "wall_seconds",
        whole(1, 24 * 3_600),
        Some("300"),
        "Longest time for one document. After it the document fails with `timed_out`.",
    ),
    key(
        "extraction",
        "memory_bytes",
        whole(64 << 20, 64 * GIB),
        Some("1610612736"),
        "Most address space for reading one document, 1.5 GB; what is really used is a fraction. Beyond it the document fails with `out_of_memory`.",
    ),
    key(
        "data_class",
        "interface",
        Kind::Choice(CLASSES),
        Some("internal"),
        "The class of what people type in the browser.",
    ),
    key(
        "data_class",
        "api",
        Kind::Choice(CLASSES),
        Some("internal"),
        "The class of what programs send to /v1.",
    ),
    key(
        "sessions",
        "idle_hours",
        whole(1, YEAR_HOURS),
        Some("12"),
        "A session ends after this time without use.",
    ),
    key(
        "sessions",
        "absolute_hours",
        whole(1, YEAR_HOURS),
        Some("168"),
        "A session ends after this time in any case.",
    ),
    key(
        "log",
        "format",
        Kind::Choice(&["text", "json"]),
        Some("text"),
        "`text` for people, `json` for a log collector.",
    ),
    key(
        "log",
        "level",
        Kind::Text,
        Some("info"),
        "`error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,gateway=debug`.",
    ),
    open(
        "telemetry",
        "otlp_url",
        Kind::Url,
        "http://127.0.0.1:4318",
        "The collector's address for OTLP over HTTP. `/v1/traces`, `/v1/metrics` and `/v1/logs` are appended. Without it nothing is exported.",
    ),
    open(
        "telemetry",
        "otlp_authorization",
        Kind::Secret,
        "Bearer GEHEIM",
        "The value of the header `authorization`, if the collector wants one. Better given by the environment variable.",
    ),
    key(
        "telemetry",
        "service_name",
        Kind::Text,
        Some("fachwerk"),
        "The name of this installation among the services that export there (`service.name`).",
    ),
    open(
        "telemetry",
        "environment",
        Kind::Text,
        "produktion",
        "The environment it belongs to (`deployment.environment.name`).",
    ),
    key("telemetry", "traces", ON_OFF, Some("on"), "Whether traces are exported."),
    key(
        "telemetry",
        "traces_one_in",
        whole(1, 1_000_000),
        Some("1"),
        "Of so many traces that begin here one is exported. A caller that hands on a trace decides for it.",
    ),
    key(
        "telemetry",
        "metrics",
        ON_OFF,
        Some("on"),
        "Whether measurements are exported. `/metrics` is there in any case.",
    ),
    key(
        "telemetry",
        "metrics_seconds",
        whole(1, 3_600),
        Some("60"),
        "The pause between two exports of measurements.",
    ),
    key(
        "telemetry",
        "logs",
        ON_OFF,
        Some("on"),
        "Whether log events are exported, from level `info`. Standard error has them in any case.",
    ),
    open(
        "outbound",
        "proxy_url",
        Kind::Url,
        "http://proxy.example.de:3128",
        "The proxy for calls to model servers. Without it, the system's proxy variables apply.",
    ),
    key(
        "outbound",
        "farthest_place",
        Kind::Choice(&["own", "germany", "eu", "elsewhere"]),
        Some("elsewhere"),
        "The farthest place that any data may go to. Routes beyond it are never used, whatever their clearance.",
    ),
    open(
        "outbound",
        "hosts",
        Kind::Text,
        "llm.example.de, 10.0.0.5:8000",
        "Hosts, joined by commas, that models may be called on which administrators add in the browser; with a port for that port only, without one for any. The hosts of models in this file are allowed in any case. Without it: no others, so that nobody can make this server call addresses its operator has not named.",
    ),
    key(
        "outbound",
        "connect_seconds",
        whole(1, 300),
        Some("5"),
        "Longest time to reach a model server. After it the next route is tried.",
    ),
    key(
        "guard",
        "own",
        Kind::Text,
        Some("off"),
        "What is done about personal data on the way to models in the authority's own data centre: an action, then exceptions, e.g. `report, iban = mask`. Secrets are masked wherever personal data are looked for, unless an exception for `secret` says otherwise.",
    ),
    key(
        "guard",
        "germany",
        Kind::Text,
        Some("report"),
        "The same on the way to models in Germany.",
    ),
    key(
        "guard",
        "eu",
        Kind::Text,
        Some("report"),
        "The same on the way to models in the European Union.",
    ),
    key(
        "guard",
        "elsewhere",
        Kind::Text,
        Some("report"),
        "The same on the way to models elsewhere, e.g. `pseudonymise, tax_id = raise_class, secret = refuse`.",
    ),
    key(
        "guard",
        "injection",
        Kind::Choice(&["off", "report", "refuse"]),
        Some("report"),
        "What is done about instructions in sources and results of tools. People may give orders.",
    ),
    key(
        "guard",
        "jailbreak",
        Kind::Choice(&["off", "report", "refuse"]),
        Some("off"),
        "What is done about attempts of people to break the rules of a model: to have its instructions forgotten or revealed, its safeguards switched off, a role without limits played. Every request is then looked through. A hint: who asks about such attempts writes like one who makes them.",
    ),
    key(
        "guard",
        "injection_percent",
        whole(1, 100),
        Some("80"),
        "How sure the rules must be together, in percent; for `injection` and `jailbreak`.",
    ),
    open(
        "guard",
        "topics",
        Kind::Text,
        "Personalrat, laufendes Vergabeverfahren",
        "Words and phrases that people must not ask models about, joined by commas. Neither case nor the forms of German words matter.",
    ),
    key(
        "guard",
        "topics_action",
        Kind::Choice(&["off", "report", "refuse"]),
        Some("report"),
        "What is done about them.",
    ),
    key(
        "answer_cache",
        "use",
        Kind::Choice(&["off", "on"]),
        Some("off"),
        "Whether answers are kept.",
    ),
    key(
        "answer_cache",
        "class_max",
        Kind::Choice(CLASSES),
        Some("open"),
        "The highest class of a request whose answer is kept or given again.",
    ),
    key("answer_cache", "minutes", whole(1, 43_200), Some("60"), "How long an answer is kept."),
    key(
        "answer_cache",
        "bytes",
        whole(1 << 20, 1 << 40),
        Some("268435456"),
        "The most that all kept answers take, 256 MB. Beyond it the oldest go.",
    ),
    key(
        "usage",
        "people_min",
        whole(5, 1_000),
        Some("5"),
        "The fewest people that a figure is about. What fewer used is counted for the unit above, or with the rest; days with fewer are counted with later ones. It can be raised, never lowered below 5. What is closed stays as it is.",
    ),
    key(
        "guard",
        "answer_links",
        Kind::Choice(MEASURES),
        Some("report"),
        "What is done about links in answers that are dangerous in themselves (scripts, addresses that look like others, pictures that carry data away) or outside the list: `remove` puts a note in their place, `stop` ends the answer.",
    ),
    open(
        "guard",
        "answer_links_allowed",
        Kind::Text,
        "bund.de, musterstadt.de",
        "Hosts that answers may link, with everything below them, joined by commas. Without it: any host.",
    ),
    key(
        "guard",
        "answer_prompt",
        Kind::Choice(MEASURES),
        Some("report"),
        "What is done if an answer repeats ten or more words of the system prompt in a row.",
    ),
    key(
        "guard",
        "answer_abuse",
        Kind::Choice(MEASURES),
        Some("report"),
        "What is done about insults, demeaning words and threats in answers, by a German and an English list. A hint: lists know no irony and no quotation.",
    ),
    key(
        "guard",
        "answer_code",
        Kind::Choice(&["off", "report", "stop"]),
        Some("report"),
        "What is done about arguments of tools that look like dangerous code: what deletes, downloads and runs, opens a way in, reads secrets. A hint; `stop` ends the answer before the call is handed on.",
    ),
    key(
        "guard",
        "answer_schema",
        Kind::Choice(STRUCTURE),
        Some("off"),
        "What is done about answers that do not fit the JSON Schema of `response_format`, and arguments of tools that do not fit theirs: `repair` lets the model try once more, as a call of its own, and hands on what comes; `refuse` does the same and answers 502 if it still does not fit. With both, a stream comes in one piece at its end; `report` looks at whole answers only.",
    ),
    open(
        "guard",
        "external_model",
        Kind::Text,
        "standard",
        "The external guardrail: a model of this file with a route that has `offers = \"moderations\"`, called as OpenAI's `/v1/moderations`. Its address, key, place and clearance are those of its routes: what may not go there, class or kind, is not shown to it, and counts as if it had not answered. Without it: nobody is asked.",
    ),
    key(
        "guard",
        "external_input",
        Kind::Choice(&["off", "report", "refuse"]),
        Some("off"),
        "What is done about requests that it flags.",
    ),
    key(
        "guard",
        "external_answers",
        Kind::Choice(&["off", "report", "stop"]),
        Some("off"),
        "What is done about answers that it flags. With `stop` a stream comes in pieces of about 1,000 characters, each after the guardrail has spoken; in one piece at its end where personal data would have to be hidden from it.",
    ),
    key(
        "guard",
        "external_failure",
        Kind::Choice(&["pass", "refuse"]),
        Some("refuse"),
        "What happens if it does not answer, answers nonsense or may not be asked: `pass` as if it had found nothing, `refuse` as if it had found something. Where its verdict is only reported, so is this.",
    ),
    key(
        "guard",
        "external_timeout_ms",
        whole(50, 60_000),
        Some("2000"),
        "Longest time for its answer about a request, or a piece of an answer, in milliseconds; all calls about a long text share it.",
    ),
    open(
        GUARDS,
        "tenant",
        Kind::Text,
        "0198c0de-0000-7000-8000-000000000001",
        "The authority, by its id. Without it: all.",
    ),
    open(GUARDS, "model", Kind::Text, "standard", "The model. Without it: all."),
    open(
        GUARDS,
        "route",
        Kind::Text,
        "standard-2",
        "The route, by the name of its model and its number there. Without it: all.",
    ),
    open(GUARDS, "own", Kind::Text, "pseudonymise", "As in `[guard]`."),
    open(GUARDS, "germany", Kind::Text, "pseudonymise", "As in `[guard]`."),
    open(GUARDS, "eu", Kind::Text, "refuse", "As in `[guard]`."),
    open(GUARDS, "elsewhere", Kind::Text, "refuse", "As in `[guard]`."),
    open(
        GUARDS,
        "injection",
        Kind::Choice(&["off", "report", "refuse"]),
        "refuse",
        "As in `[guard]`.",
    ),
    open(
        GUARDS,
        "jailbreak",
        Kind::Choice(&["off", "report", "refuse"]),
        "refuse",
        "As in `[guard]`.",
    ),
    open(GUARDS, "injection_percent", whole(1, 100), "60", "As in `[guard]`."),
    open(GUARDS, "topics", Kind::Text, "Personalrat", "As in `[guard]`."),
    open(
        GUARDS,
        "topics_action",
        Kind::Choice(&["off", "report", "refuse"]),
        "refuse",
        "As in `[guard]`.",
    ),
    open(GUARDS, "answer_links", Kind::Choice(MEASURES), "remove", "As in `[guard]`."),
    open(GUARDS, "answer_links_allowed", Kind::Text, "bund.de", "As in `[guard]`."),
    open(GUARDS, "answer_prompt", Kind::Choice(MEASURES), "stop", "As in `[guard]`."),
    open(GUARDS, "answer_abuse", Kind::Choice(MEASURES), "remove", "As in `[guard]`."),
    open(GUARDS, "answer_schema", Kind::Choice(STRUCTURE), "repair", "As in `[guard]`."),
    open(GUARDS, "external_model", Kind::Text, "standard", "As in `[guard]`."),
    open(
        GUARDS,
        "external_input",
        Kind::Choice(&["off", "report", "refuse"]),
        "refuse",
        "As in `[guard]`.",
    ),
    open(
        GUARDS,
        "external_answers",
        Kind::Choice(&["off", "report", "stop"]),
        "stop",
        "As in `[guard]`.",
    ),
    open(GUARDS, "external_failure", Kind::Choice(&["pass", "refuse"]), "pass", "As in `[guard]`."),
    open(GUARDS, "external_timeout_ms", whole(50, 60_000), "500", "As in `[guard]`."),
    open(
        GUARDS,
        "answer_code",
        Kind::Choice(&["off", "report", "stop"]),
        "stop",
        "As in `[guard]`.",
    ),
    open(
        MODELS,
        "name",
        Kind::Text,
        "standard",
        "The name people and programs choose. Letters, digits and `. _ : -`. Required.",
    ),
    open(MODELS, "purpose", Kind::Text, "Allgemeine Fragen", "What it is for, in a few words."),
    open(
        MODELS,
        "description",
        Kind::Text,
        "Offenes Sprachmodell im eigenen Rechenzentrum",
        "What people should know before they choose it.",
    ),
    key(
        MODELS,
        "policy",
        Kind::Choice(&["order", "cheapest", "fastest", "affinity"]),
        Some("order"),
        "Which route is tried first among those of the same `order`: `order` by weight at random, `cheapest` by price, `fastest` the less loaded of two, `affinity` always the same for the same conversation, so that its cache is warm.",
    ),
    key(
        MODELS,
        "queue_length",
        whole(0, 100_000),
        Some("100"),
        "Requests that wait when all places of all routes are taken. Beyond it whoever has the most of them waiting is refused with 429, or with 503 if nobody has.",
    ),
    key(
        MODELS,
        "queue_seconds",
        whole(0, 600),
        Some("10"),
        "Longest wait for a place. After it the request is refused with 503 and told when to come back.",
    ),
    key(
        MODELS,
        "hedge",
        Kind::Text,
        Some("off"),
        "When a second attempt begins on another route because the first has not begun to answer: after so many milliseconds, e.g. `800`, or `p95`, which is when 95 of 100 of the model's last answers had begun. The first answer is taken and the other attempt ended. Counts as a second try in `gateway.retry_percent`; never for pictures, speech and tools that run at the provider. `off`: never. The provider may charge for both.",
    ),
    open(
        MODELS,
        "cheaper",
        Kind::Text,
        "klein",
        "The model that stands in for chats when a budget for this one is used up and the limit says `cheaper`. It is then asked as if the caller had named it: rights, class and protection are its own, and the answer names it. Without one, or if the caller may not use it, nobody stands in.",
    ),
    open(
        ROUTES,
        "kind",
        Kind::Choice(ROUTE_KINDS),
        "openai",
        "How the server is spoken to: `openai` for OpenAI and any compatible server, the name of a provider or server for its own ways (see `docs/operate/providers.md`), `local` for a language model in a file, or `builtin` for the extract engine inside. Required.",
    ),
    open(
        ROUTES,
        "path",
        Kind::Path,
        "models/modell.gguf",
        "The file with the weights, in the GGUF format; see `fachwerk model check`. Required for `local`.",
    ),
    open(
        ROUTES,
        "max_memory_mb",
        whole(1, 100_000_000),
        "8000",
        "Most memory for weights and answers, in megabytes. A file that needs more with this `context_tokens` and `concurrency` is refused. Required for `local`.",
    ),
    open(
        ROUTES,
        "name",
        Kind::Text,
        "standard-gpu1",
        "Its name in headers, measurements and the administration. Without it: the model's name and the place in the list, e.g. `standard-1`.",
    ),
    open(
        ROUTES,
        "base_url",
        Kind::Url,
        "http://127.0.0.1:8000/v1",
        "The server's address up to and with its version, e.g. `/v1`. Required for servers.",
    ),
    open(
        ROUTES,
        "api_key_env",
        Kind::Text,
        "STANDARD_API_KEY",
        "The environment variable that holds the server's key. It must be set.",
    ),
    open(
        ROUTES,
        "api_key_file",
        Kind::Path,
        "/run/secrets/standard_api_key",
        "The file that holds the server's key, instead of `api_key_env`.",
    ),
    open(
        ROUTES,
        "key_header",
        Kind::Text,
        "api-key",
        "The header that carries the key as it is; `authorization` for `Authorization: Bearer KEY`. Without it: as the provider of that `kind` wants it.",
    ),
    open(
        ROUTES,
        "aws_access_key_id",
        Kind::Text,
        "AKIAIOSFODNN7EXAMPLE",
        "For `bedrock`: signs each call (AWS Signature Version 4) with this access key; the secret access key stands in `api_key_env` or `api_key_file`. Without it that is a Bedrock API key.",
    ),
    open(
        ROUTES,
        "aws_region",
        Kind::Text,
        "eu-central-1",
        "The region for which calls are signed. Required with `aws_access_key_id`.",
    ),
    open(
        ROUTES,
        "aws_session_token_env",
        Kind::Text,
        "AWS_SESSION_TOKEN",
        "The environment variable with the session token that belongs to an access key for a limited time.",
    ),
    open(
        ROUTES,
        "service_account_file",
        Kind::Path,
        "/run/secrets/google_service_account.json",
        "For `vertex`: the JSON file of a service account. Access tokens are fetched with it, from the address in `token_uri` of the file and no other, and renewed before they end. It takes the place of a key.",
    ),
    open(
        ROUTES,
        "query",
        Kind::Text,
        "api-version=2024-10-21",
        "What to append to every address as its query.",
    ),
    open(
        ROUTES,
        "upstream_model",
        Kind::Text,
        "mistralai/Mistral-Small-24B",
        "The model's name on that server. Required for servers.",
    ),
    open(
        ROUTES,
        "place",
        Kind::Choice(&["own", "germany", "eu", "elsewhere"]),
        "own",
        "Where it runs: the authority's own data centre, Germany, the European Union, or elsewhere. Required for servers; what runs inside runs in one's own.",
    ),
    open(
        ROUTES,
        "clearance",
        Kind::Choice(CLASSES),
        "personal",
        "The highest data class it may receive. Required for all but `builtin`.",
    ),
    open(
        ROUTES,
        "order",
        whole(1, 1_000),
        "1",
        "Routes with a lower number are tried first; those with the same number share the load. Without it: the place in the list if `policy` is `order`, else 1.",
    ),
    key(
        ROUTES,
        "weight",
        whole(1, 1_000),
        Some("1"),
        "The share of the load among routes of the same `order`.",
    ),
    key(
        ROUTES,
        "offers",
        Kind::Text,
        Some("chat"),
        "What it is there for: `chat`, `embeddings`, `rerank`, `completions`, `moderations`, `images`, `speech`, `transcriptions`, joined by commas. It never receives anything else.",
    ),
    open(
        ROUTES,
        "abilities",
        Kind::Text,
        "tools, structured",
        "What it can do beside text: `tools`, `images`, `structured`, joined by commas, or `none`. Requests that need more go to another route. Without it: everything, and the server itself refuses.",
    ),
    open(
        ROUTES,
        "context_tokens",
        whole(256, 100_000_000),
        "32768",
        "The most tokens of question and answer together. Longer requests go to another route, or are refused if there is none. A request with no more bytes than there is room fits; others are counted by `tokenizer`. For `local` memory is reserved for so many, without it for 4,096.",
    ),
    open(
        ROUTES,
        "answer_tokens",
        whole(1, 100_000_000),
        "4096",
        "The longest answer of the server, in tokens, as its documentation or its setting says. So much is reserved of limits where a request sets no `max_tokens`. Without it: what `context_tokens` leave.",
    ),
    open(
        ROUTES,
        "tokenizer",
        Kind::Text,
        "o200k",
        "What counts the tokens of requests: `cl100k`, `o200k` (of GPT-4o and later), or the path of a `tokenizer.json` or a GGUF file. Without it `cl100k`, which suits Llama 3 and Qwen and counts newer ones rather too many than too few; for `local` the file's own.",
    ),
    open(
        ROUTES,
        "health_path",
        Kind::Text,
        "/health",
        "A path on the server's host that is asked now and then; anything but 2xx, twice in a row, takes the route out until it answers well again. Without it only the requests themselves show how it does.",
    ),
    key(
        ROUTES,
        "health_seconds",
        whole(1, 3_600),
        Some("10"),
        "The pause between two such questions.",
    ),
    open(
        ROUTES,
        "price_input",
        Kind::Price,
        "0.15",
        "Euros for a million tokens sent, at all times. For more than that: [[models.routes.prices]].",
    ),
    open(
        ROUTES,
        "price_output",
        Kind::Price,
        "0.60",
        "Euros for a million tokens received, at all times.",
    ),
    open(
        ROUTES,
        "energy_wh_per_1000_tokens",
        Kind::WattHours,
        "0.4",
        "An estimate of the energy for a thousand tokens, sent and received, in watt hours. It is kept with each call.",
    ),
    key(
        ROUTES,
        "first_byte_seconds",
        whole(1, 3_600),
        Some("60"),
        "Longest wait until a streamed answer brings something: a word, a thought, a part of a call. Who speaks is nothing. After it the next route is tried.",
    ),
    key(
        ROUTES,
        "idle_seconds",
        whole(1, 3_600),
        Some("30"),
        "Longest pause inside an answer. After it the answer fails.",
    ),
    key(
        ROUTES,
        "total_seconds",
        whole(1, 24 * 3_600),
        Some("600"),
        "Longest time for a whole answer. After it the answer fails.",
    ),
    key(
        ROUTES,
        "concurrency",
        whole(1, 10_000),
        Some("16"),
        "Answers at the same time. Beyond it the next route is tried; when all are full, the request waits in the model's queue. For `local`: 2 if it is not set.",
    ),
    open(ROUTES, "attempts", whole(1, 20), "1", "As in `gateway`, for this route."),
    open(ROUTES, "breaker_failures", whole(1, 1_000), "20", "As in `gateway`, for this route."),
    open(ROUTES, "breaker_open_seconds", whole(1, 3_600), "60", "As in `gateway`, for this route."),
    open(ROUTES, "slow_start_seconds", whole(0, 3_600), "300", "As in `gateway`, for this route."),
    open(AUTO, "model", Kind::Text, "standard", "The model. Required."),
    open(
        AUTO,
        "class_max",
        Kind::Choice(CLASSES),
        "internal",
        "Only for data up to this class. Without it: for all that the model may receive.",
    ),
    open(
        AUTO,
        "tokens_max",
        whole(1, 100_000_000),
        "8000",
        "Only for requests up to this many tokens, question and longest answer together, estimated by three bytes each.",
    ),
    open(
        AUTO,
        "task",
        Kind::Choice(&["chat", "answer", "summary", "tools", "images"]),
        "chat",
        "Only for requests of this kind: plain conversation, an answer from sources, a summary of sources, with tools, with images.",
    ),
];
