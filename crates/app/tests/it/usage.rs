//! What was used and what it cost: over enough people for administrators, one's own for everybody.

use app::{Figures, KeyOwner, KeyRequest, Principal, UsageView};
use domain::{DataClass, Day, ErrorKind, Instant, Month, Place, Role, Scope, UnitId, UserId};
use store::{By, Ended, TokenUsage, UsageRecord, Via};

use crate::world::{World, with_key};

/// A day of last month, so that it is over in any case.
fn day(number: i64) -> Day {
    last_month().first_day().plus(number)
}

fn last_month() -> Month {
    Day::of(Instant::now()).month().first_day().plus(-1).month()
}

fn call(who: &Principal, user: UserId, on: Day) -> UsageRecord {
    UsageRecord {
        id: uuid::Uuid::now_v7(),
        at: on.start(),
        tenant: who.tenant,
        by: By { user: Some(user), key: None, via: Via::Session },
        operation: "create_message".to_owned(),
        model: "gross".to_owned(),
        route: "wolke".to_owned(),
        place: Place::Elsewhere,
        tokens: TokenUsage { prompt_tokens: 10, completion_tokens: 2, estimated: false },
        cost_nano_euro: Some(1_500),
        unit: who.home_unit(),
        units: who.units.clone(),
        cached_tokens: 0,
        energy_mwh: None,
        from_cache: false,
        data_class: DataClass::Open,
        ended: Ended::Done,
        database_away: false,
        guard: None,
    }
}

/// A call of so many different people of the unit.
async fn calls(world: &World, of: &Principal, unit: UnitId, people: usize, on: Day) {
    let call = |_| UsageRecord { unit: Some(unit), ..call(of, UserId::new(), on) };
    let calls: Vec<_> = (0..people).map(call).collect();
    world.store.record_usage(&calls).await.unwrap();
}

