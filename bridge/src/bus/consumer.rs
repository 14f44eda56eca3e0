//! One queue's messages, handed on as hints, and acknowledged once the edge has what they announced.

use std::collections::HashMap;
use std::future::Future;

use chrono::Utc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::notification::parse;
use crate::metrics;
use crate::resource::Resource;
use crate::scheduler::{Done, Hint, Scheduler};

/// A message of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it is acknowledged by.
    pub tag: u64,
    /// Its body.
    pub body: Vec<u8>,
}

/// A queue that delivers messages and takes acknowledgements.
pub trait Queue: Send {
    /// Why it no longer delivers.
    type Error: std::fmt::Display + Send;

    /// The next message; [`None`] when there will be no more. May be dropped and called again.
    fn next(&mut self) -> impl Future<Output = Option<Result<Message, Self::Error>>> + Send;

    /// Acknowledges one message.
    fn acknowledge(&mut self, tag: u64) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Asks for no more messages. Those that were delivered can still be acknowledged.
    fn stop(&mut self) -> impl Future<Output = ()> + Send;
}

/// The deliveries that are not acknowledged: one for each resource.
#[derive(Debug, Default)]
struct Ledger {
    held: HashMap<Resource, u64>,
}

impl Ledger {
    /// Holds a delivery, and gives the older one of the same resource. That one may be acknowledged: whatever happens
    /// to this process, the newer one is delivered again.
    fn hold(&mut self, resource: Resource, tag: u64) -> Option<u64> {
        self.held.insert(resource, tag)
    }

    /// Whether this delivery is to be acknowledged now. An older one was before.
    fn release(&mut self, done: Done) -> bool {
        let newest = self.held.get(&done.resource) == Some(&done.tag);
        if newest {
            self.held.remove(&done.resource);
        }
        newest
    }
}

/// Hands a queue's messages on until it ends or `stop` is cancelled, and then waits for what is under way.
///
/// # Errors
///
/// The queue no longer delivers, or takes no acknowledgement. What was not acknowledged is delivered again.
pub async fn carry<Q: Queue>(
    name: &str,
    queue: &mut Q,
    scheduler: &Scheduler,
    stop: &CancellationToken,
) -> Result<(), Q::Error> {
    let mut source = scheduler.source();
    let mut ledger = Ledger::default();
    let mut stopped = false;
    while !(stopped && ledger.held.is_empty()) {
        tokio::select! {
            () = stop.cancelled(), if !stopped => {
                queue.stop().await;
                stopped = true;
            }
            Some(done) = source.done() => {
                if ledger.release(done) {
                    queue.acknowledge(done.tag).await?;
                }
            }
            message = queue.next(), if !stopped => match message {
                None => break,
                Some(message) => {
                    let message = message?;
                    let tag = message.tag;
                    let served = match announced(name, &message) {
                        Some((resource, mut hint)) => {
                            hint.delivery = Some((source.id(), tag));
                            let older = ledger.hold(resource, tag);
                            scheduler.announce(resource, hint);
                            older
                        }
                        None => Some(tag),
                    };
                    if let Some(tag) = served {
                        queue.acknowledge(tag).await?;
                    }
                }
            },
        }
    }
    Ok(())
}

/// The resource that a message announces, and when. One that announces nothing is done with.
fn announced(queue: &str, message: &Message) -> Option<(Resource, Hint)> {
    match parse(&message.body) {
        Ok(announcement) => {
            let resource = announcement.resource?;
            metrics::hint(queue);
            debug!(queue, kind = %resource.kind, id = %resource.id, "announced");
            let announced = Some(announcement.sent.unwrap_or_else(Utc::now));
            Some((
                resource,
                Hint {
                    announced,
                    ..Hint::default()
                },
            ))
        }
        Err(error) => {
            metrics::failure("notification");
            warn!(queue, %error, "a message that is no notification is thrown away");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{Kind, ResourceId};

    fn server() -> Resource {
        let id = ResourceId::parse("5ec95878-b74d-40f2-be61-c3c1ae5e5b19").unwrap();
        Resource {
            kind: Kind::Server,
            id,
        }
    }

    #[test]
    fn the_newest_delivery_of_a_resource_is_held_and_older_ones_are_given_back() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.hold(server(), 1), None);
        assert_eq!(ledger.hold(server(), 2), Some(1));
        assert!(
            !ledger.release(Done {
                resource: server(),
                tag: 1
            }),
            "acknowledged before"
        );
        assert!(ledger.release(Done {
            resource: server(),
            tag: 2
        }));
        assert!(
            !ledger.release(Done {
                resource: server(),
                tag: 2
            }),
            "only once"
        );
    }
}
