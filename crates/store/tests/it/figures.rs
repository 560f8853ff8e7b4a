//! Figures of what was used: over enough people, closed once, never different again.

use std::collections::{BTreeMap, BTreeSet};

use domain::{DataClass, Day, Place, UnitId, UserId};
use store::{Figures, Store, UsageRecord, UsageView};

use crate::{ledger::call, on_both_engines, world::World};

on_both_engines!(
    days_close_when_enough_people_made_calls,
    whatever_is_shown_is_about_enough_people,
    two_processes_close_a_day_once,
    a_person_sees_their_own,
    a_call_that_comes_late_changes_no_closed_day,
    units_have_a_cost_centre,
);

const PEOPLE_MIN: usize = 5;

/// A day long before today, so many days on; every call of it is written down as if at once.
fn day(number: i64) -> Day {
    Day::from_number(20_000 + number)
}

async fn record(world: &World, calls: &[UsageRecord]) {
    world.store.record_usage(calls).await.unwrap();
}

fn used(world: &World, user: UserId, on: Day) -> UsageRecord {
    UsageRecord { at: on.start(), ..call(world.tenant, Some(user)) }
}

async fn calls_by_subject(world: &World, view: UsageView) -> BTreeMap<String, u64> {
    let all = Day::from_number(0)..=day(1_000);
    let figures = world.store.usage_figures(world.tenant, view, all).await.unwrap();
    figures.into_iter().map(|figure| (figure.subject, figure.sums.calls)).collect()
}

async fn days_close_when_enough_people_made_calls(world: World) {
    let people: Vec<UserId> = (0..6).map(|_| UserId::new()).collect();
    let mut calls = Vec::new();
    for (on, who) in [(0, 0..5), (1, 0..1), (2, 1..5), (3, 0..4)] {
        calls.extend(people[who].iter().map(|user| used(&world, *user, day(on))));
    }
    record(&world, &calls).await;
    let (store, tenant) = (&world.store, world.tenant);

    store.close_usage(tenant, day(0), PEOPLE_MIN).await.unwrap();
    assert_eq!(store.closed_until(tenant).await.unwrap(), None, "the day is not over");
    store.close_usage(tenant, day(4), PEOPLE_MIN).await.unwrap();
    let figures = store.usage_figures(tenant, UsageView::Day, day(0)..=day(9)).await.unwrap();
    let days: Vec<_> = figures.iter().map(|f| (f.first_day, f.last_day, f.sums.calls)).collect();
    assert_eq!(days, [(day(0), day(0), 5), (day(1), day(2), 5)], "the last day waits");

    // Five people together with the day that waited.
    record(&world, &[used(&world, people[5], day(6))]).await;
    store.close_usage(tenant, day(7), PEOPLE_MIN).await.unwrap();
    let figures = store.usage_figures(tenant, UsageView::Day, day(3)..=day(9)).await.unwrap();
    let days: Vec<_> = figures.iter().map(|f| (f.first_day, f.last_day, f.sums.calls)).collect();
    assert_eq!(days, [(day(3), day(6), 5)]);
}

/// Made-up calls of two dozen people in a tree of units over some days: no block of any view is about
/// fewer than five people, every view counts the same calls, and no call is counted twice.
async fn whatever_is_shown_is_about_enough_people(world: World) {
    let people: Vec<UserId> = (0..24).map(|_| UserId::new()).collect();
    let by = store::By::command();
    let mut units: Vec<UnitId> = Vec::new();
    for number in 0..7 {
        let above = units.get(number / 2).copied().filter(|_| number > 0);
        let made = world.store.create_unit(world.tenant, "Einheit", above, &by).await.unwrap();
        units.push(made.0.id);
    }
    let mut dice = 7_u64;
    let mut roll = |sides: usize| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) as usize % sides
    };
    let mut calls = Vec::new();
    for number in 0..40 {
        for _ in 0..roll(14) {
            let who = roll(people.len());
            calls.push(UsageRecord {
                unit: (who % 8 != 7).then(|| units[who % 8]),
                model: ["klein", "mittel", "gross"][roll(9) / 4].to_owned(),
                place: [Place::Own, Place::Germany][roll(9) / 8],
                data_class: [DataClass::Open, DataClass::Personal][roll(3) / 2],
                ..used(&world, people[who], day(number))
            });
        }
    }
    record(&world, &calls).await;
    let (store, tenant) = (&world.store, world.tenant);
    // Closed as the days pass: what was shown in between counts as much as what is shown at the end.
    let mut before: BTreeMap<(UsageView, String), Figures> = BTreeMap::new();
    let mut closed = Day::from_number(0);
    for end in 1..=40 {
        store.close_usage(tenant, day(end), PEOPLE_MIN).await.unwrap();
        let Some(now) = store.closed_until(tenant).await.unwrap() else { continue };
        let of_these: Vec<&UsageRecord> =
            calls.iter().filter(|c| Day::of(c.at) > closed && Day::of(c.at) <= now).collect();
        let mut totals = BTreeSet::new();
        for view in UsageView::ALL {
            let all = Day::from_number(0)..=now;
            let mut total = 0;
            for figure in store.usage_figures(tenant, view, all).await.unwrap() {
                total += figure.sums.calls;
                let key = (view, format!("{} {:?}", figure.subject, figure.last_day));
                let key = if view == UsageView::Day { key } else { (view, figure.subject) };
                let more = figure.sums.calls - before.get(&key).map_or(0, |sums| sums.calls);
                assert!(more == 0 || more >= PEOPLE_MIN as u64, "a difference of too few");
                before.insert(key, figure.sums);
            }
            totals.insert(total);
        }
        assert_eq!(totals.len(), 1, "all views close the same calls");
        let people: BTreeSet<_> = of_these.iter().map(|c| c.by.user).collect();
        assert!(of_these.is_empty() || people.len() >= PEOPLE_MIN);
        closed = now;
    }
    let people = "SELECT CAST(MIN(people) AS BIGINT) AS n FROM usage_figure";
    assert_eq!(world.number(people).await, PEOPLE_MIN as i64);
    let counted: u64 = calls_by_subject(&world, UsageView::Unit).await.values().sum();
    let until_then = calls.iter().filter(|call| Day::of(call.at) <= closed).count();
    assert_eq!(counted, until_then as u64);
    assert!(calls_by_subject(&world, UsageView::Unit).await.len() > 3, "units are told apart");
}

