//! A model server that speaks OpenAI on a real socket and does what a test tells it to: answer,
//! refuse, hang, break off, talk nonsense. It remembers what it was sent and who hung up.

mod other;
mod reply;

use std::{
    collections::{BTreeMap, VecDeque},
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    response::Response,
};
use futures_util::stream;
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::watch,
    task::JoinSet,
    time::timeout,
};

pub use reply::Reply;
use reply::{Ending, Plan, Step};

/// Longest request body, in bytes; beyond: the body counts as empty.
const BODY_BYTES_MAX: usize = 64 << 20;
/// How long [`FakeModel::wait_for_hang_ups`] waits before it fails the test.
const WAIT: Duration = Duration::from_secs(10);
/// How long bytes take to leave the socket before it is broken on purpose.
const FLUSH: Duration = Duration::from_millis(20);

/// A running fake. It stops when dropped.
#[derive(Debug)]
pub struct FakeModel {
    address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

/// A request as the fake saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenRequest {
    /// The path, e.g. `/v1/chat/completions`.
    pub path: String,
    /// The query, empty if there is none.
    pub query: String,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body; null if it is not JSON.
    pub body: Value,
    /// The bytes of the body as they came.
    pub bytes: Bytes,
}

#[derive(Debug)]
struct Shared {
    script: Mutex<Script>,
    requests: watch::Sender<usize>,
    hang_ups: watch::Sender<usize>,
}

#[derive(Debug)]
struct Script {
    next: VecDeque<Reply>,
    otherwise: Reply,
    seen: Vec<SeenRequest>,
}

impl FakeModel {
    /// Starts a fake on a free port of the loopback interface. Until told otherwise it repeats the
    /// last message of the user, and gives a fitting answer where it is asked for something else.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            script: Mutex::new(Script {
                next: VecDeque::new(),
                otherwise: Reply::echo(),
                seen: Vec::new(),
            }),
            requests: watch::Sender::new(0),
            hang_ups: watch::Sender::new(0),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // It only ends with the fake; a broken listener shows as a failing test.
            let _ = axum::serve(listener, router).await;
        });
        Self { address, shared, _tasks: tasks }
    }

    /// The base URL to configure, ending in `/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The same server under another path, e.g. `openai/deployments/gpt` as Azure has it.
    #[must_use]
    pub fn base_url_with(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// Adds a reply to those given once, in order.
    pub fn next(&self, reply: Reply) {
        self.script().next.push_back(reply);
    }

    /// Sets the reply to all requests after those given once.
    pub fn always(&self, reply: Reply) {
        self.script().otherwise = reply;
    }

    /// All requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.script().seen.clone()
    }

    /// All requests since this was last asked; they are forgotten.
    #[must_use]
    pub fn take_requests(&self) -> Vec<SeenRequest> {
        std::mem::take(&mut self.script().seen)
    }

    /// How many callers hung up before their answer was complete.
    #[must_use]
    pub fn hang_ups(&self) -> usize {
        *self.shared.hang_ups.borrow()
    }

    /// Waits until so many requests have arrived.
    ///
    /// # Panics
    /// If they do not within ten seconds.
    pub async fn wait_for_requests(&self, count: usize) {
        wait(self.shared.requests.subscribe(), count, "requests").await;
    }

    /// Waits until so many callers have hung up.
    ///
    /// # Panics
    /// If they do not within ten seconds.
    pub async fn wait_for_hang_ups(&self, count: usize) {
        wait(self.shared.hang_ups.subscribe(), count, "callers that hang up").await;
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.shared.script()
    }
}

/// A port of the loopback interface where nobody listens, for as long as it is held.
#[derive(Debug)]
pub struct DesertedPort {
    address: SocketAddr,
    _socket: TcpSocket,
}

impl DesertedPort {
    /// Takes a free port without listening there, so that every connection is refused.
    ///
    /// # Panics
    /// If there is no free port.
    #[must_use]
    pub fn take() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
        let address = socket.local_addr().expect("a bound socket has an address");
        Self { address, _socket: socket }
    }

    /// The base URL to configure, ending in `/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn wait(mut counter: watch::Receiver<usize>, count: usize, what: &str) {
    let reached = timeout(WAIT, counter.wait_for(|now| *now >= count)).await;
    assert!(reached.is_ok(), "waited in vain for {count} {what}");
}

/// Counts a caller that goes before its answer is complete.
struct Watcher {
    shared: Arc<Shared>,
    is_complete: bool,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        if !self.is_complete {
            self.shared.hang_ups.send_modify(|count| *count += 1);
        }
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> Result<Response, Infallible> {
    let mut watcher = Watcher { shared: Arc::clone(&shared), is_complete: false };
    let seen = see(request).await;
    let reply = {
        let mut script = shared.script();
        script.seen.push(seen.clone());
        let next = script.next.pop_front();
        next.unwrap_or_else(|| script.otherwise.clone())
    };
    shared.requests.send_modify(|count| *count += 1);
    let Plan { status, headers, delay, steps, pause, ending } = reply.plan(&seen.path, &seen.body);
    tokio::time::sleep(delay).await;
    if ending == Ending::HangBeforeFirstByte {
        std::future::pending::<()>().await;
    }
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    if steps.is_empty() && ending == Ending::Complete {
        watcher.is_complete = true;
    }
    let body = stream::unfold((steps, watcher), move |(mut steps, mut watcher)| async move {
        match steps.pop_front() {
            Some(step) => {
                if let Step::AfterPause = step.0 {
                    tokio::time::sleep(pause).await;
                }
                let is_last = steps.is_empty() && ending == Ending::Complete;
                watcher.is_complete |= is_last;
                Some((Ok(step.1), (steps, watcher)))
            }
            None => match ending {
                Ending::Complete => None,
                Ending::Break => {
                    // What was said before must have left the socket, or it would be lost with it.
                    tokio::time::sleep(FLUSH).await;
                    watcher.is_complete = true;
                    let error = io::Error::other("broken off as the test wants it");
                    Some((Err::<Bytes, _>(error), (steps, watcher)))
                }
                Ending::Hang | Ending::HangBeforeFirstByte => std::future::pending().await,
            },
        }
    });
    Ok(response.body(Body::from_stream(body)).expect("the test gives valid headers"))
}

async fn see(request: Request) -> SeenRequest {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
    let text =
        |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    SeenRequest {
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        bytes: body,
    }
}