#[tokio::test]
async fn units_are_charged_to_the_nearest_cost_centre() {
    let world = World::new().await;
    let admin = world.person("chefin", Role::Admin, vec![]).await;
    let town = world.app.create_unit(&admin, "Stadt", None).await.unwrap();
    let office = world.app.create_unit(&admin, "Bauamt", Some(town.id)).await.unwrap();
    let team = world.app.create_unit(&admin, "Tiefbau", Some(office.id)).await.unwrap();
    world.app.update_unit(&admin, office.id, " 4711 ").await.unwrap();
    calls(&world, &admin, team.id, 6, day(1)).await;
    calls(&world, &admin, town.id, 5, day(1)).await;

    let report = world.app.get_usage(&admin, Some(last_month()), UsageView::Unit).await.unwrap();
    let lines: Vec<_> = report
        .lines
        .iter()
        .map(|line| (line.name.as_str(), line.cost_centre.as_deref(), line.sums.cost_nano_euro))
        .collect();
    assert_eq!(lines, [("Stadt", None, 7_500), ("Stadt / Bauamt / Tiefbau", Some("4711"), 9_000)]);
    assert_eq!(report.total.calls, 11);

    world.app.update_unit(&admin, office.id, "").await.unwrap();
    let units = world.app.list_units(&admin).await.unwrap();
    assert!(units.iter().all(|unit| unit.cost_centre.is_none()));
    let unknown = world.app.update_unit(&admin, UnitId::new(), "1").await.unwrap_err();
    assert_eq!(unknown.kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn nobody_else_sees_what_one_person_used() {
    let world = World::new().await;
    let admin = world.person("chefin", Role::Admin, vec![]).await;
    let ada = world.member("ada").await;
    let now = Day::of(Instant::now());
    let own = [call(&ada, ada.user, now), call(&ada, ada.user, day(0))];
    world.store.record_usage(&own).await.unwrap();

    for view in UsageView::ALL {
        for month in [Some(last_month()), None] {
            let report = world.app.get_usage(&admin, month, view).await.unwrap();
            assert_eq!((report.total, report.lines.len()), (Figures::default(), 0), "{view:?}");
        }
    }
    let theirs = world.app.get_own_usage(&ada).await.unwrap();
    assert_eq!((theirs.today.calls, theirs.month.calls), (1, 1));
    assert_eq!(theirs.models[0].model, "gross");
    assert_eq!(world.app.get_own_usage(&admin).await.unwrap().month, Figures::default());
}

#[tokio::test]
async fn only_administrators_in_the_browser_read_and_export() {
    let world = World::new().await;
    let admin = world.person("chefin", Role::Admin, vec![]).await;
    let ada = world.member("ada").await;
    let month = last_month();
    for who in [ada.clone(), with_key(&admin, &Scope::ALL)] {
        let seen = world.app.get_usage(&who, None, UsageView::Day).await;
        assert_eq!(seen.unwrap_err().kind, ErrorKind::Forbidden);
        let export = world.app.export_usage(&who, (month, month), UsageView::Day).await;
        assert_eq!(export.err().unwrap().kind, ErrorKind::Forbidden);
    }
    let own = world.app.get_own_usage(&with_key(&ada, &Scope::ALL)).await;
    assert_eq!(own.unwrap_err().kind, ErrorKind::Forbidden);
}

#[tokio::test]
async fn an_export_goes_month_by_month_and_is_written_down() {
    let world = World::new().await;
    let admin = world.person("chefin", Role::Admin, vec![]).await;
    let unit = world.app.create_unit(&admin, "Amt", None).await.unwrap().id;
    calls(&world, &admin, unit, 5, day(-1)).await;
    calls(&world, &admin, unit, 5, day(2)).await;

    let months = (day(-1).month(), last_month());
    let mut export = world.app.export_usage(&admin, months, UsageView::Unit).await.unwrap();
    let mut found = Vec::new();
    while let Some(report) = export.next().await.unwrap() {
        found.push((report.month, report.total.calls));
    }
    assert_eq!(found, [(months.0, 5), (months.1, 5)]);

    let entries = world.app.list_audit(&admin, None).await.unwrap().items;
    let entry = entries.iter().find(|entry| entry.action == "export_usage").unwrap();
    assert_eq!(entry.actor, Some(admin.user));
    assert_eq!(entry.detail["from"], months.0.to_string());

    let reversed = world.app.export_usage(&admin, (months.1, months.0), UsageView::Unit).await;
    assert_eq!(reversed.err().unwrap().code, "months_reversed");
    let long = ("1990-01".parse().unwrap(), months.1);
    let long = world.app.export_usage(&admin, long, UsageView::Unit).await;
    assert_eq!(long.err().unwrap().code, "months_too_many");
}

/// G-9: what programs use is charged at once; no person stands behind it who would have to be hidden,
/// and nobody is hidden behind it.
#[tokio::test]
async fn programs_stand_in_figures_as_such_and_count_no_person() {
    let world = World::new().await;
    let admin = world.person("chefin", Role::Admin, vec![]).await;
    let office = world.app.create_unit(&admin, "Bauamt", None).await.unwrap();
    world.app.update_unit(&admin, office.id, "4711").await.unwrap();
    let owner =
        || KeyOwner::Service { name: "Fachverfahren".to_owned(), unit: Some("Bauamt".to_owned()) };
    let asked = || KeyRequest {
        name: "Betrieb".to_owned(),
        scopes: vec![Scope::Models],
        expires_at: None,
        models: None,
        data_class: Some(DataClass::Personal),
    };
    let made = world.app.create_key_by_command(owner(), asked()).await.unwrap();
    world.app.create_key_by_command(owner(), asked()).await.unwrap();
    let keys = world.app.list_tenant_keys(&admin).await.unwrap();
    assert_eq!(keys.len(), 2);
    assert!(keys.iter().all(|key| key.is_service && key.owner == keys[0].owner), "one account");
    let program = world.app.principal_by_key(made.token.reveal()).await.unwrap();
    assert_eq!(program.home_unit(), Some(office.id));

    // What is refused leaves nothing behind; an account stays in its unit.
    let new =
        |unit: &str| KeyOwner::Service { name: "Neu".to_owned(), unit: Some(unit.to_owned()) };
    let wrong = || KeyRequest { models: Some(vec!["nix".to_owned()]), ..asked() };
    let refused = world.app.create_key_by_command(new("Bauamt"), wrong()).await.err().unwrap();
    assert_eq!(refused.code, "key_model_unknown");
    let refused = world.app.create_key_by_command(new("Nirgends"), asked()).await.err().unwrap();
    assert_eq!(refused.code, "unit_unknown");
    assert_eq!(world.store.service(admin.tenant, "Neu").await.unwrap(), None);
    world.app.create_unit(&admin, "Kasse", None).await.unwrap();
    let elsewhere =
        KeyOwner::Service { name: "Fachverfahren".to_owned(), unit: Some("Kasse".to_owned()) };
    let refused = world.app.create_key_by_command(elsewhere, asked()).await.err().unwrap();
    assert_eq!(refused.code, "service_elsewhere");

    // One program and one person: the person stays hidden, the program does not.
    let of_program = call(&program, program.user, day(1));
    world.store.record_usage(&[of_program, call(&admin, UserId::new(), day(1))]).await.unwrap();
    let report = |view| world.app.get_usage(&admin, Some(last_month()), view);
    for view in UsageView::ALL {
        let report = report(view).await.unwrap();
        let lines: Vec<_> =
            report.lines.iter().map(|one| (one.is_service, one.sums.calls)).collect();
        assert_eq!(lines, [(true, 1)], "{view:?}");
    }
    let of_units = report(UsageView::Unit).await.unwrap();
    let line = &of_units.lines[0];
    assert_eq!((line.name.as_str(), line.cost_centre.as_deref()), ("Bauamt", Some("4711")));

    // Four people more are five with the one before, and not because of the program.
    calls(&world, &admin, office.id, 3, day(2)).await;
    assert_eq!(report(UsageView::Day).await.unwrap().lines.len(), 1);
    calls(&world, &admin, office.id, 1, day(3)).await;
    let days = report(UsageView::Day).await.unwrap();
    let lines: Vec<_> = days.lines.iter().map(|one| (one.is_service, one.sums.calls)).collect();
    assert_eq!(lines, [(false, 5), (true, 1)]);

    // Whoever looks after the tenant may revoke a program's key, with an entry that names both.
    world.app.revoke_key(&admin, made.key.id).await.unwrap();
    assert!(world.app.principal_by_key(made.token.reveal()).await.is_err());
    let entries = world.app.list_audit(&admin, None).await.unwrap().items;
    let revoked = entries.iter().find(|one| one.action == "revoke_key").unwrap();
    assert_eq!(revoked.detail["owner"], program.user.to_string());
}
