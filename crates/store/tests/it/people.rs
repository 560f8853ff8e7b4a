//! Accounts, set-up, sessions, keys, failed logins.

use std::time::Duration;

use domain::{DataClass, Instant, Role, Scope, UnitId, Visibility};
use store::{By, Conflict, Error, LoginAttempts, NewApiKey, UserChange};

use crate::world::{World, new_user, principal};

crate::on_both_engines! {
    an_account_comes_with_a_private_default_collection,
    a_mail_address_is_one_account,
    the_last_administrator_stays,
    units_and_roles_change,
    a_new_unit_is_counted_by_itself,
    set_up_works_once,
    set_up_tokens_expire_and_replace_each_other,
    sessions_end,
    a_new_password_ends_other_sessions,
    keys_are_found_until_revoked_or_expired,
    a_disabled_person_is_nobody,
    failed_logins_are_counted_without_loss,
    settings_are_kept,
}

async fn an_account_comes_with_a_private_default_collection(world: World) {
    let clerk = world.person("clerk", &[]).await;
    let collections = world.store.readable_collections(&clerk, None, 100).await.unwrap().items;
    assert_eq!(collections.len(), 1);
    let own = &collections[0];
    assert!(own.is_default);
    assert_eq!((own.owner.id, own.visibility), (clerk.user, Visibility::Private));
    assert_eq!((own.data_class, own.documents), (DataClass::Internal, 0));
    assert_eq!(world.default_collection(&clerk).await, own.id);
}

async fn a_mail_address_is_one_account(world: World) {
    world.person("clerk", &[]).await;
    let again = world.user("CLERK", Role::Member, &[]).await;
    assert!(matches!(again, Err(Error::Conflict(Conflict::EmailTaken))), "{again:?}");
    let login = world.store.login("Clerk@EXAMPLE.org").await.unwrap().unwrap();
    assert_eq!(login.user.email, "clerk@example.org");
    assert_eq!(login.password_hash, "$argon2id$…");
    assert!(world.store.login("nobody@example.org").await.unwrap().is_none());
    let strange = world.user("other", Role::Member, &[UnitId::new()]).await;
    assert!(matches!(strange, Err(Error::NotFound)));
    assert_eq!(
        world.store.users(world.tenant, None, 100).await.unwrap().items.len(),
        1,
        "nothing half-made"
    );
}

async fn the_last_administrator_stays(world: World) {
    let (store, by) = (&world.store, By::command());
    let first = world.user("first", Role::Admin, &[]).await.unwrap();
    let demote = UserChange { role: Some(Role::Member), ..UserChange::default() };
    let disable = UserChange { disabled: Some(true), ..UserChange::default() };
    for change in [&demote, &disable] {
        let refused = store.change_user(world.tenant, first.id, change, &by).await;
        assert!(matches!(refused, Err(Error::Conflict(Conflict::LastAdmin))));
    }
    let second = world.user("second", Role::Admin, &[]).await.unwrap();
    // Both at once: one of them must be refused.
    let (a, b) = tokio::join!(
        store.change_user(world.tenant, first.id, &demote, &by),
        store.change_user(world.tenant, second.id, &disable, &by),
    );
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
}

async fn units_and_roles_change(world: World) {
    let (traffic, water) = (world.unit("Verkehr").await, world.unit("Wasser").await);
    let user = world.user("clerk", Role::Member, &[traffic]).await.unwrap();
    assert_eq!(user.units[0].name, "Verkehr");
    let change = UserChange {
        role: Some(Role::Admin),
        units: Some(vec![water, water]),
        name: Some("Frau Ä".to_owned()),
        ..UserChange::default()
    };
    let changed =
        world.store.change_user(world.tenant, user.id, &change, &By::command()).await.unwrap();
    assert_eq!((changed.role, changed.name.as_str()), (Role::Admin, "Frau Ä"));
    assert_eq!(changed.units.iter().map(|unit| unit.id).collect::<Vec<_>>(), [water]);
    let listed = world.store.users(world.tenant, None, 100).await.unwrap().items;
    assert_eq!(listed, vec![changed.clone()]);
    assert_eq!(principal(&changed).units, [water]);
    // Root unit of the installation and the two made here.
    assert_eq!(world.store.units(world.tenant).await.unwrap().len(), 3);
}

