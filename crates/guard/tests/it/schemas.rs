//! Checks against JSON Schema, R-7 of the reference architecture: what fits, and that no schema costs
//! more than it may.

use std::time::{Duration, Instant};

use guard::{Fit, SchemaCheck, SchemaError};
use proptest::prelude::*;
use serde_json::{Value, json};

fn check(schema: &Value, text: &str) -> Fit {
    SchemaCheck::new(schema).expect("a schema of the tests").check(text)
}

#[test]
fn r_7_an_answer_fits_or_is_told_where_not() {
    let schema = json!({"type": "object", "required": ["name", "alter"], "additionalProperties": false,
        "properties": {"name": {"type": "string"}, "alter": {"type": "integer", "minimum": 0}}});
    assert_eq!(check(&schema, r#"{"name":"Ada","alter":36}"#), Fit::Fits);
    assert_eq!(check(&schema, "Gern! {}"), Fit::NoJson);
    let Fit::Differs(told) = check(&schema, r#"{"name":7,"alter":-1}"#) else { panic!("differs") };
    assert!(told.iter().any(|one| one.contains("/name")), "{told:?}");
    assert!(told.iter().any(|one| one.contains("/alter")), "{told:?}");
    assert!(told.len() <= 8 && told.iter().all(|one| one.chars().count() <= 200));
}

#[test]
fn nothing_outside_the_schema_is_read() {
    let folder = std::env::temp_dir().join(format!("guard-{}.json", std::process::id()));
    std::fs::write(&folder, "{}").unwrap();
    let file = format!("file://{}", folder.display());
    for target in [file.as_str(), "http://127.0.0.1:9/a.json", "andere.json", "//host/x"] {
        let schema = json!({"properties": {"a": {"$ref": target}}});
        assert_eq!(SchemaCheck::new(&schema).unwrap_err(), SchemaError::Unusable, "{target}");
        let schema = json!({"$schema": target, "type": "object"});
        assert_eq!(SchemaCheck::new(&schema).unwrap_err(), SchemaError::Unusable, "{target}");
    }
    std::fs::remove_file(folder).unwrap();
}

#[test]
fn costly_schemas_are_not_used_and_costly_answers_not_checked() {
    // Each definition doubles the next: two to the power of forty.
    let mut definitions = serde_json::Map::new();
    for number in 0..40 {
        let next = json!({"$ref": format!("#/$defs/d{}", number + 1)});
        definitions.insert(format!("d{number}"), json!({"anyOf": [next, next]}));
    }
    definitions.insert("d40".to_owned(), json!({"type": "null"}));
    let schema = json!({"$defs": definitions, "$ref": "#/$defs/d0"});
    let begun = Instant::now();
    assert_eq!(SchemaCheck::new(&schema).unwrap_err(), SchemaError::TooCostly);
    // The same by calling itself, at each level of the answer.
    let schema =
        json!({"properties": {"a": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}}, "required": ["b"]});
    let deep = format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100));
    assert_eq!(check(&schema, &deep), Fit::Unchecked);
    assert!(matches!(check(&schema, r#"{"a":{"a":{}}}"#), Fit::Differs(_)));
    let nested = (0..200).fold(json!({}), |inner, _| json!({"items": inner}));
    assert_eq!(SchemaCheck::new(&nested).unwrap_err(), SchemaError::TooCostly);
    let long = json!({"pattern": "a".repeat(1_000)});
    assert_eq!(SchemaCheck::new(&long).unwrap_err(), SchemaError::TooCostly);
    let hostile = json!({"pattern": "^(a+)+$"});
    assert!(matches!(
        check(&hostile, &json!("a".repeat(50_000) + "!").to_string()),
        Fit::Differs(_)
    ));
    let loop_only = json!({"$ref": "#"});
    let _decided = SchemaCheck::new(&loop_only).map(|schema| schema.check("1"));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

fn any_json() -> impl Strategy<Value = Value> {
    let words = prop_oneof![
        Just("type"),
        Just("$ref"),
        Just("properties"),
        Just("anyOf"),
        Just("items"),
        Just("$defs"),
        Just("pattern"),
        Just("required"),
        Just("$id"),
        Just("not"),
        Just("enum"),
        Just("a")
    ];
    let leaf = prop_oneof![
        Just(json!("#")),
        Just(json!("#/$defs/a")),
        Just(json!("string")),
        Just(json!(1)),
        Just(json!(null)),
        Just(json!("(")),
        Just(json!("object"))
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        let fields = proptest::collection::vec((words.clone(), inner.clone()), 0..5);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::from),
            fields.prop_map(|fields| fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_schema_and_no_answer_panics(schema in any_json(), value in any_json(), text in ".{0,40}") {
        if let Ok(check) = SchemaCheck::new(&schema) {
            let _ = check.check(&value.to_string());
            let _ = check.check(&text);
        }
    }
}
