//! Whose turn it is, and what is told of its end.

use super::*;
use crate::resource::{Kind, ResourceId};

fn server(number: u8) -> Resource {
    let id = format!("{number:08x}-0000-4000-8000-000000000000");
    Resource {
        kind: Kind::Server,
        id: ResourceId::parse(&id).unwrap(),
    }
}

fn scheduler() -> Scheduler {
    Scheduler::new(Duration::from_millis(1), 8)
}

fn marked() -> Hint {
    Hint {
        marked: true,
        ..Hint::default()
    }
}

fn delivered(source: SourceId, tag: u64) -> Hint {
    Hint {
        delivery: Some((source, tag)),
        ..Hint::default()
    }
}

#[tokio::test]
async fn many_hints_make_one_turn_which_serves_the_newest_delivery() {
    let scheduler = scheduler();
    let mut source = scheduler.source();
    for tag in 1..=3 {
        scheduler.announce(server(1), delivered(source.id(), tag));
    }
    assert_eq!(scheduler.next().await.resource, server(1));
    assert_eq!(scheduler.take(), None);
    scheduler.end(server(1), End::Done);
    assert_eq!(
        source.done().await,
        Some(Done {
            resource: server(1),
            tag: 3
        })
    );
    assert!(source.done.is_empty() && scheduler.is_empty());
}

#[tokio::test]
async fn a_hint_during_a_turn_is_not_served_by_it() {
    let scheduler = scheduler();
    let mut source = scheduler.source();
    scheduler.announce(server(1), delivered(source.id(), 1));
    scheduler.next().await;
    scheduler.announce(server(1), delivered(source.id(), 2));
    assert_eq!(scheduler.take(), None, "one at a time");
    scheduler.end(server(1), End::Done);
    assert_eq!(source.done().await.unwrap().tag, 1);
    assert!(source.done.is_empty());
    scheduler.next().await;
    scheduler.end(server(1), End::Done);
    assert_eq!(source.done().await.unwrap().tag, 2);
}

#[tokio::test]
async fn a_failed_turn_serves_nobody_and_comes_again() {
    let scheduler = scheduler();
    let mut source = scheduler.source();
    let hint = Hint {
        marked: true,
        ..delivered(source.id(), 1)
    };
    scheduler.announce(server(1), hint);
    scheduler.next().await;
    scheduler.announce(server(1), delivered(source.id(), 2));
    scheduler.end(server(1), End::Failed);
    assert!(source.done.is_empty());
    assert_eq!(
        scheduler.next().await,
        Turn {
            resource: server(1),
            marked: true
        }
    );
    scheduler.end(server(1), End::Done);
    assert_eq!(source.done().await.unwrap().tag, 2, "the newer delivery");
}

#[tokio::test]
async fn marks_that_are_left_make_another_turn() {
    let scheduler = scheduler();
    scheduler.announce(server(1), Hint::default());
    assert!(!scheduler.next().await.marked);
    scheduler.end(server(1), End::Marked);
    assert!(scheduler.next().await.marked);
    scheduler.end(server(1), End::Done);
    assert!(scheduler.is_empty());
}

/// A marked resource whose turn served a delivery and left a change unapplied.
async fn unapplied(scheduler: &Scheduler, source: &mut Source) {
    let hint = Hint {
        marked: true,
        announced: DateTime::from_timestamp(5, 0),
        ..delivered(source.id(), 1)
    };
    scheduler.announce(server(1), hint);
    scheduler.next().await;
    scheduler.end(server(1), End::Unapplied);
}

#[tokio::test]
async fn a_change_that_is_not_applied_keeps_its_mark_alone() {
    let scheduler = scheduler();
    let mut source = scheduler.source();
    unapplied(&scheduler, &mut source).await;
    assert_eq!(source.done().await.unwrap().tag, 1, "acknowledged");
    assert_eq!(scheduler.oldest(), None);
    assert_eq!(scheduler.take(), None, "not at once");
    assert!(scheduler.next().await.marked);
    scheduler.end(server(1), End::Done);
    assert!(scheduler.is_empty());
}

