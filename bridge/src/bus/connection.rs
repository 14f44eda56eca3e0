//! RabbitMQ: a connection for each bus, a channel for each queue.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties, Consumer, ErrorKind};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::consumer::{Message, Queue, carry};
use crate::backoff::Backoff;
use crate::metrics;
use crate::scheduler::Scheduler;

/// How long connecting may take.
const CONNECTING: Duration = Duration::from_secs(10);

/// How often it is said at most that no queue of a bus can be read.
const WARNED_EVERY: Duration = Duration::from_mins(1);

/// AMQP's reply when a queue does not exist.
const NOT_FOUND: u16 = 404;

/// A message bus of the cloud, and the queues of it that are read.
#[derive(Debug, Clone)]
pub struct Bus {
    /// For logs and metrics.
    pub name: String,
    /// `amqp://` or `amqps://`, with user, password and virtual host.
    pub url: SecretString,
    /// The queues that are read.
    pub queues: Vec<String>,
    /// How many messages of a queue are held without an acknowledgement.
    pub prefetch: u16,
    /// How often a queue that does not exist is looked for.
    pub look_every: Duration,
    /// The longest wait before the next attempt to connect.
    pub longest_backoff: Duration,
}

/// Whether everything that the buses have is being read.
#[derive(Debug, Default)]
pub struct Health {
    buses: usize,
    connected: AtomicUsize,
    read: AtomicUsize,
    /// When messages were last lost, if they may have been: queues of a broker that ended are gone with what was in
    /// them.
    gap: Mutex<Option<DateTime<Utc>>>,
    /// Wakes whoever verifies.
    lost: Notify,
}

impl Health {
    /// Of so many buses, none of which is connected yet.
    #[must_use]
    pub fn new(buses: usize) -> Self {
        Self {
            buses,
            ..Self::default()
        }
    }

    /// Whether all of them are connected.
    #[must_use]
    pub fn all_connected(&self) -> bool {
        self.connected.load(Ordering::Acquire) == self.buses
    }

    /// Whether all of them are read: each has a queue that is read, and none that this user may not read.
    #[must_use]
    pub fn all_read(&self) -> bool {
        self.read.load(Ordering::Acquire) == self.buses
    }

    /// When messages were last lost, if they may have been and no verification has begun since.
    #[must_use]
    pub fn gap(&self) -> Option<DateTime<Utc>> {
        *self.gap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A verification that began at this time has found what was lost before it. Returns whether that ends a gap.
    pub fn mend(&self, verified: DateTime<Utc>) -> bool {
        let mut gap = self.gap.lock().unwrap_or_else(PoisonError::into_inner);
        gap.take_if(|since| *since <= verified).is_some()
    }

    /// Messages may have been lost until now.
    pub fn lost(&self) {
        // The last loss counts: only what is verified after it is known.
        *self.gap.lock().unwrap_or_else(PoisonError::into_inner) = Some(Utc::now());
        self.lost.notify_one();
    }

    /// Waits until messages may have been lost that no verification has found since.
    pub async fn until_lost(&self) {
        while self.gap().is_none() {
            self.lost.notified().await;
        }
    }
}

/// Reads a bus until `stop` is cancelled, connecting anew whenever the connection ends.
pub async fn listen(bus: Bus, scheduler: Scheduler, health: Arc<Health>, stop: CancellationToken) {
    let mut backoff = Backoff::new(bus.longest_backoff);
    let past = Past::default();
    metrics::connected(&bus.name, false);
    while !stop.is_cancelled() {
        let connected = Connected::new(&bus, &health, &past);
        match connected.read(&scheduler, &stop).await {
            Ok(()) => return,
            Err(error) => {
                metrics::failure("bus");
                warn!(bus = bus.name, error = %without_secret(&error, &bus), "the bus is not connected");
            }
        }
        past.missed.store(true, Ordering::Release);
        if connected.settled() {
            backoff.reset();
        }
        let wait = backoff.wait();
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// An error of lapin's may show the address, which has the password in it.
fn without_secret(error: &BusError, bus: &Bus) -> String {
    error
        .to_string()
        .replace(bus.url.expose_secret(), "the bus")
}

/// Why a bus is not read.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// RabbitMQ, or the way to it, failed.
    #[error("{0}")]
    Amqp(#[from] lapin::Error),
    /// It did not answer in time.
    #[error("no connection within {CONNECTING:?}")]
    Timeout,
    /// It was there and is no more.
    #[error("the connection has ended")]
    Ended,
}

/// What became of the last look for a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// It is read.
    Open,
    /// It does not exist.
    Missing,
    /// The broker refuses to let it be read.
    Refused,
}

/// What is known of a bus from one connection to the next.
#[derive(Default)]
struct Past {
    /// Whether messages may have been missed because there was no connection, which nobody has been told.
    missed: AtomicBool,
    /// When it was last said that no queue can be read.
    warned: Mutex<Option<Instant>>,
}

/// A connection to a bus.
struct Connected<'a> {
    bus: &'a Bus,
    health: &'a Health,
    past: &'a Past,
    /// The last look for each queue, in the order of the bus.
    looks: Mutex<Vec<Option<Look>>>,
    /// Whether the bus counts as read.
    read: AtomicBool,
}

impl<'a> Connected<'a> {
    fn new(bus: &'a Bus, health: &'a Health, past: &'a Past) -> Self {
        Self {
            bus,
            health,
            past,
            looks: Mutex::new(vec![None; bus.queues.len()]),
            read: AtomicBool::new(false),
        }
    }

