//! Hundreds of questions with known answers (XQuAD, German part): how often the answer is quoted from the right paragraph, and
//! how often something is quoted from paragraphs that hold no answer.

use std::collections::HashMap;

use infer::{ExtractRequest, Extractive, Language, Piece, Source, Task};

use crate::shared::shared_data;

fn field<'a>(line: &'a serde_json::Value, name: &str) -> &'a str {
    line[name].as_str().unwrap()
}

#[test]
fn answers_stand_in_the_quotes() {
    let (Some(documents), Some(questions)) =
        (shared_data("retrieval/xquad-de.docs.jsonl"), shared_data("retrieval/xquad-de.dev.jsonl"))
    else {
        return;
    };
    let parse = |text: &str| {
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect::<Vec<serde_json::Value>>()
    };
    let documents = parse(&documents);
    let texts: HashMap<&str, &str> =
        documents.iter().map(|one| (field(one, "id"), field(one, "text"))).collect();
    let (mut asked, mut held, mut answered, mut invented, mut near, mut among, mut sentences) =
        (0, 0, 0, 0, 0, 0, 0);
    for question in &parse(&questions) {
        let right = texts[field(question, "doc")];
        let at = documents.iter().position(|one| field(one, "text") == right).unwrap();
        let text = |at: usize| field(&documents[at % documents.len()], "text");
        let ask = |text: &str| {
            let sources = [Source { number: 1, heading: "", text }];
            Extractive.answer(&ExtractRequest {
                question: field(question, "query"),
                sources: &sources,
                task: Task::Answer,
                language: Language::De,
            })
        };
        let answer = ask(right);
        let quotes: Vec<&str> = answer
            .pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Quote { text, .. } => Some(text.as_str()),
                _ => None,
            })
            .collect();
        let expected = question["answers"].as_array().unwrap();
        asked += 1;
        sentences += quotes.len();
        answered += usize::from(!quotes.is_empty());
        let holds = quotes
            .iter()
            .any(|quote| expected.iter().any(|answer| quote.contains(answer.as_str().unwrap())));
        held += usize::from(holds);
        invented += usize::from(ask(text(at + 100)).quotes_anything());
        let around: Vec<Source<'_>> = (1..)
            .zip((0..5).map(|step| text(at + documents.len() + step - 2)))
            .map(|(number, text)| Source { number, heading: "", text })
            .collect();
        let found = Extractive
            .answer(&ExtractRequest {
                question: field(question, "query"),
                sources: &around,
                task: Task::Answer,
                language: Language::De,
            })
            .render();
        among += usize::from(expected.iter().any(|answer| {
            found.contains(
                &answer.as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" "),
            )
        }));
        near += usize::from(ask(text(at + 1)).quotes_anything());
    }
    eprintln!(
        "{asked} questions: {answered} answered with {sentences} sentences, {held} hold the answer; {invented} answered from another article, {near} from the next paragraph; {among} found among five paragraphs"
    );
    assert!(held * 100 >= asked * 75, "the answer was quoted for {held} of {asked} questions");
    assert!(
        near * 100 <= asked * 12,
        "{near} of {asked} questions were answered from the next paragraph"
    );
    assert!(
        invented * 100 <= asked,
        "{invented} of {asked} questions were answered from a text without an answer"
    );
}
