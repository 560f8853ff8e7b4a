//! Nothing goes to a route below the class of the data, whatever fails.

use domain::{DataClass, ErrorKind};
use gateway::{Catalogue, Gateway, GatewayError, PlanError, Route, UsageMeter, plan};
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

#[test]
fn a_refusal_names_class_clearance_and_models_that_may() {
    let catalogue = Catalogue::new(vec![
        model("wolke", vec![cleared("eu", DataClass::Open), cleared("de", DataClass::Internal)]),
        model("haus", vec![cleared("rz", DataClass::Confidential)]),
        model("tresor", vec![cleared("rz", DataClass::Restricted)]),
    ])
    .unwrap();
    let error = GatewayError::Plan(plan(&catalogue, "wolke", DataClass::Personal).unwrap_err());
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
    let unknown = plan(&catalogue, "gpt", DataClass::Open).unwrap_err();
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

proptest! {
    #[test]
    fn plans_hold_only_cleared_routes_in_order(
        clearances in proptest::collection::vec(proptest::collection::vec(class(), 1..5), 1..4),
        class in class(),
    ) {
        let models = clearances.iter().enumerate().map(|(index, routes)| {
            let routes = routes.iter().enumerate().map(|(n, clearance)| cleared(&n.to_string(), *clearance));
            model(&index.to_string(), routes.collect())
        });
        let catalogue = Catalogue::new(models.collect()).unwrap();
        for (index, routes) in clearances.iter().enumerate() {
            let fitting: Vec<String> = routes.iter().enumerate()
                .filter(|(_, clearance)| class <= **clearance)
                .map(|(n, _)| n.to_string())
                .collect();
            match plan(&catalogue, &index.to_string(), class) {
                Ok(planned) => {
                    let names: Vec<String> = planned.iter().map(|route| route.name.clone()).collect();
                    prop_assert_eq!(names, fitting);
                }
                Err(PlanError::ClearanceTooLow { clearance, allowed, .. }) => {
                    prop_assert!(fitting.is_empty() && clearance < class);
                    for name in allowed {
                        prop_assert!(plan(&catalogue, &name, class).is_ok());
                    }
                }
                Err(other) => prop_assert!(false, "{other}"),
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
    IsFull,
}

impl Behaviour {
    fn reply(self) -> Reply {
        match self {
            Self::Answers | Self::IsFull => Reply::echo(),
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
        Behaviour::IsFull,
    ])
}

async fn try_catalogue(routes: &[(DataClass, Behaviour)], class: DataClass) {
    let mut fakes = Vec::new();
    let mut built = Vec::new();
    for (index, (clearance, behaviour)) in routes.iter().enumerate() {
        let fake = FakeModel::start().await;
        fake.always(behaviour.reply());
        let concurrent_max = usize::from(!matches!(behaviour, Behaviour::IsFull));
        let base = route(&index.to_string(), &fake.base_url());
        built.push(Route { clearance: *clearance, concurrent_max, ..base });
        fakes.push(fake);
    }
    let catalogue = Catalogue::new(vec![model("standard", built)]).unwrap();
    let gateway = Gateway::new(client(), catalogue, settings());
    if let Ok(mut stream) = gateway.chat(&ask("x"), class, &UsageMeter::default()).await {
        listen(&mut stream).await;
    }
    let _ = gateway.complete(&request(json!({})), class, &UsageMeter::default()).await;
    for (fake, (clearance, behaviour)) in fakes.iter().zip(routes) {
        let asked = fake.requests().len();
        assert!(asked == 0 || class <= *clearance, "{class:?} went to a route for {clearance:?}");
        assert!(asked <= 6, "{behaviour:?} was asked {asked} times");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_failure_opens_a_way_to_a_route_below_the_class(
        routes in proptest::collection::vec((class(), behaviour()), 1..5),
        class in class(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(try_catalogue(&routes, class));
    }
}
