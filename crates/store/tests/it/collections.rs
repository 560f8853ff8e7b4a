//! Who sees which collection: the query must say what `domain::authorise` says.

use domain::{Action, CollectionId, DataClass, TenantId, Visibility, authorise};
use store::{CollectionChange, Conflict, Error, NewCollection};

use crate::world::World;

crate::on_both_engines! {
    the_query_says_what_authorise_says,
    only_the_owner_changes_and_deletes,
    deleting_takes_everything_along,
    a_unit_must_be_one_of_the_tenant,
    an_upload_meets_the_deletion_of_its_collection,
    lists_come_in_parts_without_gap_or_overlap,
}

fn new(name: &str, visibility: Visibility) -> NewCollection {
    NewCollection { name: name.to_owned(), data_class: DataClass::Personal, visibility }
}

async fn the_query_says_what_authorise_says(world: World) {
    let store = &world.store;
    let (traffic, water) = (world.unit("Verkehr").await, world.unit("Wasser").await);
    let people = [
        world.person("nobody", &[]).await,
        world.person("traffic", &[traffic]).await,
        world.person("water", &[water]).await,
        world.person("both", &[traffic, water]).await,
    ];
    let mut all = Vec::new();
    for owner in &people {
        for visibility in [
            Visibility::Private,
            Visibility::Unit(traffic),
            Visibility::Unit(water),
            Visibility::Tenant,
        ] {
            all.push(store.create_collection(owner, &new("Ä", visibility)).await);
        }
        let default = world.default_collection(owner).await;
        all.push(store.collection_for(owner, default).await);
    }
    // An owner keeps seeing what is theirs, whatever circle they gave it to.
    let all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
    for principal in &people {
        let allowed: Vec<CollectionId> = all
            .iter()
            .filter(|c| authorise(principal, Action::ReadCollection, &c.resource()).is_ok())
            .map(|c| c.id)
            .collect();
        let sorted = |mut ids: Vec<CollectionId>| {
            ids.sort();
            ids
        };
        let listed = store.readable_collections(principal, None, 100).await.unwrap().items;
        assert!(listed[0].is_default && listed[0].owner.id == principal.user);
        let expected = sorted(allowed.clone());
        assert_eq!(sorted(listed.iter().map(|c| c.id).collect()), expected);
        let ids = store.readable_collection_ids(principal).await.unwrap();
        assert_eq!(sorted(ids.iter().map(|(id, _)| *id).collect()), expected);
        let every: Vec<CollectionId> = all.iter().map(|c| c.id).collect();
        let some = store.collections_for(principal, &every).await.unwrap();
        assert_eq!(sorted(some.iter().map(|c| c.id).collect()), expected);
        for collection in &all {
            let found = store.collection_for(principal, collection.id).await;
            assert_eq!(found.is_ok(), allowed.contains(&collection.id));
        }
        let mut elsewhere = principal.clone();
        elsewhere.tenant = TenantId::new();
        assert!(store.readable_collections(&elsewhere, None, 100).await.unwrap().items.is_empty());
    }
    assert!(store.collections_for(&people[0], &[]).await.unwrap().is_empty());
}