    async fn read(&self, scheduler: &Scheduler, stop: &CancellationToken) -> Result<(), BusError> {
        let bus = self.bus;
        let connection = connect(bus).await?;
        info!(bus = bus.name, "the bus is connected");
        self.health.connected.fetch_add(1, Ordering::AcqRel);
        let ended = self.read_queues(&connection, scheduler, stop).await;
        self.health.connected.fetch_sub(1, Ordering::AcqRel);
        self.set_read(false);
        // What was not acknowledged is delivered again, here or to another consumer.
        let _ = connection.close(200, "the bridge ends".into()).await;
        ended
    }

    fn looks(&self) -> MutexGuard<'_, Vec<Option<Look>>> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether each queue was looked for.
    fn settled(&self) -> bool {
        self.looks().iter().all(Option::is_some)
    }

    /// Remembers what became of a look for a queue, and gives what became of the one before.
    fn looked(&self, queue: usize, look: Look) -> Option<Look> {
        let before = self.looks().get_mut(queue)?.replace(look);
        if self.settled() && self.past.missed.swap(false, Ordering::AcqRel) {
            self.health.lost();
        }
        let (mut open, mut sound) = (false, true);
        for look in self.looks().iter() {
            open |= *look == Some(Look::Open);
            sound &= matches!(look, Some(Look::Open | Look::Missing));
        }
        // After the loss is told, so that no round is good in between.
        self.set_read(open && sound);
        if self.settled() && !open {
            self.warn_unread();
        }
        before
    }

    fn set_read(&self, read: bool) {
        if self.read.swap(read, Ordering::AcqRel) == read {
            return;
        }
        if read {
            self.health.read.fetch_add(1, Ordering::AcqRel);
        } else {
            self.health.read.fetch_sub(1, Ordering::AcqRel);
        }
        metrics::connected(&self.bus.name, read);
    }

    /// Says that no queue can be read, unless that was said a short while ago.
    fn warn_unread(&self) {
        let mut warned = self
            .past
            .warned
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if warned.is_some_and(|at| at.elapsed() < WARNED_EVERY) {
            return;
        }
        *warned = Some(Instant::now());
        warn!(
            bus = self.bus.name,
            queues = ?self.bus.queues,
            "no queue of this bus can be read, and no good round is reported"
        );
    }

    /// Reads all queues at once. The connection's end ends all of them.
    async fn read_queues(
        &self,
        connection: &Connection,
        scheduler: &Scheduler,
        stop: &CancellationToken,
    ) -> Result<(), BusError> {
        let readers = (0..)
            .zip(&self.bus.queues)
            .map(|(number, queue)| self.read_queue(connection, number, queue, scheduler, stop));
        futures::future::try_join_all(readers).await?;
        Ok(())
    }

