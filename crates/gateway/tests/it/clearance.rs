//! Nothing goes to a route below the class of the data or at a forbidden place, whatever fails.

use std::time::Duration;

use domain::{DataClass, ErrorKind, Place};
use gateway::{
    Ask, AutoChoice, BreakerSettings, Catalogue, Condition, Dice, Gateway, GatewayError,
    HealthSettings, Hedging, ModelAccess, Needs, Offer, PlacePolicy, Plan, PlanError, Policy,
    QueueLimits, Reason, Route, Settings, State, Terms, UsageMeter, find_model, may_receive, plan,
};
use proptest::prelude::*;
use serde_json::json;
use testkit::fake_model::{FakeModel, Reply};

use crate::setup::{ask, built_in, client, listen, model, request, route, settings};

fn cleared(name: &str, clearance: DataClass) -> Route {
    Route { clearance, ..built_in(name) }
}

fn class() -> impl Strategy<Value = DataClass> {
    proptest::sample::select(DataClass::ALL.to_vec())
}

fn place() -> impl Strategy<Value = Place> {
    proptest::sample::select(Place::ALL.to_vec())
}

/// What a tenant allows: any places, also none.
fn places() -> impl Strategy<Value = PlacePolicy> {
    proptest::sample::subsequence(Place::ALL.to_vec(), 0..=Place::ALL.len())
        .prop_map(PlacePolicy::of)
}

fn hedging() -> impl Strategy<Value = Hedging> {
    let soon = Hedging::After(Duration::from_millis(1));
    proptest::sample::select(vec![Hedging::Off, soon, Hedging::SlowerThanMost])
}

fn policy() -> impl Strategy<Value = Policy> {
    proptest::sample::select(Policy::ALL.to_vec())
}

