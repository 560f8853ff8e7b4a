//! What a moderation endpoint says, read by a machine that trusts none of its words.

use llm::{Flag, OperationResponse};
use proptest::prelude::*;
use serde_json::{Value, json};

fn flags(results: &Value, texts: usize) -> Option<Vec<Vec<Flag>>> {
    let body = json!({"id": "modr-1", "results": results}).to_string();
    OperationResponse::parse(body.as_bytes()).unwrap().flags(texts).ok()
}

#[test]
fn each_text_has_its_flags() {
    let results = json!([
        {"flagged": false, "categories": {"violence": true}},
        {"flagged": true, "categories": {"violence": true, "sexual": false},
            "category_scores": {"violence": 0.5}},
        {"flagged": true},
    ]);
    let flag = |category: &str, score| Flag { category: category.to_owned(), score };
    let wanted = vec![vec![], vec![flag("violence", 0.5)], vec![flag("flagged", 1.0)]];
    assert_eq!(flags(&results, 3), Some(wanted));
}

#[test]
fn what_is_no_verdict_on_every_text_is_none() {
    for (results, texts) in [
        (json!([{"flagged": false}]), 2),
        (json!([{"flagged": false}, {"flagged": false}]), 1),
        (json!([{"flagged": "false"}]), 1),
        (json!([{"ok": true}]), 1),
        (json!({"flagged": false}), 1),
        (Value::Null, 1),
    ] {
        assert_eq!(flags(&results, texts), None, "{results}");
    }
}

/// The names go into the audit log: no sentence of a stranger, and no text sent back, may.
#[test]
fn names_of_categories_are_short_codes() {
    let names = ["Hate Speech", "S1", "Frau Müller wohnt in Köln", "x\ny", "", &"a".repeat(41)];
    for (name, wanted) in
        names.into_iter().zip(["hate-speech", "s1", "other", "other", "other", "other"])
    {
        let results = json!([{"flagged": true, "categories": {name: true}}]);
        assert_eq!(flags(&results, 1).unwrap()[0][0].category, wanted, "{name}");
    }
}

proptest! {
    #[test]
    fn no_scores_make_it_panic(score in any::<f64>(), name in ".{0,60}") {
        let results = json!([{"flagged": true, "categories": {name.clone(): true},
            "category_scores": {name: score}}]);
        let flag = flags(&results, 1).unwrap().remove(0).remove(0);
        prop_assert!(flag.score > 0.0 && flag.score <= 1.0);
        prop_assert!(flag.category.len() <= 40);
    }
}
