//! JSON that lies in databases out there must go on being readable, and be written as it always was.

use domain::{CollectionId, Scope};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use store::{Attachment, Citation, PageBox, Task, TokenUsage};

#[test]
fn stored_json_of_version_1_reads_and_writes_the_same() {
    let sample: Value =
        serde_json::from_str(include_str!("../../fixtures/stored_json_v1.json")).unwrap();
    keeps::<Vec<Scope>>(&sample["scopes"]);
    keeps::<Vec<String>>(&sample["heading"]);
    keeps::<Vec<Attachment>>(&sample["attachments"]);
    keeps::<Vec<CollectionId>>(&sample["collections"]);
    keeps::<Vec<Citation>>(&sample["citations"]);
    keeps::<Vec<Task>>(&sample["tasks"]);
    keeps::<TokenUsage>(&sample["token_usage"]);
    // Numbers of 32 bits lose their last digits in a comparison of texts.
    let boxes: Vec<PageBox> = serde_json::from_value(sample["boxes"].clone()).unwrap();
    assert_eq!((boxes[0].page, boxes[0].y), (3, 0.25));
}

fn keeps<T: Serialize + DeserializeOwned>(sample: &Value) {
    let read: T = serde_json::from_value(sample.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), *sample);
}