async fn two_processes_close_a_day_once(world: World) {
    let calls: Vec<_> = (0..5).map(|_| used(&world, UserId::new(), day(0))).collect();
    record(&world, &calls).await;
    let other: Store = world.other().await;
    let (mine, theirs) = tokio::join!(
        world.store.close_usage(world.tenant, day(1), PEOPLE_MIN),
        other.close_usage(world.tenant, day(1), PEOPLE_MIN)
    );
    mine.unwrap();
    theirs.unwrap();
    assert_eq!(calls_by_subject(&world, UsageView::Model).await["standard"], 5);
    // A higher bound later does not touch what is closed.
    world.store.close_usage(world.tenant, day(1), 9).await.unwrap();
    assert_eq!(calls_by_subject(&world, UsageView::Model).await["standard"], 5);
}

async fn a_person_sees_their_own(world: World) {
    let (me, you) = (world.person("me", &[]).await, world.person("you", &[]).await);
    let cached = UsageRecord {
        from_cache: true,
        cost_nano_euro: None,
        cached_tokens: 4,
        energy_mwh: Some(3),
        ..used(&world, me.user, day(1))
    };
    let calls = [
        used(&world, me.user, day(0)),
        cached,
        used(&world, me.user, day(1)),
        used(&world, you.user, day(1)),
    ];
    record(&world, &calls).await;
    let own = world.store.own_usage(me.tenant, me.user, day(1).start()).await.unwrap();
    assert_eq!(own.len(), 1);
    assert_eq!(own[0].model, "standard");
    let expected = Figures {
        calls: 2,
        from_cache: 1,
        prompt_tokens: 20,
        cached_tokens: 4,
        completion_tokens: 2,
        cost_nano_euro: 7,
        unpriced: 1,
        energy_mwh: 3,
    };
    assert_eq!(own[0].sums, expected);
}

async fn a_call_that_comes_late_changes_no_closed_day(world: World) {
    let calls: Vec<_> = (0..5).map(|_| used(&world, UserId::new(), day(3))).collect();
    record(&world, &calls).await;
    world.store.close_usage(world.tenant, day(4), PEOPLE_MIN).await.unwrap();
    record(&world, &[used(&world, UserId::new(), day(2))]).await;
    world.store.close_usage(world.tenant, day(5), PEOPLE_MIN).await.unwrap();
    assert_eq!(calls_by_subject(&world, UsageView::Model).await["standard"], 5);

    // With others of the days after it comes up; nothing is lost.
    let calls: Vec<_> = (0..4).map(|_| used(&world, UserId::new(), day(8))).collect();
    record(&world, &calls).await;
    world.store.close_usage(world.tenant, day(9), PEOPLE_MIN).await.unwrap();
    let figures =
        world.store.usage_figures(world.tenant, UsageView::Day, day(4)..=day(9)).await.unwrap();
    assert_eq!((figures[0].first_day, figures[0].last_day), (day(4), day(8)));
    assert_eq!(figures[0].sums.calls, 5);
}

async fn units_have_a_cost_centre(world: World) {
    let unit = world.unit("Bauamt").await;
    let by = store::By::command();
    let centre = Some("4711-0".to_owned());
    let changed = world.store.set_cost_centre(world.tenant, unit, centre.clone(), &by).await;
    assert_eq!(changed.unwrap().cost_centre, centre);
    let units = world.store.units(world.tenant).await.unwrap();
    assert_eq!(units.iter().find(|other| other.id == unit).unwrap().cost_centre, centre);
    let cleared = world.store.set_cost_centre(world.tenant, unit, None, &by).await.unwrap();
    assert_eq!(cleared.cost_centre, None);
    let unknown = world.store.set_cost_centre(world.tenant, UnitId::new(), None, &by).await;
    assert!(matches!(unknown, Err(store::Error::NotFound)));
    let stranger = world.store.set_cost_centre(domain::TenantId::new(), unit, None, &by).await;
    assert!(matches!(stranger, Err(store::Error::NotFound)));
}
