//! Nothing goes to a route below the class of the data, or is given again from one, whatever fails,
//! stands in, runs beside or is kept.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use app::{CacheUse, ChatReply, NewMessage, Principal};
use domain::{AtLimit, DataClass, LimitScope, Place, Role, UsageLimit};
use futures_util::StreamExt as _;
use gateway::{AutoChoice, Catalogue, Hedging, Model, Policy, Price, QueueLimits, Route};
use llm::ChatRequest;
use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::fake_model::{FakeModel, Reply};

use crate::world::{MEGA, World, server};

/// The models, each the cheaper one of the one before; `auto` knows them all.
const MODELS: [&str; 3] = ["erstes", "zweites", "drittes"];
/// Most routes of a model.
const ROUTES_MAX: usize = 3;

#[derive(Debug, Clone, Copy)]
enum Behaviour {
    Answers,
    IsSlow,
    Refuses(u16),
    Rests,
    Breaks,
    BreaksLater,
}

impl Behaviour {
    fn reply(self) -> Reply {
        match self {
            Self::Answers => Reply::text("Guten Tag."),
            Self::IsSlow => Reply::text("Guten Tag.").delay(Duration::from_millis(20)),
            Self::Refuses(status) => Reply::status(status, &json!({})),
            Self::Rests => Reply::status(429, &json!({})).header("retry-after", "0.01"),
            Self::Breaks => Reply::raw(200, "text/event-stream", [": \n"]).then_break(),
            Self::BreaksLater => Reply::pieces(["Halb"]).then_break(),
        }
    }
}

#[derive(Debug, Clone)]
struct MadeRoute {
    clearance: DataClass,
    place: Place,
    rank: u32,
    behaviour: Behaviour,
    is_priced: bool,
}

#[derive(Debug, Clone)]
struct MadeModel {
    routes: Vec<MadeRoute>,
    policy: Policy,
    hedging: Hedging,
    /// Whether its budget is used up, so that a cheaper one is asked.
    is_used_up: bool,
}

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    /// A program asks, some questions twice, so that some answers are taken from what is kept.
    Call { model: usize, class: DataClass, twice: bool, stream: bool },
    /// A person asks, and comes back to the answer.
    Run { model: usize, class: DataClass },
    /// Every route of a model is cleared for no more than this.
    Lower { model: usize, clearance: DataClass },
}

fn class() -> impl Strategy<Value = DataClass> {
    prop::sample::select(DataClass::ALL.to_vec())
}

fn behaviour() -> impl Strategy<Value = Behaviour> {
    prop_oneof![
        4 => Just(Behaviour::Answers),
        2 => Just(Behaviour::IsSlow),
        1 => prop::sample::select(vec![401, 500, 503]).prop_map(Behaviour::Refuses),
        1 => Just(Behaviour::Rests),
        1 => Just(Behaviour::Breaks),
        1 => Just(Behaviour::BreaksLater),
    ]
}

fn made_route() -> impl Strategy<Value = MadeRoute> {
    let place = prop::sample::select(Place::ALL.to_vec());
    (class(), place, 1..3_u32, behaviour(), any::<bool>()).prop_map(
        |(clearance, place, rank, behaviour, is_priced)| MadeRoute {
            clearance,
            place,
            rank,
            behaviour,
            is_priced,
        },
    )
}

fn made_model() -> impl Strategy<Value = MadeModel> {
    let routes = prop::collection::vec(made_route(), 1..=ROUTES_MAX);
    let policy = prop::sample::select(Policy::ALL.to_vec());
    let hedging = prop_oneof![Just(Hedging::Off), Just(Hedging::After(Duration::from_millis(1)))];
    (routes, policy, hedging, any::<bool>()).prop_map(|(routes, policy, hedging, is_used_up)| {
        MadeModel { routes, policy, hedging, is_used_up }
    })
}

fn step() -> impl Strategy<Value = Step> {
    // The last stands for `auto`.
    let model = 0..=MODELS.len();
    let call = (model.clone(), class(), any::<bool>(), any::<bool>())
        .prop_map(|(model, class, twice, stream)| Step::Call { model, class, twice, stream });
    let run = (model, class()).prop_map(|(model, class)| Step::Run { model, class });
    let lower =
        (0..MODELS.len(), class()).prop_map(|(model, clearance)| Step::Lower { model, clearance });
    prop_oneof![6 => call, 1 => run, 1 => lower]
}