#[tokio::test]
async fn a_hint_of_the_cloud_does_not_wait_for_a_change_that_is_tried_again() {
    let scheduler = Scheduler::new(Duration::from_hours(1), 8);
    let mut source = scheduler.source();
    unapplied(&scheduler, &mut source).await;
    source.done().await;
    let polled = Hint {
        marked: true,
        only_changes: true,
        ..Hint::default()
    };
    scheduler.announce(server(1), polled);
    assert_eq!(scheduler.take(), None, "the marks wait");
    for tag in 2..=3 {
        scheduler.announce(server(1), delivered(source.id(), tag));
        assert_eq!(
            scheduler.take(),
            Some(Turn {
                resource: server(1),
                marked: false
            })
        );
        scheduler.end(server(1), End::Marked);
        assert_eq!(source.done().await.unwrap().tag, tag);
        assert_eq!(scheduler.take(), None, "the marks still wait");
    }
    scheduler.try_again(server(1));
    assert!(scheduler.take().unwrap().marked);
}

#[tokio::test]
async fn a_change_whose_wait_ends_during_a_turn_follows_it() {
    let scheduler = Scheduler::new(Duration::from_hours(1), 8);
    let mut source = scheduler.source();
    unapplied(&scheduler, &mut source).await;
    scheduler.announce(server(1), delivered(source.id(), 2));
    assert!(!scheduler.next().await.marked);
    scheduler.try_again(server(1));
    assert_eq!(scheduler.take(), None, "one at a time");
    scheduler.end(server(1), End::Done);
    assert!(scheduler.take().unwrap().marked);
}

#[tokio::test]
async fn a_turn_that_fails_while_a_change_waits_comes_again_with_it() {
    let scheduler = scheduler();
    let mut source = scheduler.source();
    unapplied(&scheduler, &mut source).await;
    source.done().await;
    scheduler.announce(server(1), delivered(source.id(), 2));
    assert!(!scheduler.take().unwrap().marked);
    scheduler.end(server(1), End::Failed);
    assert!(scheduler.next().await.marked);
    assert_eq!(scheduler.take(), None, "once");
    scheduler.end(server(1), End::Done);
    assert_eq!(source.done().await.unwrap().tag, 2);
    assert!(scheduler.is_empty());
}

/// Failed resources of these numbers that are to be tried again now.
async fn failed(scheduler: &Scheduler, numbers: std::ops::RangeInclusive<u8>) {
    for number in numbers.clone() {
        scheduler.announce(server(number), Hint::default());
        scheduler.next().await;
        scheduler.end(server(number), End::Failed);
    }
    for number in numbers {
        scheduler.try_again(server(number));
    }
}

#[tokio::test]
async fn half_of_the_workers_at_most_repeat_what_has_failed() {
    let scheduler = Scheduler::new(Duration::from_hours(1), 4);
    failed(&scheduler, 1..=5).await;
    let repeated = [scheduler.take(), scheduler.take()].map(|turn| turn.unwrap().resource);
    assert_eq!(repeated, [server(1), server(2)]);
    assert_eq!(scheduler.take(), None, "the others are kept free");
    for number in 6..=7 {
        scheduler.announce(server(number), Hint::default());
        assert_eq!(scheduler.take().unwrap().resource, server(number));
    }
    scheduler.end(server(1), End::Failed);
    assert_eq!(scheduler.take().unwrap().resource, server(3));
    assert_eq!(scheduler.take(), None);
    scheduler.end(server(2), End::Done);
    scheduler.end(server(6), End::Done);
    assert_eq!(scheduler.take().unwrap().resource, server(4));
}

#[tokio::test]
async fn a_worker_that_waits_takes_a_repetition_when_another_ends() {
    let scheduler = Scheduler::new(Duration::from_hours(1), 2);
    failed(&scheduler, 1..=2).await;
    assert_eq!(scheduler.next().await.resource, server(1));
    let waiting = scheduler.clone();
    let waiter = tokio::spawn(async move { waiting.next().await });
    tokio::task::yield_now().await;
    assert!(!waiter.is_finished());
    scheduler.end(server(1), End::Done);
    assert_eq!(waiter.await.unwrap().resource, server(2));
}