#[test]
fn a_refusal_names_class_clearance_and_models_that_may() {
    let catalogue = Catalogue::new(vec![
        model("wolke", vec![cleared("eu", DataClass::Open), cleared("de", DataClass::Internal)]),
        model("haus", vec![cleared("rz", DataClass::Confidential)]),
        model("tresor", vec![cleared("rz", DataClass::Restricted)]),
    ])
    .unwrap();
    let refused = |name, class| {
        may_receive(
            &catalogue,
            name,
            class,
            (PlacePolicy::ANYWHERE, &ModelAccess::ALL),
            Offer::Chat,
        )
    };
    let error = GatewayError::Plan(refused("wolke", DataClass::Personal).unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    insta::assert_json_snapshot!(error.body().to_value(), @r#"
    {
      "error": {
        "message": "The data class of this request is 'personal', but the model 'wolke' may receive at most 'internal'. Models that may: haus, tresor.",
        "type": "permission_error",
        "param": "model",
        "code": "data_class_above_clearance"
      }
    }
    "#);
    let unknown = refused("gpt", DataClass::Open).unwrap_err();
    assert_eq!(unknown, PlanError::UnknownModel { model: "gpt".to_owned() });
    assert_eq!(GatewayError::Plan(unknown).kind(), ErrorKind::NotFound);
}

#[test]
fn a_catalogue_is_sound() {
    let twice =
        Catalogue::new(vec![model("a", vec![built_in("x")]), model("a", vec![built_in("x")])]);
    assert!(twice.is_err());
    assert!(Catalogue::new(vec![model("a", vec![])]).is_err());
    assert!(Catalogue::new(vec![model("a", vec![built_in("x"), built_in("x")])]).is_err());
}

/// How a route is, whatever made it so.
fn condition() -> impl Strategy<Value = Condition> {
    let again_in = Duration::from_secs(3);
    let state = proptest::sample::select(vec![
        State::Ready,
        State::Full,
        State::Ejected,
        State::BreakerOpen { again_in },
        State::CoolingDown { again_in },
        State::Unwell,
        State::Failed,
    ]);
    let latency = proptest::option::of((0..100_u64).prop_map(Duration::from_millis));
    (state, 0..20_usize, latency, 0.01..=1.0_f64).prop_map(|(state, in_flight, latency, ramp)| {
        Condition { state, in_flight, latency, fastest: latency, ramp }
    })
}

/// A route: clearance, place, rank, weight, price, and how it is.
fn planned_route() -> impl Strategy<Value = (Route, Condition)> {
    let price = proptest::option::of(0..100_u64);
    let drained = proptest::bool::weighted(0.2);
    (class(), place(), 1..3_u32, 1..4_u32, price, condition(), drained).prop_map(
        |(clearance, place, rank, weight, price, condition, drained)| {
            let price = price.map(|input| gateway::Price {
                input,
                output: input,
                ..gateway::Price::default()
            });
            let prices = price.map(gateway::Prices::from).unwrap_or_default();
            let base = built_in("x");
            (Route { clearance, place, rank, weight, prices, drained, ..base }, condition)
        },
    )
}

fn named(routes: &[(Route, Condition)]) -> Vec<Route> {
    let numbered = routes.iter().enumerate();
    numbered.map(|(n, (route, _))| Route { name: n.to_string(), ..route.clone() }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// G-4, G-6: the plan is the only way to a route, and it is a function of catalogue, request and
    /// condition. So whatever sequence of failures led to the condition, this holds for it: no route
    /// below the class or at a forbidden place is tried or waited for, none of a model that the caller
    /// may not use, and each route is accounted for.
    #[test]
    fn no_condition_opens_a_way_to_a_forbidden_route(
        routes in proptest::collection::vec(planned_route(), 1..6),
        policy in policy(),
        class in class(),
        places in places(),
        granted in proptest::bool::weighted(0.9),
        prefix in any::<u64>(),
        seed in any::<u64>(),
    ) {
        let mut planned = model("m", named(&routes));
        planned.policy = policy;
        let catalogue = Catalogue::new(vec![planned]).unwrap();
        let model = catalogue.model("m").unwrap();
        let needs = Needs::default();
        let access = ModelAccess::of(move |_| granted);
        let ask = Ask { prefix, ..Ask::new(class, places, &access, &needs) };
        let allowed = |index: &usize| {
            let route = &model.routes[*index];
            class <= route.clearance && places.allows(route.place)
        };
        let now = |index: usize| routes[index].1;
        let Ok(plan) = plan(&catalogue, model, &ask, now, &mut Dice::new(seed)) else {
            prop_assert!(!granted || (0..routes.len()).all(|index| !allowed(&index)));
            prop_assert!(may_receive(&catalogue, "m", class, (places, &access), Offer::Chat).is_err());
            let found = find_model(&catalogue, "m", &ask);
            prop_assert_eq!(found.is_err(), !granted);
            return Ok(());
        };
        let Plan { order, full, left_out, .. } = plan;
        prop_assert!(granted);
        prop_assert!(order.iter().chain(&full).all(allowed));
        prop_assert!(order.is_sorted_by_key(|index| model.routes[*index].rank));
        let mut seen: Vec<usize> =
            order.iter().chain(&full).copied().chain(left_out.iter().map(|(i, _)| *i)).collect();
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..routes.len()).collect::<Vec<_>>());
        // What is well is tried, and the last of a rank is never ejected.
        for (index, (route, condition)) in routes.iter().enumerate().filter(|(i, _)| allowed(i)) {
            match condition.state {
                _ if route.drained => prop_assert!(left_out.contains(&(index, Reason::Drained))),
                State::Ready => prop_assert!(order.contains(&index)),
                State::Full => prop_assert!(full.contains(&index)),
                State::Ejected => {
                    let rank = model.routes[index].rank;
                    let mut used = order.iter().chain(&full);
                    prop_assert!(used.any(|other| model.routes[*other].rank == rank));
                }
                _ => prop_assert!(left_out.iter().any(|(other, _)| *other == index)),
            }
        }
    }
}

/// How a route behaves.
#[derive(Debug, Clone, Copy)]
enum Behaviour {
    Answers,
    Refuses(u16),
    Breaks,
    Garbles,
    BreaksLater,
    IsSlow,
    IsFull,
}

impl Behaviour {
    fn reply(self) -> Reply {
        match self {
            Self::Answers | Self::IsFull => Reply::echo(),
            Self::IsSlow => Reply::echo().delay(Duration::from_millis(30)),
            Self::Refuses(status) => Reply::status(status, &json!({})),
            Self::Breaks => Reply::raw(200, "text/event-stream", [": \n"]).then_break(),
            Self::Garbles => Reply::garbage(),
            Self::BreaksLater => Reply::pieces(["Halb"]).then_break(),
        }
    }
}

fn behaviour() -> impl Strategy<Value = Behaviour> {
    proptest::sample::select(vec![
        Behaviour::Answers,
        Behaviour::Refuses(400),
        Behaviour::Refuses(401),
        Behaviour::Refuses(429),
        Behaviour::Refuses(503),
        Behaviour::Breaks,
        Behaviour::Garbles,
        Behaviour::BreaksLater,
        Behaviour::IsSlow,
        Behaviour::IsFull,
    ])
}

/// A route of a catalogue on real sockets.
type Server = (DataClass, Place, u32, Behaviour);

/// Breakers that open at once and come back at once, so that a few calls see every state.
fn nervous() -> Settings {
    let breaker = BreakerSettings {
        failures_in_a_row: 1,
        open_first: Duration::from_millis(5),
        open_max: Duration::from_millis(20),
        ..BreakerSettings::default()
    };
    Settings { health: HealthSettings { breaker, ..HealthSettings::default() }, ..settings() }
}

/// A call: class, places the tenant allows, whether the caller may use the model.
type Call = (DataClass, PlacePolicy, bool);

async fn try_catalogue(servers: &[Server], choice: (Policy, Hedging), calls: &[Call]) {
    let mut fakes = Vec::new();
    let mut built = Vec::new();
    for (index, (clearance, place, rank, behaviour)) in servers.iter().enumerate() {
        let fake = FakeModel::start().await;
        fake.always(behaviour.reply());
        let concurrent_max = usize::from(!matches!(behaviour, Behaviour::IsFull));
        let base = route(&index.to_string(), &fake.base_url());
        let (clearance, place, rank) = (*clearance, *place, *rank);
        built.push(Route { clearance, place, rank, concurrent_max, ..base });
        fakes.push(fake);
    }
    let mut standard = model("standard", built);
    (standard.policy, standard.hedging) = choice;
    standard.queue = QueueLimits { length_max: 2, wait_max: Duration::from_millis(5) };
    let gateway = Gateway::new(client(), Catalogue::new(vec![standard]).unwrap(), nervous());
    // Each of the two calls has its attempts, and one more beside a slow one.
    let most = if choice.1 == Hedging::Off { 6 } else { 8 };
    for (class, places, granted) in calls {
        let before: Vec<usize> = fakes.iter().map(|fake| fake.requests().len()).collect();
        let (places, granted) = (*places, *granted);
        let access = ModelAccess::of(move |model| granted && model == "standard");
        let terms = Terms { places, access, ..Terms::from(*class) };
        if let Ok(mut stream) = gateway.chat(&ask("x"), terms.clone(), &UsageMeter::default()).await
        {
            listen(&mut stream).await;
        }
        let _ = gateway.complete(&request(json!({})), terms.clone(), &UsageMeter::default()).await;
        for ((fake, (clearance, place, ..)), before) in fakes.iter().zip(servers).zip(before) {
            let asked = fake.requests().len() - before;
            let allowed = granted && class <= clearance && places.allows(*place);
            assert!(asked == 0 || allowed, "{class:?} went to {place:?} for {clearance:?}");
            assert!(asked <= most, "a server was asked {asked} times for two calls");
        }
    }
    let in_flight = |route: &gateway::RouteStatus| route.in_flight;
    let status = gateway.status();
    assert!(status.models[0].routes.iter().all(|route| in_flight(route) == 0), "{status:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// G-6, G-7: the same on real sockets, over several calls, through retries, fallbacks, breakers
    /// that open and half open, the line before full routes, and second attempts beside slow ones.
    #[test]
    fn no_failure_opens_a_way_to_a_forbidden_route(
        servers in proptest::collection::vec((class(), place(), 1..3_u32, behaviour()), 1..5),
        policy in policy(),
        hedging in hedging(),
        calls in proptest::collection::vec((class(), places(), any::<bool>()), 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(try_catalogue(&servers, (policy, hedging), &calls));
    }
}

/// G-10: who may not use a model is told so, and which ones they may; `auto` passes it over.
#[test]
fn a_model_that_is_not_granted_is_refused_by_name_and_passed_over_by_auto() {
    let choice = |model: &str| AutoChoice {
        model: model.to_owned(),
        class_max: None,
        tokens_max: None,
        kind: None,
    };
    let models = ["gross", "klein", "extern"].map(|name| model(name, vec![built_in("x")]));
    let catalogue = Catalogue::new(models.to_vec()).unwrap();
    let catalogue = catalogue.with_auto(vec![choice("gross"), choice("klein")]).unwrap();
    let only = |names: &'static [&'static str]| ModelAccess::of(|name| names.contains(&name));
    let may = |access: &ModelAccess, name| {
        let terms = (PlacePolicy::ANYWHERE, access);
        may_receive(&catalogue, name, DataClass::Internal, terms, Offer::Chat)
    };
    let some = only(&["klein", "extern"]);
    assert_eq!(may(&some, "klein"), Ok(()));
    assert_eq!(may(&some, "auto"), Ok(()));
    let error = GatewayError::Plan(may(&some, "gross").unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    insta::assert_json_snapshot!(error.body().to_value(), @r#"
    {
      "error": {
        "message": "The model 'gross' is not open to you or to this key. Models that are: klein, extern.",
        "type": "permission_error",
        "param": "model",
        "code": "model_not_granted"
      }
    }
    "#);
    let needs = Needs::default();
    let (class, places) = (DataClass::Internal, PlacePolicy::ANYWHERE);
    let ask = Ask::new(class, places, &some, &needs);
    assert_eq!(find_model(&catalogue, "auto", &ask).unwrap().name, "klein");

    // Nothing behind the name is open to them.
    let none = only(&["extern"]);
    let refused = may(&none, "auto").unwrap_err();
    let (model, allowed) = ("auto".to_owned(), vec!["extern".to_owned()]);
    assert_eq!(refused, PlanError::NotGranted { model, allowed });
}

/// A drained route takes no more calls, and what waits is told to come back.
#[tokio::test]
async fn a_drained_route_gets_nothing_new() {
    let (one, other) = (FakeModel::start().await, FakeModel::start().await);
    let drained = |name, fake: &FakeModel| Route { drained: true, ..route(name, &fake.base_url()) };
    let routes = vec![drained("a", &one), route("b", &other.base_url())];
    let gateway = Gateway::new(
        client(),
        Catalogue::new(vec![model("standard", routes)]).unwrap(),
        settings(),
    );
    for _ in 0..4 {
        let mut stream =
            gateway.chat(&ask("x"), DataClass::Open, &UsageMeter::default()).await.unwrap();
        assert_eq!(stream.taken().route, "b");
        // While an answer runs its route is drained: it comes to its end.
        let all = vec![drained("a", &one), drained("b", &other)];
        gateway.replace_catalogue(Catalogue::new(vec![model("standard", all)]).unwrap());
        assert!(listen(&mut stream).await.error.is_none());
        let error = gateway.chat(&ask("x"), DataClass::Open, &UsageMeter::default()).await;
        assert!(matches!(error, Err(GatewayError::Unavailable { .. })));
        let routes = vec![drained("a", &one), route("b", &other.base_url())];
        gateway.replace_catalogue(Catalogue::new(vec![model("standard", routes)]).unwrap());
    }
    assert_eq!(one.requests().len(), 0);
    assert_eq!(gateway.status().models[0].routes[0].state, "drained");
}
