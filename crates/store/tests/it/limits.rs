//! Limits, sums and leases on both engines (G-9).

use std::collections::BTreeSet;

use domain::{Instant, LimitScope, Meter, Month, Role, Scope, UsageLimit, UserId};
use store::{By, LeaseAsk, LimitRow, MonthSum, NewApiKey, NewUser, UsageRecord};

use crate::{
    ledger::call,
    on_both_engines,
    world::{World, new_user},
};

on_both_engines!(
    sums_and_warnings_come_with_the_calls,
    warnings_about_a_person_are_for_that_person_alone,
    a_larger_budget_warns_anew,
    a_unit_sums_what_lies_below_it,
    processes_share_a_limit_to_the_last,
);

fn month() -> Month {
    Month::of(Instant::now())
}

async fn sum(world: &World, scope: LimitScope) -> MonthSum {
    world.store.month_sums(month(), &[(world.tenant, scope)]).await.unwrap()[0]
}

async fn budget(world: &World, scope: &LimitScope, tokens: u64) {
    let limit = UsageLimit { tokens_per_month: Some(tokens), ..UsageLimit::default() };
    let row = LimitRow { tenant: world.tenant, scope: scope.clone(), limit };
    world.store.put_limit(&row, &By::command()).await.unwrap();
}

/// The percentages of the warnings in the audit log, the oldest first.
async fn audited(world: &World) -> Vec<String> {
    let log = world.store.audit_entries(world.tenant, None, 100).await.unwrap().items;
    let warned = log.iter().rev().filter(|entry| entry.action == "limit_warning");
    warned.map(|entry| entry.detail["percent"].clone()).collect()
}

/// Each warning is given once, whichever of several processes writes the call down.
async fn sums_and_warnings_come_with_the_calls(world: World) {
    let me = world.person("me", &[]).await;
    budget(&world, &LimitScope::Tenant, 110).await;
    let other = world.other().await;
    let mut given = Vec::new();
    for number in 0..12 {
        // Eleven tokens each, 110 with the tenth.
        let store = if number % 2 == 0 { &world.store } else { &other };
        let batch = [call(world.tenant, Some(me.user))];
        given.extend(store.record_usage(&batch).await.unwrap().into_iter().map(|w| w.percent));
        // What was written before is not summed again.
        assert_eq!(store.record_usage(&batch).await.unwrap(), []);
    }
    assert_eq!(given, [80, 90, 100]);
    let expected = MonthSum { calls: 12, tokens: 132, nano_euro: 84 };
    let model = LimitScope::Model("standard".to_owned());
    for scope in [LimitScope::Person(me.user), LimitScope::Tenant, model] {
        assert_eq!(sum(&world, scope).await, expected);
    }
    assert_eq!(world.store.limit_warnings(world.tenant, month()).await.unwrap().len(), 3);
    assert_eq!(audited(&world).await, ["80", "90", "100"]);
}

/// Whoever could read when a limit on somebody warns, and may lower that limit, could read off what they
/// used. Programs are no people.
async fn warnings_about_a_person_are_for_that_person_alone(world: World) {
    let me = world.person("me", &[]).await;
    let by = By::command();
    let key = async |user: UserId| {
        let new = NewApiKey {
            name: "Key".to_owned(),
            prefix: "fw_1234".to_owned(),
            token_hash: user.to_string(),
            scopes: vec![Scope::Models],
            expires_at: None,
            models: None,
            data_class: None,
        };
        world.store.create_key(world.tenant, user, &new, &by).await.unwrap().id
    };
    let program = NewUser { is_service: true, ..new_user("program", Role::Member, &[]) };
    let program = world.store.create_user(world.tenant, &program, &by).await.unwrap().id;
    for (user, is_told) in [(me.user, false), (program, true)] {
        let scopes = [LimitScope::Person(user), LimitScope::Key(key(user).await)];
        for scope in &scopes {
            budget(&world, scope, 11).await;
        }
        let mut record = call(world.tenant, Some(user));
        record.by.key = match scopes[1] {
            LimitScope::Key(id) => Some(id),
            _ => None,
        };
        let given = world.store.record_usage(&[record]).await.unwrap();
        let given: BTreeSet<_> = given.into_iter().map(|warning| warning.scope).collect();
        let expected = scopes.iter().filter(|_| is_told).cloned().collect();
        assert_eq!(given, expected, "what is counted in public");
        assert_eq!(audited(&world).await.len(), if is_told { 2 } else { 0 });
        let kept = world.store.limit_warnings(world.tenant, month()).await.unwrap();
        for scope in &scopes {
            assert!(kept.iter().any(|warning| warning.scope == *scope), "for their own page");
        }
    }
}