/// A unit more is a change of the tree and of nothing else that processes keep copies of.
async fn a_new_unit_is_counted_by_itself(world: World) {
    let store = &world.store;
    let others = async || {
        let rights = store.principals_version().await.unwrap();
        (store.catalogue_stamp().await.unwrap(), store.limits_version().await.unwrap(), rights)
    };
    let before = (store.units_version().await.unwrap(), others().await);
    let by = By::command();
    let (top, one) = store.create_unit(world.tenant, "Amt", None, &by).await.unwrap();
    let (below, two) = store.create_unit(world.tenant, "Referat", Some(top.id), &by).await.unwrap();
    assert_eq!((one, two), (before.0 + 1, before.0 + 2));
    assert_eq!(store.units_version().await.unwrap(), two);
    assert_eq!(others().await, before.1);
    assert_eq!(store.unit_parents().await.unwrap().get(&below.id), Some(&top.id));
    let nowhere = store.create_unit(world.tenant, "Nichts", Some(UnitId::new()), &by).await;
    assert!(matches!(nowhere, Err(Error::NotFound)));
    assert_eq!(store.units_version().await.unwrap(), two);
}

async fn set_up_works_once(world: World) {
    let now = Instant::now();
    let first = new_user("first", Role::Member, &[]);
    assert!(!world.store.has_users().await.unwrap());
    world
        .store
        .create_setup_token("hash", now.after(Duration::from_secs(60)), world.tenant)
        .await
        .unwrap();
    let other = world.other().await;
    let (a, b) = tokio::join!(
        world.store.set_up("hash", now, world.tenant, &first),
        other.set_up("hash", now, world.tenant, &first),
    );
    assert!(a.is_ok() != b.is_ok(), "one token, one administrator: {a:?} {b:?}");
    assert_eq!(a.or(b).unwrap().role, Role::Admin);
    assert!(world.store.has_users().await.unwrap());
    let again = world
        .store
        .create_setup_token("later", now.after(Duration::from_secs(60)), world.tenant)
        .await;
    assert!(matches!(again, Err(Error::Conflict(Conflict::AlreadySetUp))));
}

async fn set_up_tokens_expire_and_replace_each_other(world: World) {
    let now = Instant::now();
    let first = new_user("first", Role::Admin, &[]);
    let soon = now.after(Duration::from_secs(60));
    world.store.create_setup_token("old", soon, world.tenant).await.unwrap();
    world.store.create_setup_token("new", soon, world.tenant).await.unwrap();
    for (token, at) in [("old", now), ("other", now), ("new", soon)] {
        let refused = world.store.set_up(token, at, world.tenant, &first).await;
        assert!(matches!(refused, Err(Error::NotFound)), "{token}");
    }
    world.store.set_up("new", now, world.tenant, &first).await.unwrap();
}

async fn sessions_end(world: World) {
    let user = world.user("clerk", Role::Member, &[]).await.unwrap();
    let now = Instant::now();
    let later = now.after(Duration::from_secs(3_600));
    let session = world.store.create_session(&user, "t1", "Firefox", later).await.unwrap();
    let found = world.store.session_by_token("t1", now).await.unwrap().unwrap();
    assert_eq!((&found.session, &found.user), (&session, &user));
    assert!(world.store.session_by_token("t1", later).await.unwrap().is_none(), "expired");
    assert!(world.store.session_by_token("t2", now).await.unwrap().is_none());

    let soon = session.last_used_at.after(Duration::from_secs(59));
    world.store.touch_session(&session, soon).await.unwrap();
    let minute = session.last_used_at.after(Duration::from_secs(61));
    let used = || async {
        world.store.sessions(user.tenant, user.id, now, None, 100).await.unwrap().items[0].clone()
    };
    assert_eq!(used().await.last_used_at, session.last_used_at);
    world.store.touch_session(&session, minute).await.unwrap();
    assert_eq!(used().await.last_used_at, minute);

    let stranger = world.person("stranger", &[]).await;
    let by = By::from(&stranger);
    let theirs = world.store.delete_session(user.tenant, stranger.user, session.id, &by).await;
    assert!(matches!(theirs, Err(Error::NotFound)));
    world.store.delete_session(user.tenant, user.id, session.id, &by).await.unwrap();
    assert!(world.store.session_by_token("t1", now).await.unwrap().is_none());

    world.store.create_session(&user, "t3", "", now).await.unwrap();
    assert_eq!(world.store.delete_expired_sessions(now).await.unwrap(), 1);
}

async fn a_new_password_ends_other_sessions(world: World) {
    let user = world.user("clerk", Role::Member, &[]).await.unwrap();
    let now = Instant::now();
    let later = now.after(Duration::from_secs(3_600));
    let kept = world.store.create_session(&user, "kept", "", later).await.unwrap();
    world.store.create_session(&user, "other", "", later).await.unwrap();
    let by = By::system();
    world.store.set_password(user.tenant, user.id, "new", Some(kept.id), &by).await.unwrap();
    let left = world.store.sessions(user.tenant, user.id, now, None, 100).await.unwrap().items;
    assert_eq!(left.iter().map(|session| session.id).collect::<Vec<_>>(), [kept.id]);
    assert_eq!(world.store.login_of(user.tenant, user.id).await.unwrap().password_hash, "new");
    world.store.set_password(user.tenant, user.id, "newer", None, &by).await.unwrap();
    assert!(
        world.store.sessions(user.tenant, user.id, now, None, 100).await.unwrap().items.is_empty()
    );
}