    /// Reads one queue, on channels of its own: to read one that does not exist, or that this user may not read,
    /// closes the channel.
    async fn read_queue(
        &self,
        connection: &Connection,
        number: usize,
        name: &str,
        scheduler: &Scheduler,
        stop: &CancellationToken,
    ) -> Result<(), BusError> {
        let label = format!("{}/{name}", self.bus.name);
        while !stop.is_cancelled() {
            match RabbitQueue::open(connection, name, self.bus.prefetch).await {
                Ok(mut queue) => {
                    info!(queue = label, "reading");
                    self.looked(number, Look::Open);
                    match carry(&label, &mut queue, scheduler, stop).await {
                        Ok(()) if stop.is_cancelled() => return Ok(()),
                        Ok(()) => {
                            // The broker has cancelled the consumer.
                            warn!(queue = label, "the queue was deleted");
                            self.health.lost();
                            self.looked(number, Look::Missing);
                        }
                        Err(error) if connection.status().connected() => {
                            // Its channel alone was closed, as after the broker's `consumer_timeout` without an
                            // acknowledgement. Nothing is lost: what was not acknowledged is delivered again.
                            metrics::failure("bus");
                            warn!(queue = label, %error, "the queue's channel was closed, and is opened again");
                            self.looked(number, Look::Refused);
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
                Err(error) if is_missing(&error) => {
                    // A queue comes into being with the first notification for it, which for errors may be never.
                    if self.looked(number, Look::Missing) != Some(Look::Missing) {
                        info!(queue = label, "there is no such queue yet");
                    }
                }
                Err(error) if error.is_amqp_soft_error() => {
                    metrics::failure("bus");
                    if self.looked(number, Look::Refused) != Some(Look::Refused) {
                        warn!(queue = label, %error, "the queue cannot be read, and is tried again");
                    }
                }
                Err(error) => return Err(error.into()),
            }
            tokio::select! {
                () = tokio::time::sleep(self.bus.look_every) => {}
                () = stop.cancelled() => {}
            }
            if !connection.status().connected() {
                return Err(BusError::Ended);
            }
        }
        Ok(())
    }
}

fn is_missing(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(amqp) if amqp.get_id() == NOT_FOUND)
}

/// A consumer of RabbitMQ with a bounded number of deliveries that are not acknowledged.
struct RabbitQueue {
    channel: Channel,
    consumer: Consumer,
}

impl RabbitQueue {
    async fn open(
        connection: &Connection,
        name: &str,
        prefetch: u16,
    ) -> Result<Self, lapin::Error> {
        let channel = connection.create_channel().await?;
        channel
            .basic_qos(prefetch, BasicQosOptions::default())
            .await?;
        let consumer = channel
            .basic_consume(
                name.into(),
                "".into(),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            )
            .await?;
        Ok(Self { channel, consumer })
    }
}

impl Queue for RabbitQueue {
    type Error = lapin::Error;

    async fn next(&mut self) -> Option<Result<Message, lapin::Error>> {
        let delivery = self.consumer.next().await?;
        Some(delivery.map(|delivery| Message {
            tag: delivery.delivery_tag,
            body: delivery.data,
        }))
    }

    async fn acknowledge(&mut self, tag: u64) -> Result<(), lapin::Error> {
        self.channel
            .basic_ack(tag, BasicAckOptions::default())
            .await
    }

    async fn stop(&mut self) {
        // If it fails, the connection is gone and nothing more is delivered either.
        let _ = self
            .channel
            .basic_cancel(self.consumer.tag(), BasicCancelOptions::default())
            .await;
    }
}

/// How many messages wait in a bus's queues. One that does not exist has none.
///
/// # Errors
///
/// The bus cannot be asked.
pub async fn waiting(bus: &Bus) -> Result<u64, BusError> {
    let connection = connect(bus).await?;
    let mut total = 0;
    for name in &bus.queues {
        let channel = connection.create_channel().await?;
        let passive = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        match channel
            .queue_declare(name.as_str().into(), passive, FieldTable::default())
            .await
        {
            Ok(queue) => total += u64::from(queue.message_count()),
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let _ = connection.close(200, "asked".into()).await;
    Ok(total)
}

async fn connect(bus: &Bus) -> Result<Connection, BusError> {
    let properties =
        ConnectionProperties::default().with_connection_name("edge-metadata-bridge".into());
    let connecting = Connection::connect(bus.url.expose_secret(), properties);
    Ok(tokio::time::timeout(CONNECTING, connecting)
        .await
        .map_err(|_| BusError::Timeout)??)
}
