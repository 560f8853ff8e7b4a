//! Limits, sums and leases on both engines (G-9).

use std::collections::BTreeSet;

use domain::{Instant, LimitScope, Meter, Month, UsageLimit};
use store::{By, LeaseAsk, LimitRow, MonthSum, UsageRecord};

use crate::{ledger::call, on_both_engines, world::World};

on_both_engines!(
    sums_and_warnings_come_with_the_calls,
    a_unit_sums_what_lies_below_it,
    processes_share_a_limit_to_the_last,
);

fn month() -> Month {
    Month::of(Instant::now())
}

async fn sum(world: &World, scope: LimitScope) -> MonthSum {
    world.store.month_sums(month(), &[(world.tenant, scope)]).await.unwrap()[0]
}

/// Each warning is given once, whichever of several processes writes the call down.
async fn sums_and_warnings_come_with_the_calls(world: World) {
    let me = world.person("me", &[]).await;
    let limit = UsageLimit { tokens_per_month: Some(110), ..UsageLimit::default() };
    let scope = LimitScope::Person(me.user);
    let row = LimitRow { tenant: world.tenant, scope: scope.clone(), limit };
    world.store.put_limit(&row, &By::command()).await.unwrap();
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
    let expected = MonthSum { calls: 12, tokens: 132, micro_euro: 84 };
    let model = LimitScope::Model("standard".to_owned());
    for scope in [scope, LimitScope::Tenant, model] {
        assert_eq!(sum(&world, scope).await, expected);
    }
    assert_eq!(world.store.limit_warnings(world.tenant, month()).await.unwrap().len(), 3);
    let log = world.store.audit_entries(world.tenant, None, 100).await.unwrap().items;
    let warned = log.iter().filter(|entry| entry.action == "limit_warning");
    assert_eq!(warned.count(), 3);
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