async fn keys_are_found_until_revoked_or_expired(world: World) {
    let clerk = world.person("clerk", &[]).await;
    let now = Instant::now();
    let new = |hash: &str, expires_at| NewApiKey {
        name: "Fachverfahren".to_owned(),
        prefix: "sk-fw-ab".to_owned(),
        token_hash: hash.to_owned(),
        scopes: vec![Scope::Models, Scope::Search],
        expires_at,
        data_class: None,
        models: None,
    };
    let by = By::from(&clerk);
    let (tenant, user) = (clerk.tenant, clerk.user);
    let key = world.store.create_key(tenant, user, &new("h1", None), &by).await.unwrap();
    let ends = now.after(Duration::from_secs(10));
    world.store.create_key(tenant, user, &new("h2", Some(ends)), &by).await.unwrap();
    let holder = world.store.key_by_token("h1", now).await.unwrap().unwrap();
    assert_eq!(holder.key, key);
    assert!(holder.principal().has_scope(Scope::Search));
    assert!(!holder.principal().has_scope(Scope::Documents));
    assert!(world.store.key_by_token("h2", now).await.unwrap().is_some());
    assert!(world.store.key_by_token("h2", ends).await.unwrap().is_none());

    world.store.touch_keys(&[key.id], now).await.unwrap();
    let keys = world.store.keys(tenant, user).await.unwrap();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys.iter().find(|k| k.id == key.id).unwrap().last_used_at, Some(now));

    let stranger = world.person("stranger", &[]).await;
    let theirs = world.store.revoke_key(tenant, stranger.user, key.id, &by).await;
    assert!(matches!(theirs, Err(Error::NotFound)));
    world.store.revoke_key(tenant, user, key.id, &by).await.unwrap();
    assert!(world.store.key_by_token("h1", now).await.unwrap().is_none());
    assert_eq!(world.store.keys(tenant, user).await.unwrap().len(), 1);
}

async fn a_disabled_person_is_nobody(world: World) {
    let user = world.user("clerk", Role::Member, &[]).await.unwrap();
    let now = Instant::now();
    let later = now.after(Duration::from_secs(3_600));
    let by = By::command();
    world.store.create_session(&user, "session", "", later).await.unwrap();
    let new = NewApiKey {
        name: "k".to_owned(),
        prefix: "p".to_owned(),
        token_hash: "key".to_owned(),
        scopes: vec![Scope::Models],
        expires_at: None,
        data_class: None,
        models: None,
    };
    world.store.create_key(user.tenant, user.id, &new, &by).await.unwrap();
    let disable = |on| UserChange { disabled: Some(on), ..UserChange::default() };
    world.store.change_user(user.tenant, user.id, &disable(true), &by).await.unwrap();
    assert!(world.store.session_by_token("session", now).await.unwrap().is_none());
    assert!(world.store.key_by_token("key", now).await.unwrap().is_none());
    assert!(world.store.login("clerk@example.org").await.unwrap().unwrap().user.disabled);
    world.store.change_user(user.tenant, user.id, &disable(false), &by).await.unwrap();
    assert!(world.store.session_by_token("session", now).await.unwrap().is_none(), "ended");
    assert!(world.store.key_by_token("key", now).await.unwrap().is_some());
}

async fn failed_logins_are_counted_without_loss(world: World) {
    let other = world.other().await;
    let at = Instant::from_micros(1_000);
    let fail = |attempts: &mut [LoginAttempts]| {
        for attempt in attempts {
            attempt.failures += 1;
            attempt.last_failure = Some(at);
        }
    };
    for _ in 0..10 {
        let (a, b) = tokio::join!(
            world.store.change_login_attempts(&["account", "address"], fail),
            other.change_login_attempts(&["address", "account"], fail),
        );
        a.and(b).unwrap();
    }
    let expected = LoginAttempts { failures: 20, last_failure: Some(at) };
    assert_eq!(world.store.login_attempts("account").await.unwrap(), expected);
    let forget = |attempts: &mut [LoginAttempts]| attempts[0] = LoginAttempts::default();
    world.store.change_login_attempts(&["account"], forget).await.unwrap();
    assert_eq!(world.store.login_attempts("account").await.unwrap(), LoginAttempts::default());
    let later = Instant::from_micros(1_001);
    assert_eq!(world.store.delete_login_attempts(later).await.unwrap(), 1);
}

async fn settings_are_kept(world: World) {
    assert_eq!(world.store.setting("index_format").await.unwrap(), None);
    world.store.set_setting("index_format", "1").await.unwrap();
    world.store.set_setting("index_format", "2").await.unwrap();
    assert_eq!(world.store.setting("index_format").await.unwrap().as_deref(), Some("2"));
}