#[tokio::test]
async fn a_single_worker_takes_repetitions_and_first_attempts_by_turns() {
    let scheduler = Scheduler::new(Duration::from_hours(1), 1);
    failed(&scheduler, 1..=3).await;
    for number in 4..=5 {
        scheduler.announce(server(number), Hint::default());
    }
    let mut order = Vec::new();
    while let Some(turn) = scheduler.take() {
        order.push(turn.resource);
        scheduler.end(turn.resource, End::Done);
    }
    assert_eq!(order, [1, 4, 2, 5, 3].map(server));
}

#[tokio::test]
async fn turns_come_in_the_order_of_their_announcement() {
    let scheduler = scheduler();
    for number in 1..=3 {
        scheduler.announce(server(number), Hint::default());
    }
    for number in 1..=3 {
        assert_eq!(scheduler.next().await.resource, server(number));
    }
}

#[tokio::test]
async fn the_oldest_announcement_counts_until_it_is_served() {
    let scheduler = scheduler();
    let time = |seconds| DateTime::from_timestamp(seconds, 0);
    scheduler.announce(
        server(1),
        Hint {
            announced: time(7),
            ..Hint::default()
        },
    );
    scheduler.announce(
        server(1),
        Hint {
            announced: time(5),
            ..Hint::default()
        },
    );
    scheduler.announce(
        server(2),
        Hint {
            announced: time(6),
            ..Hint::default()
        },
    );
    scheduler.next().await;
    assert_eq!(scheduler.oldest(), time(5));
    scheduler.end(server(1), End::Done);
    assert_eq!(scheduler.oldest(), time(6));
}

#[tokio::test]
async fn no_room_is_taken_by_what_a_bus_has_announced() {
    let scheduler = scheduler();
    let source = scheduler.source();
    for number in 1..=5 {
        scheduler.announce(server(number), delivered(source.id(), number.into()));
    }
    assert!(futures::poll!(Box::pin(scheduler.room(1))).is_ready());
    scheduler.announce(server(1), marked());
    assert!(futures::poll!(Box::pin(scheduler.room(1))).is_pending());
    scheduler.next().await;
    assert!(futures::poll!(Box::pin(scheduler.room(1))).is_pending());
    assert!(futures::poll!(Box::pin(scheduler.room(2))).is_ready());
}

#[tokio::test]
async fn what_waits_for_its_next_attempt_holds_up_no_other() {
    let scheduler = scheduler();
    for number in 1..=60 {
        scheduler.announce(server(number), marked());
        let turn = scheduler.next().await;
        scheduler.end(turn.resource, End::Failed);
    }
    assert_eq!(scheduler.len(), 60);
    assert!(futures::poll!(Box::pin(scheduler.room(2))).is_ready());
    assert!(futures::poll!(Box::pin(scheduler.room(1))).is_pending());
}

#[tokio::test]
async fn room_is_made_by_the_end_of_a_turn() {
    let scheduler = scheduler();
    scheduler.announce(server(1), marked());
    let waiting = scheduler.clone();
    let waiter = tokio::spawn(async move { waiting.room(1).await });
    scheduler.next().await;
    assert!(!waiter.is_finished());
    scheduler.end(server(1), End::Done);
    waiter.await.unwrap();
}

#[tokio::test]
async fn deliveries_of_a_source_that_is_gone_are_forgotten() {
    let scheduler = scheduler();
    let source = scheduler.source();
    scheduler.announce(server(1), delivered(source.id(), 1));
    drop(source);
    let mut another = scheduler.source();
    scheduler.next().await;
    scheduler.end(server(1), End::Done);
    assert!(scheduler.state().sources.len() == 1 && another.done.try_recv().is_err());
}