/// What a budget was warned of counts only as long as so much of it is used.
async fn a_larger_budget_warns_anew(world: World) {
    let scope = LimitScope::Model("standard".to_owned());
    let warned = async || {
        let kept = world.store.limit_warnings(world.tenant, month()).await.unwrap();
        kept.into_iter().map(|warning| warning.percent).collect::<BTreeSet<_>>()
    };
    let call = async || {
        let batch = [call(world.tenant, None)];
        let given = world.store.record_usage(&batch).await.unwrap();
        given.into_iter().map(|warning| warning.percent).collect::<Vec<_>>()
    };
    budget(&world, &scope, 11).await;
    assert_eq!(call().await, [100]);
    budget(&world, &scope, 33).await;
    assert_eq!(warned().await, BTreeSet::new());
    assert_eq!((call().await, call().await), (vec![], vec![100]));
    // Eighty percent, and known as such: it is not said again.
    budget(&world, &scope, 55).await;
    assert_eq!((call().await, warned().await), (vec![80], BTreeSet::from([80])));
    budget(&world, &scope, 54).await;
    assert_eq!((call().await, warned().await), (vec![100], BTreeSet::from([80, 100])));
    // Taken away and set again is the same as changed.
    world.store.delete_limit(world.tenant, &scope, &By::command()).await.unwrap();
    budget(&world, &scope, 550).await;
    assert_eq!(warned().await, BTreeSet::new());
}

/// A person in two units of one branch counts once above them.
async fn a_unit_sums_what_lies_below_it(world: World) {
    let by = By::command();
    let root = world.unit("Amt").await;
    let unit = async |name| {
        world.store.create_unit(world.tenant, name, Some(root), &by).await.unwrap().0.id
    };
    let (one, two) = (unit("Eins").await, unit("Zwei").await);
    let me = world.person("me", &[one, two]).await;
    let record = UsageRecord { units: me.units.clone(), ..call(world.tenant, Some(me.user)) };
    world.store.record_usage(&[record]).await.unwrap();
    for unit in [root, one, two] {
        assert_eq!(sum(&world, LimitScope::Unit(unit)).await.tokens, 11);
    }
}

/// Four processes that take what they can get exactly what there is.
async fn processes_share_a_limit_to_the_last(world: World) {
    const LIMIT: u64 = 1_000;
    let names = ["a", "b", "c", "d"];
    let mut held = [0_u64; 4];
    let mut dry = BTreeSet::new();
    let mut turn = 0;
    while dry.len() < names.len() {
        let index = turn % names.len();
        let ask = LeaseAsk {
            tenant: world.tenant,
            scope: LimitScope::Tenant,
            meter: Meter::Requests,
            period: 1,
            limit: LIMIT,
            claimed: held[index],
            holding: held[index],
            need: 1,
            expected: 100,
        };
        let given = world.store.exchange_leases(names[index], &[ask]).await.unwrap()[0];
        if given.leased == held[index] {
            dry.insert(index);
        }
        held[index] = given.leased;
        turn += 1;
        assert!(held.iter().sum::<u64>() <= LIMIT, "{held:?}");
    }
    assert_eq!(held.iter().sum::<u64>(), LIMIT, "{held:?}");
    assert!(turn < 60, "{turn} exchanges");
    // Whoever ends gives places and budgets back, but not what was used of a minute.
    world.store.release_leases("a").await.unwrap();
}
