//! What is left after a process ended without warning.

use app::{DocumentState, NewMessage, RunState};
use domain::DataClass;
use futures_util::StreamExt as _;
use testkit::fake_model::Reply;

use crate::world::World;

#[tokio::test]
async fn what_was_acknowledged_is_done_by_the_next_process() {
    let world = World::new().await;
    let anna = world.member("anna").await;
    let mine = world.app.get_me(&anna).await.unwrap().default_collection;
    // Nobody works: as if the process had been killed right after its answers.
    let mut ids = vec![];
    for n in 0..10 {
        let mut upload = world.app.begin_upload(&anna, mine, 0).await.unwrap();
        upload.write(format!("Akte Nummer {n} über Wasserrecht.").as_bytes()).await.unwrap();
        let name = format!("akte-{n}.txt");
        ids.push(world.app.upload_document(&anna, upload, &name).await.unwrap().id);
    }
    world.model.next(Reply::pieces(["Ein Anfang"]).then_hang());
    let talk = world.app.create_conversation(&anna, None).await.unwrap();
    let question = NewMessage {
        text: "Erzähle.".to_owned(),
        model: Some("gross".to_owned()),
        data_class: Some(DataClass::Open),
        ..NewMessage::default()
    };
    let asked = world.app.create_message(&anna, talk.id, question).await.unwrap();

    let next = world.restart().await;
    next.end_abandoned_runs(true).await.unwrap();
    let worker = next.clone();
    world.tasks.spawn(async move { worker.run_worker(true, true).await });
    for id in ids {
        let document = next.get_document(&anna, id).await.unwrap();
        assert_eq!(world.settled(&anna, document).await.state, DocumentState::Ready);
    }
    let events: Vec<_> = next.watch_run(&anna, asked.run.id).await.unwrap().collect().await;
    let app::RunEvent::Done { state, reason, .. } = events.last().unwrap() else {
        panic!("a run that ended says so")
    };
    assert_eq!((*state, reason.as_deref()), (RunState::Failed, Some("interrupted")));
    assert!(world.store.verify_audit(anna.tenant).await.unwrap().intact());
}

#[tokio::test]
async fn a_worker_that_cannot_begin_tries_again() {
    let world = World::new().await;
    let anna = world.member("anna").await;
    let mine = world.app.get_me(&anna).await.unwrap().default_collection;
    let mut upload = world.app.begin_upload(&anna, mine, 0).await.unwrap();
    upload.write("Die Wasserrechte sind geregelt.".as_bytes()).await.unwrap();
    let document = world.app.upload_document(&anna, upload, "akte.txt").await.unwrap();
    // The folder for uploads is away for a moment, as when a disk is mounted late.
    let (here, away) = (world.folder.path().join("tmp"), world.folder.path().join("away"));
    std::fs::rename(&here, &away).unwrap();
    world.work();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let waiting = world.app.get_document(&anna, document.id).await.unwrap();
    assert_eq!(waiting.state, DocumentState::Received);
    std::fs::rename(&away, &here).unwrap();
    assert_eq!(world.settled(&anna, document).await.state, DocumentState::Ready);
}
