//! Token by token against llama.cpp. `fixtures/reference.json` holds what it said to the very same
//! weights; `fixtures/reference.py` records it anew.

use infer::local::{Asked, Sampling};
use serde_json::Value;
use testkit::weights::{Numbers, RandomModel};

use super::loaded;

#[test]
fn every_family_and_type_of_numbers_says_what_llama_cpp_says() {
    let cases: Value =
        serde_json::from_str(include_str!("../../../fixtures/reference.json")).unwrap();
    let cases = cases["cases"].as_array().unwrap();
    assert!(cases.len() >= 12, "five families and six types of numbers");
    for case in cases {
        let architecture = match case["architecture"].as_str().unwrap() {
            "llama" => "llama",
            "qwen2" => "qwen2",
            "qwen3" => "qwen3",
            "gemma3" => "gemma3",
            "phi3" => "phi3",
            other => panic!("{other}"),
        };
        let numbers = match case["numbers"].as_str().unwrap() {
            "F32" => Numbers::F32,
            "F16" => Numbers::F16,
            "Q4_0" => Numbers::Q4_0,
            "Q8_0" => Numbers::Q8_0,
            "Q4_K" => Numbers::Q4K,
            "Q6_K" => Numbers::Q6K,
            other => panic!("{other}"),
        };
        let what = format!("{architecture} {numbers:?}");
        let model = match case["size"].as_str().unwrap() {
            "tiny" => RandomModel::tiny(architecture, numbers),
            _ => RandomModel::small(architecture, numbers),
        };
        let model = loaded(&model);
        let prompt = model.tokens(case["text"].as_str().unwrap()).unwrap();
        assert_eq!(prompt, ids(&case["prompt"]), "{what}: the tokens of the text");
        let expected = ids(&case["tokens"]);
        let sampling = Sampling { temperature: 0.0, ..Sampling::default() };
        let asked = Asked { sampling, tokens_max: Some(24), ..Asked::default() };
        let mut text = String::new();
        let made =
            model.answer(&prompt, &asked, &|| false, &mut |piece| text.push_str(piece)).unwrap();
        assert!(expected.len() >= 8, "{what}: long enough to say something");
        assert_eq!(made.tokens, expected, "{what}: the tokens of the answer");
        assert_eq!(text, case["content"].as_str().unwrap(), "{what}: the text of the answer");
    }
}

fn ids(value: &Value) -> Vec<u32> {
    let ids = value.as_array().unwrap().iter();
    ids.map(|id| u32::try_from(id.as_u64().unwrap()).unwrap()).collect()
}
