//! Opens connections: straight, or by a proxy. Knows nothing of what is sent on them.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Uri, header, uri::Scheme};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector};
use hyper_util::client::{
    legacy::connect::{Connected, Connection, HttpConnector, proxy::Tunnel},
    proxy::matcher::{Intercept, Matcher},
};
use rustls::ClientConfig;
use tower_service::Service;

use super::{HttpSettings, HttpSetupError, USER_AGENT};

/// Without a sign of life for so long, the other side is asked for one, so that a connection whose
/// other end vanished is noticed.
const KEEPALIVE: Duration = Duration::from_secs(15);
const KEEPALIVE_TRIES: u32 = 3;
/// What was sent and for so long not confirmed is given up, with its connection.
const UNHEARD_MAX: Duration = Duration::from_secs(30);

type Straight = HttpsConnector<HttpConnector>;
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Opens connections for a client.
#[derive(Clone)]
pub(super) struct Connector {
    straight: Straight,
    tls: Arc<ClientConfig>,
    proxies: Arc<Matcher>,
    /// Longest time until a connection stands, with all that lies between.
    patience: Duration,
}

impl Connector {
    pub(super) fn new(settings: &HttpSettings) -> Result<Self, HttpSetupError> {
        let mut tls = ClientConfig::builder().try_with_platform_verifier()?.with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let tls = Arc::new(tls);
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(settings.connect));
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.set_keepalive_interval(Some(KEEPALIVE));
        tcp.set_keepalive_retries(Some(KEEPALIVE_TRIES));
        tcp.set_tcp_user_timeout(Some(UNHEARD_MAX));
        let proxies = match &settings.proxy {
            Some(address) => Matcher::builder().all(address.as_str()).build(),
            None => Matcher::from_env(),
        };
        // What it cannot read, the matcher passes over in silence.
        let anywhere = Uri::from_static("https://fachwerk.invalid");
        if settings.proxy.is_some() && proxies.intercept(&anywhere).is_none() {
            return Err(HttpSetupError::Proxy);
        }
        Ok(Self {
            straight: (tcp, Arc::clone(&tls)).into(),
            tls,
            proxies: Arc::new(proxies),
            patience: settings.connect,
        })
    }

    /// What a proxy wants to see on each request that it passes on in the open.
    pub(super) fn proxy_authorization(&self, uri: &Uri) -> Option<HeaderValue> {
        let is_open = uri.scheme() == Some(&Scheme::HTTP);
        let proxy = is_open.then(|| self.proxies.intercept(uri))??;
        proxy.basic_auth().cloned()
    }

    async fn connect(self, uri: Uri) -> Result<Stream, Failure> {
        let Some(proxy) = self.proxies.intercept(&uri) else {
            return open(self.straight, uri, false).await;
        };
        if uri.scheme() == Some(&Scheme::HTTP) {
            return open(self.straight, proxy.uri().clone(), true).await;
        }
        let tunnel = tunnel(&proxy, self.straight);
        open(HttpsConnector::from((tunnel, self.tls)), uri, false).await
    }
}

fn tunnel(proxy: &Intercept, straight: Straight) -> Tunnel<Straight> {
    let headers = HeaderMap::from_iter([(header::USER_AGENT, USER_AGENT)]);
    let tunnel = Tunnel::new(proxy.uri().clone(), straight).with_headers(headers);
    match proxy.basic_auth() {
        Some(proof) => tunnel.with_auth(proof.clone()),
        None => tunnel,
    }
}

async fn open<C>(mut connector: C, uri: Uri, is_proxied: bool) -> Result<Stream, Failure>
where
    C: Service<Uri, Error = Failure>,
    C::Response: Transport + 'static,
{
    std::future::poll_fn(|cx| connector.poll_ready(cx)).await?;
    let transport = connector.call(uri).await?;
    Ok(Stream { transport: Box::new(transport), is_proxied })
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A proxy's address may bear a password.
        f.debug_struct("Connector").field("patience", &self.patience).finish_non_exhaustive()
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = Failure;
    type Future = BoxFuture<'static, Result<Stream, Failure>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (this, patience) = (self.clone(), self.patience);
        Box::pin(async move { tokio::time::timeout(patience, this.connect(uri)).await? })
    }
}

/// What bytes go over.
trait Transport: Read + Write + Connection + Send + Unpin {}

impl<T: Read + Write + Connection + Send + Unpin> Transport for T {}

/// An open connection.
pub(super) struct Stream {
    transport: Box<dyn Transport>,
    /// Whether requests name the whole address, for a proxy to pass them on.
    is_proxied: bool,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        self.transport.connected().proxy(self.is_proxied)
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut *self.transport).poll_read(cx, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut *self.transport).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut *self.transport).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut *self.transport).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut *self.transport).poll_write_vectored(cx, pieces)
    }
}
