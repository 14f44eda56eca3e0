//! Reaching an object: its name, what an error of a call means, and when to try again.

use thiserror::Error;

use super::listing::{Page, Position};
use super::made::REPEATABLE_MILLIS;
use super::message::{Call, Reply, Task};
use super::outbox::index_name;
use crate::metadata::{Kind, ResourceId};
use crate::platform::objects::{Namespace, call, list_page};
use crate::platform::{Exception, runtime};
use crate::time::Timestamp;

/// Tries of one call, the first included.
const TRIES: u32 = 4;

/// Milliseconds before the second try, at most; doubled for each further one.
const FIRST_PAUSE_MILLIS: u32 = 50;

/// The object did not reply, or not in words that are understood.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("object {name}: {cause}")]
pub struct StoreError {
    name: String,
    cause: String,
}

/// The name of a resource's object. It must never change: the data is found by it.
#[must_use]
pub fn object_name(kind: Kind, id: &ResourceId) -> String {
    format!("{}:{}", kind.singular(), id.as_str())
}

/// What a request brings along for each of its calls.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The id under which a change is remembered.
    pub operation_id: String,
    /// When the request is given up; no try is made after that.
    pub deadline: Timestamp,
}

/// Sends a task to the object of a resource.
///
/// A call that failed is repeated only when the runtime says that this is safe (`retryable`), on a
/// new stub, with a random pause; never when the object is overloaded.
///
/// # Errors
///
/// The last try's error.
pub async fn send(
    objects: &Namespace,
    kind: Kind,
    id: &ResourceId,
    task: &Task<'_>,
    caller: &Caller,
) -> Result<Reply, StoreError> {
    let name = object_name(kind, id);
    let failed = |cause: String| StoreError {
        name: name.clone(),
        cause,
    };
    let mut message = Call::new(&caller.operation_id, task);
    let mut tries = 1;
    // The object does not remember for ever, whatever deadline an operator sets.
    let last_try = (runtime::now().millis() + REPEATABLE_MILLIS).min(caller.deadline.millis());
    loop {
        let reply = match call(objects, &name, &message) {
            Ok(pending) => pending.reply().await,
            Err(exception) => Err(exception),
        };
        match reply {
            Ok(reply) => return Reply::decode(&reply).map_err(|error| failed(error.to_string())),
            Err(exception) if !may_repeat(&exception, tries) => {
                return Err(failed(exception.to_string()));
            }
            Err(exception) => {
                let pause = pause_millis(tries, runtime::random());
                let next = runtime::now().millis() + i64::from(pause);
                if next >= last_try {
                    return Err(failed(exception.to_string()));
                }
                runtime::sleep(pause).await;
                tries += 1;
                message.retry = true;
            }
        }
    }
}

/// Asks for several resources at once; what could not be had the first time is sent for again.
///
/// # Errors
///
/// One of them could not be had.
pub async fn show_all(
    objects: &Namespace,
    kind: Kind,
    ids: &[ResourceId],
    task: &Task<'_>,
    caller: &Caller,
) -> Result<Vec<Reply>, StoreError> {
    let message = Call::new(&caller.operation_id, task);
    let pending: Vec<_> = ids
        .iter()
        .map(|id| call(objects, &object_name(kind, id), &message))
        .collect();
    let mut replies = Vec::with_capacity(ids.len());
    for (id, pending) in ids.iter().zip(pending) {
        let reply = match pending {
            Ok(pending) => pending.reply().await,
            Err(exception) => Err(exception),
        };
        let failed = |cause: String| StoreError {
            name: object_name(kind, id),
            cause,
        };
        replies.push(match reply {
            Ok(reply) => Reply::decode(&reply).map_err(|error| failed(error.to_string()))?,
            Err(exception) if may_repeat(&exception, 1) => {
                send(objects, kind, id, task, caller).await?
            }
            Err(exception) => return Err(failed(exception.to_string())),
        });
    }
    Ok(replies)
}

/// A page of the list of a project.
///
/// # Errors
///
/// The list could not be had.
pub async fn list(
    indexes: &Namespace,
    project_id: &str,
    page: &Page,
) -> Result<Vec<Position>, StoreError> {
    let name = index_name(project_id);
    let failed = |cause: String| StoreError {
        name: name.clone(),
        cause,
    };
    let reply = match list_page(indexes, &name, &page.encode()) {
        Ok(pending) => pending.reply().await,
        Err(exception) => Err(exception),
    };
    let text = reply.map_err(|exception| failed(exception.to_string()))?;
    text.lines()
        .map(Position::decode)
        .collect::<Result<_, _>>()
        .map_err(|error| failed(error.to_string()))
}

fn may_repeat(exception: &Exception, tries: u32) -> bool {
    exception.retryable && !exception.overloaded && tries < TRIES
}

/// A random share of an upper bound that doubles with each try.
fn pause_millis(tries: u32, random: f64) -> u32 {
    let most = f64::from(FIRST_PAUSE_MILLIS) * f64::from(1 << (tries - 1));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and a few hundred"
    )]
    let pause = (most * random) as u32;
    pause
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_names_never_change() {
        let id = ResourceId::parse("5ec95878-b74d-40f2-be61-c3c1ae5e5b19").unwrap();
        assert_eq!(
            object_name(Kind::Server, &id),
            "server:5ec95878-b74d-40f2-be61-c3c1ae5e5b19"
        );
        assert_eq!(
            object_name(Kind::Image, &id),
            "image:5ec95878-b74d-40f2-be61-c3c1ae5e5b19"
        );
    }

    #[test]
    fn only_what_the_runtime_calls_retryable_is_repeated_and_not_for_ever() {
        let exception = |retryable, overloaded| {
            let mut exception = Exception::ours("x".into());
            exception.retryable = retryable;
            exception.overloaded = overloaded;
            exception
        };
        assert!(may_repeat(&exception(true, false), 1));
        assert!(may_repeat(&exception(true, false), TRIES - 1));
        assert!(!may_repeat(&exception(true, false), TRIES));
        assert!(!may_repeat(&exception(true, true), 1));
        assert!(!may_repeat(&exception(false, false), 1));
    }

    #[test]
    fn pauses_grow_and_are_never_the_same_for_all() {
        assert_eq!(pause_millis(1, 0.0), 0);
        assert_eq!(pause_millis(1, 0.5), 25);
        assert_eq!(pause_millis(3, 0.5), 100);
    }
}
