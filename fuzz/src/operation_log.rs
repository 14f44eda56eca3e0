//! The log of the changes that were applied lately.

use std::collections::HashSet;

use chrono::TimeDelta;
use edge_metadata_core::metadata::{Change, Items, Metadata};
use edge_metadata_core::storage::Replaced;
use edge_metadata_core::storage::operation_log::{
    AppliedOutcome, OperationLog, REPEATABLE, parse_id, replaced, replaced_bytes,
};
use edge_metadata_core::timestamp;
use uuid::Uuid;

const OUTCOMES: &[AppliedOutcome] = &[
    AppliedOutcome::Deleted,
    AppliedOutcome::Metadata,
    AppliedOutcome::Item,
    AppliedOutcome::Created,
    AppliedOutcome::Updated,
    AppliedOutcome::Removed,
];

/// A stored note and id, and a sequence of changes: each byte is one, and says how much time passed.
pub fn operations(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Some(outcome) = AppliedOutcome::parse(&text) {
        assert_eq!(AppliedOutcome::parse(outcome.word()), Some(outcome));
        assert!(text.starts_with(outcome.word()));
    }
    if let Some(id) = parse_id(&text) {
        for stored in [id.to_string(), format!("req-{id}")] {
            assert_eq!(parse_id(&stored), Some(id));
        }
    }
    let mut now = timestamp::from_millis(1_800_000_000_000);
    let mut log = OperationLog::default();
    let mut applied = Vec::new();
    for (number, byte) in (0_u128..).zip(input) {
        // The clock stands still, moves on a little, or a lot; it even goes back.
        now += match byte % 4 {
            0 => TimeDelta::zero(),
            1 => TimeDelta::milliseconds(-5),
            2 => TimeDelta::milliseconds(i64::from(*byte)),
            _ => TimeDelta::milliseconds(i64::from(*byte) * 100),
        };
        let outcome = OUTCOMES[usize::from(byte / 4) % OUTCOMES.len()];
        let replaced_now = log.needs_replaced(now).then(|| {
            let metadata = Metadata::from([("k".to_owned(), "v".repeat(usize::from(*byte) * 256))]);
            let change = Change {
                removed: vec!["k".to_owned()],
                put: Items::new(),
            };
            Replaced::by_change(&change, &metadata)
        });
        let entry = log
            .next(Uuid::from_u128(number), outcome, now, replaced_now.as_ref())
            .unwrap();
        let note = entry.note();
        assert_eq!(replaced(&note), entry.replaced.as_deref());
        let beginning: String = note.chars().take(10).collect();
        assert_eq!(
            replaced_bytes(&beginning, note.len()),
            entry.operation.replaced
        );
        let operation = entry.operation;
        assert!(operation.at >= now);
        if let Some(last) = applied.last() {
            let last: &edge_metadata_core::storage::AppliedOperation = last;
            assert!(operation.at > last.at, "no time is used twice");
        }
        log.push(operation);
        applied.push(operation);
        let last = applied.iter().rev().find(|one| one.outcome.is_by_user());
        let remembered = log.last_user_change();
        assert!(remembered.is_none() || remembered == last.map(|one| one.at));
    }
    // What may still be repeated is remembered, each in a slot of its own.
    let repeatable = applied.iter().filter(|one| one.at >= now - REPEATABLE);
    let mut slots = HashSet::new();
    for operation in repeatable {
        assert_eq!(log.find(operation.id), Some(*operation));
        assert!(slots.insert(operation.slot));
    }
    // A new object reads the table, in which a slot has its last entry.
    let mut rows: Vec<_> = applied
        .iter()
        .enumerate()
        .filter(|(at, one)| !applied[at + 1..].iter().any(|later| later.slot == one.slot))
        .map(|(_, one)| *one)
        .collect();
    rows.sort_by_key(|one| one.at);
    let read = OperationLog::new(rows);
    for operation in &applied {
        assert_eq!(read.find(operation.id), log.find(operation.id));
    }
}