async fn lists_come_in_parts_without_gap_or_overlap(world: World) {
    let (store, me) = (&world.store, world.person("me", &[]).await);
    for name in ["b", "Ä", "a", "a", "ß", "%", "B c"] {
        store.create_collection(&me, &new(name, Visibility::Private)).await.unwrap();
        world
            .user(&format!("{name}{}", domain::UserId::new()), domain::Role::Member, &[])
            .await
            .unwrap();
    }
    let whole = store.readable_collections(&me, None, 100).await.unwrap();
    assert_eq!((whole.items.len(), whole.next), (8, None));
    let (mut parts, mut after) = (vec![], None);
    loop {
        let part = store.readable_collections(&me, after.as_deref(), 3).await.unwrap();
        parts.extend(part.items);
        after = part.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(parts, whole.items);

    let whole = store.users(me.tenant, None, 100).await.unwrap().items;
    let (mut parts, mut after) = (vec![], None);
    loop {
        let part = store.users(me.tenant, after.as_deref(), 3).await.unwrap();
        parts.extend(part.items);
        after = part.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(parts, whole);

    for n in 0..5 {
        world.upload(&me, &format!("{n}.txt"), b"x").await;
    }
    let mine = world.default_collection(&me).await;
    let whole = store.documents(&me, mine, None, 100).await.unwrap().items;
    let first = store.documents(&me, mine, None, 2).await.unwrap();
    let second = store.documents(&me, mine, first.next.as_deref(), 3).await.unwrap();
    assert_eq!(([first.items, second.items].concat(), second.next), (whole, None));
    for cursor in ["x", "5b5d", "5b2261225d", "7b7d"] {
        let bad = store.readable_collections(&me, Some(cursor), 3).await;
        assert!(matches!(bad, Err(store::Error::InvalidCursor)), "{cursor}");
    }
}

async fn only_the_owner_changes_and_deletes(world: World) {
    let (owner, reader) = (world.person("owner", &[]).await, world.person("reader", &[]).await);
    let made = world.store.create_collection(&owner, &new("a", Visibility::Tenant)).await.unwrap();
    let change = CollectionChange {
        name: Some("b".to_owned()),
        data_class: Some(DataClass::Confidential),
        visibility: Some(Visibility::Private),
    };
    let theirs = world.store.change_collection(&reader, made.id, &change).await;
    assert!(matches!(theirs, Err(Error::NotFound)));
    let theirs = world.store.delete_collection(&reader, made.id, &world.blobs).await;
    assert!(matches!(theirs, Err(Error::NotFound)));
    let changed = world.store.change_collection(&owner, made.id, &change).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.data_class), ("b", DataClass::Confidential));
    assert!(matches!(world.store.collection_for(&reader, made.id).await, Err(Error::NotFound)));
    let default = world.default_collection(&owner).await;
    let kept = world.store.delete_collection(&owner, default, &world.blobs).await;
    assert!(matches!(kept, Err(Error::Conflict(Conflict::DefaultCollection))));
}

async fn deleting_takes_everything_along(world: World) {
    let owner = world.person("owner", &[]).await;
    let made = world.store.create_collection(&owner, &new("a", Visibility::Tenant)).await.unwrap();
    let mut documents = Vec::new();
    for name in ["eins.txt", "zwei.txt"] {
        let pending = world.pending(name.as_bytes()).await;
        let got = world.store.receive_document(&owner, made.id, name, pending, None).await.unwrap();
        documents.push(got.document);
    }
    assert_eq!(world.store.collection_for(&owner, made.id).await.unwrap().documents, 2);
    world.store.delete_collection(&owner, made.id, &world.blobs).await.unwrap();
    for document in documents {
        let gone = world.store.document_for(&owner, document.id).await;
        assert!(matches!(gone, Err(Error::NotFound)));
        assert!(!world.blobs.path(&document.blob).exists());
    }
}

async fn a_unit_must_be_one_of_the_tenant(world: World) {
    let owner = world.person("owner", &[]).await;
    let strange = Visibility::Unit(domain::UnitId::new());
    let refused = world.store.create_collection(&owner, &new("a", strange)).await;
    assert!(matches!(refused, Err(Error::NotFound)));
}

/// Either the upload comes first and goes with the collection, or it finds the collection gone.
async fn an_upload_meets_the_deletion_of_its_collection(world: World) {
    let (owner, other) = (world.person("owner", &[]).await, world.other().await);
    for round in 0..10 {
        let made = world.store.create_collection(&owner, &new("a", Visibility::Private)).await;
        let id = made.unwrap().id;
        let pending = world.pending(format!("{round}").as_bytes()).await;
        let hash = pending.hash().clone();
        let (deleted, received) = tokio::join!(
            world.store.delete_collection(&owner, id, &world.blobs),
            other.receive_document(&owner, id, "x", pending, None),
        );
        deleted.unwrap();
        match received {
            // It came first, and was shown if it was read back before the deletion.
            Ok(_) | Err(Error::NotFound) => {}
            Err(error) => panic!("{error:?}"),
        }
        assert!(!world.blobs.path(&hash).exists(), "round {round}");
    }
}