struct Setting {
    world: World,
    admin: Principal,
    /// A server for each route of each model.
    servers: Vec<Vec<FakeModel>>,
    seen: Seen,
}

/// How often what is tested came about: a test that never sees it would prove nothing.
#[derive(Debug, Default)]
struct Seen {
    answers: AtomicUsize,
    hits: AtomicUsize,
    stood_in: AtomicUsize,
    refused: AtomicUsize,
}

fn count(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Setting {
    async fn new() -> Self {
        let world = World::keeping_answers(DataClass::Restricted).await;
        let admin = world.person("vera", Role::Admin, vec![]).await;
        let mut servers = Vec::new();
        for _ in MODELS {
            let mut own = Vec::new();
            for _ in 0..ROUTES_MAX {
                own.push(FakeModel::start().await);
            }
            servers.push(own);
        }
        Self { world, admin, servers, seen: Seen::default() }
    }

    /// Puts the models into place with servers that behave as they should.
    async fn set_up(&self, made: &[MadeModel]) {
        let mut models = self.world.gateway.catalogue().models().to_vec();
        models.truncate(1);
        models.extend(made.iter().enumerate().map(|(at, made)| Arc::new(self.model(at, made))));
        self.replace(models);
        for (name, made) in MODELS.iter().zip(made) {
            // A budget of nothing excludes what has a price.
            let limit = UsageLimit {
                micro_euro_per_month: made.is_used_up.then_some(0),
                at_limit: AtLimit::Cheaper,
                ..UsageLimit::default()
            };
            let scope = LimitScope::Model((*name).to_owned());
            self.world.app.put_limit(&self.admin, scope, limit).await.unwrap();
        }
    }

    fn model(&self, position: usize, made: &MadeModel) -> Model {
        let routes = made.routes.iter().zip(&self.servers[position]).enumerate();
        let routes = routes.map(|(index, (made, fake))| {
            fake.always(made.behaviour.reply());
            let price = |each| Price { input: each, output: each, ..Price::default() };
            Route {
                rank: made.rank,
                prices: price(if made.is_priced { MEGA } else { 0 }).into(),
                // Routes of all models have the same names.
                ..Route::new(format!("weg-{index}"), server(fake), made.place, made.clearance)
            }
        });
        Model {
            policy: made.policy,
            hedging: made.hedging,
            cheaper: MODELS.get(position + 1).map(|name| (*name).to_owned()),
            queue: QueueLimits::NONE,
            ..Model::new(MODELS[position], routes.collect())
        }
    }

    fn replace(&self, models: Vec<Arc<Model>>) {
        let line = |model: &str| AutoChoice {
            model: model.to_owned(),
            class_max: None,
            tokens_max: None,
            kind: None,
        };
        let auto = MODELS.map(line).to_vec();
        let catalogue = Catalogue::new(models).unwrap().with_auto(auto).unwrap();
        self.world.gateway.replace_catalogue(catalogue);
    }

    async fn lower(&self, position: usize, clearance: DataClass) {
        self.settle().await;
        let mut models = self.world.gateway.catalogue().models().to_vec();
        let model = models.iter_mut().find(|model| model.name == MODELS[position]).unwrap();
        let routes = &mut Arc::make_mut(model).routes;
        routes.iter_mut().for_each(|route| route.clearance = route.clearance.min(clearance));
        self.replace(models);
    }

    /// Looks at all that the servers got since the last look.
    fn look(&self) {
        let catalogue = self.world.gateway.catalogue();
        for (name, servers) in MODELS.iter().zip(&self.servers) {
            let Some(model) = catalogue.model(name) else { return };
            for (route, fake) in model.routes.iter().zip(servers) {
                for request in fake.take_requests() {
                    let class = class_of(&request.body);
                    let (name, clearance) = (&route.name, route.clearance);
                    assert!(class <= clearance, "{class:?} went to {name} for {clearance:?}");
                }
            }
        }
    }

    /// Before routes change, what was given up must have arrived, or not at all.
    async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.look();
    }

    fn clearance(&self, taken: &gateway::Taken) -> DataClass {
        let catalogue = self.world.gateway.catalogue();
        let routes = &catalogue.model(&taken.model).unwrap().routes;
        routes.iter().find(|route| route.name == taken.route).unwrap().clearance
    }

    async fn call(&self, model: &str, class: DataClass, (question, stream): (usize, bool)) {
        let body = json!({
            "model": model, "temperature": 0, "max_tokens": 5, "stream": stream,
            "messages": [{"role": "user", "content": format!("Frage {question} {}", class.code())}],
            "fachwerk": {"data_class": class.code()},
        });
        let request = ChatRequest::parse(body.to_string().as_bytes()).unwrap();
        let Ok(answer) = self.world.app.create_chat_completion(&self.admin, request).await else {
            return count(&self.seen.refused);
        };
        let taken = &answer.way.taken;
        count(&self.seen.answers);
        if answer.way.cache == Some(CacheUse::Hit) {
            count(&self.seen.hits);
        }
        if model != gateway::AUTO_MODEL && taken.model != model {
            count(&self.seen.stood_in);
        }
        assert!(self.clearance(taken) >= class, "{class:?} by {taken:?}, {:?}", answer.way.cache);
        if let ChatReply::Stream(mut chunks) = answer.reply {
            while chunks.next().await.is_some() {}
        }
    }

    async fn run(&self, model: &str, class: DataClass) {
        let talk = self.world.app.create_conversation(&self.admin, None).await.unwrap();
        let question = NewMessage {
            text: format!("Guten Tag {}", class.code()),
            model: Some(model.to_owned()),
            data_class: Some(class),
            documents: Some(vec![]),
            collections: Some(vec![]),
            ..NewMessage::default()
        };
        let Ok(asked) = self.world.app.create_message(&self.admin, talk.id, question).await else {
            return;
        };
        for _ in 0..2 {
            let mut events = self.world.app.watch_run(&self.admin, asked.run.id).await.unwrap();
            while events.next().await.is_some() {}
        }
    }

    async fn take(&self, step: &Step, round: usize) {
        let name = |model: usize| MODELS.get(model).copied().unwrap_or(gateway::AUTO_MODEL);
        match step {
            Step::Lower { model, clearance } => self.lower(*model, *clearance).await,
            Step::Call { model, class, twice, stream } => {
                for _ in 0..=usize::from(*twice) {
                    // Each round begins with nothing kept.
                    self.call(name(*model), *class, (round, *stream)).await;
                }
            }
            Step::Run { model, class } => self.run(name(*model), *class).await,
        }
        self.look();
    }
}

