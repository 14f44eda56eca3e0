//! A broker that speaks as much AMQP 0-9-1 as the bridge asks of one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use edge_metadata_bridge::bus::Bus;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// What a consumer of a queue is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// It may read, and nothing is delivered.
    Open,
    /// It may read, and its channel is closed at once: 406 `PRECONDITION_FAILED`.
    Expiring,
    /// 403 `ACCESS_REFUSED`.
    Refused,
    /// Nothing: the connection ends.
    Broken,
}

#[derive(Default)]
struct State {
    /// What is not in it does not exist: 404 `NOT_FOUND`.
    queues: HashMap<String, Access>,
    /// The connections so far, those that have ended included.
    connections: Vec<AbortHandle>,
    looks: HashMap<String, usize>,
}

/// Listens until the test ends.
#[derive(Clone)]
pub(crate) struct FakeBroker {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl FakeBroker {
    pub(crate) async fn start(queues: &[(&str, Access)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let broker = Self {
            port: listener.local_addr().unwrap().port(),
            state: Arc::default(),
        };
        for (name, access) in queues {
            broker.declare(name, *access);
        }
        let serving = broker.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let state = Arc::clone(&serving.state);
                let connection = tokio::spawn(async move {
                    // It fails when the other side closes its connection.
                    let _ = serve(stream, &state).await;
                });
                let mut state = serving.state.lock().unwrap();
                state.connections.push(connection.abort_handle());
            }
        });
        broker
    }

    /// A bus that is read from it.
    pub(crate) fn bus(&self, queues: &[&str]) -> Bus {
        Bus {
            name: "test".into(),
            url: format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port).into(),
            queues: queues.iter().map(|&name| name.to_owned()).collect(),
            prefetch: 10,
            look_every: Duration::from_millis(20),
            longest_backoff: Duration::from_mins(1),
        }
    }

    pub(crate) fn declare(&self, name: &str, access: Access) {
        let mut state = self.state.lock().unwrap();
        state.queues.insert(name.into(), access);
    }

    /// Ends all connections, as a broker that restarts.
    pub(crate) fn cut(&self) {
        for connection in &self.state.lock().unwrap().connections {
            connection.abort();
        }
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections.len()
    }

    /// How often a queue was asked for.
    pub(crate) fn looks(&self, name: &str) -> usize {
        let state = self.state.lock().unwrap();
        state.looks.get(name).copied().unwrap_or_default()
    }
}

type Method = (u16, u16);

const METHOD: u8 = 1;
const FRAME_END: u8 = 0xCE;

async fn serve(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut header = [0; 8];
    stream.read_exact(&mut header).await?;
    // Version 0-9, no properties, one mechanism and one language.
    let mut start = vec![0, 9, 0, 0, 0, 0];
    start.extend(long("PLAIN"));
    start.extend(long("en_US"));
    send(&mut stream, 0, (10, 10), &start).await?;
    loop {
        let kind = stream.read_u8().await?;
        let channel = stream.read_u16().await?;
        let size = stream.read_u32().await?;
        let mut body = vec![0; usize::try_from(size).unwrap()];
        stream.read_exact(&mut body).await?;
        assert_eq!(stream.read_u8().await?, FRAME_END);
        if kind != METHOD {
            continue;
        }
        let number = |at: usize| u16::from_be_bytes([body[at], body[at + 1]]);
        let (method, arguments) = match (number(0), number(2)) {
            // Start-ok is answered with tune: as many channels as there are numbers, frames of 64 KiB, no heartbeat.
            (10, 11) => ((10, 30), vec![0, 0, 0, 1, 0, 0, 0, 0]),
            (10, 40) => ((10, 41), vec![0]),
            (10, 50) => ((10, 51), vec![]),
            (20, 10) => ((20, 11), vec![0; 4]),
            (20, 40) => ((20, 41), vec![]),
            (60, 10) => ((60, 11), vec![]),
            (60, 20) => match consume(&text(&body, 6), state) {
                Some(Consumed { answer, then }) => {
                    if let Some((method, arguments)) = then {
                        send(&mut stream, channel, answer.0, &answer.1).await?;
                        (method, arguments)
                    } else {
                        answer
                    }
                }
                None => return Ok(()),
            },
            (60, 30) => ((60, 31), short(&text(&body, 4))),
            _ => continue,
        };
        send(&mut stream, channel, method, &arguments).await?;
    }
}

type Answer = (Method, Vec<u8>);

/// What a consumer is answered, and what follows at once.
struct Consumed {
    answer: Answer,
    then: Option<Answer>,
}

/// The answer to a consumer, if there is one: consume-ok, or the end of its channel.
fn consume(name: &str, state: &Mutex<State>) -> Option<Consumed> {
    let mut state = state.lock().unwrap();
    *state.looks.entry(name.into()).or_default() += 1;
    let ok = ((60, 21), short("tag"));
    let (answer, then) = match state.queues.get(name) {
        Some(Access::Open) => (ok, None),
        Some(Access::Expiring) => (ok, Some(closed(406, "PRECONDITION_FAILED"))),
        Some(Access::Broken) => return None,
        Some(Access::Refused) => (closed(403, "ACCESS_REFUSED"), None),
        None => (closed(404, "NOT_FOUND"), None),
    };
    Some(Consumed { answer, then })
}

/// The end of a channel.
fn closed(code: u16, reason: &str) -> Answer {
    let mut arguments = code.to_be_bytes().to_vec();
    arguments.extend(short(reason));
    arguments.extend([0, 60, 0, 20]);
    ((20, 40), arguments)
}

async fn send(
    stream: &mut TcpStream,
    channel: u16,
    (class, method): Method,
    arguments: &[u8],
) -> std::io::Result<()> {
    let size = u32::try_from(arguments.len() + 4).unwrap();
    let mut frame = vec![METHOD];
    frame.extend(channel.to_be_bytes());
    frame.extend(size.to_be_bytes());
    frame.extend(class.to_be_bytes());
    frame.extend(method.to_be_bytes());
    frame.extend(arguments);
    frame.push(FRAME_END);
    stream.write_all(&frame).await
}

/// The short string that begins here.
fn text(body: &[u8], at: usize) -> String {
    let end = at + 1 + usize::from(body[at]);
    String::from_utf8(body[at + 1..end].to_vec()).unwrap()
}

fn short(text: &str) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(text.len()).unwrap()];
    bytes.extend(text.as_bytes());
    bytes
}

fn long(text: &str) -> Vec<u8> {
    let mut bytes = u32::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}