/// The class that the last word of a question names.
fn class_of(body: &Value) -> DataClass {
    let question = body["messages"].as_array().unwrap().last().unwrap()["content"].as_str();
    let code = question.unwrap().rsplit(' ').next().unwrap();
    DataClass::ALL.into_iter().find(|class| class.code() == code).unwrap()
}

/// G-6, G-7: for made-up catalogues, budgets, failures and questions, through retries, fallbacks,
/// cheaper models, second attempts, kept answers, `auto` and answers that are come back to.
#[test]
fn nothing_opens_a_way_below_the_class() {
    static ROUND: AtomicUsize = AtomicUsize::new(0);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let setting = runtime.block_on(Setting::new());
    let made = prop::collection::vec(made_model(), MODELS.len());
    let steps = prop::collection::vec(step(), 1..12);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(40));
    runner
        .run(&(made, steps), |(made, steps)| {
            let round = ROUND.fetch_add(1, Ordering::Relaxed);
            runtime.block_on(async {
                setting.set_up(&made).await;
                for step in &steps {
                    setting.take(step, round).await;
                }
                setting.settle().await;
            });
            Ok(())
        })
        .unwrap();
    let Seen { answers, hits, stood_in, refused } = &setting.seen;
    for counter in [answers, hits, stood_in, refused] {
        assert!(counter.load(Ordering::Relaxed) > 0, "{:?}", setting.seen);
    }
}
