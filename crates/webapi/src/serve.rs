//! Listening: one thread with an executor of its own, for all addresses.

use crate::routes::router;
use crate::{Backend, CONNECTION_TIMEOUT, CONNECTIONS_MAX, HEAD_LEN_MAX, HEAD_TIMEOUT};
use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// How long to wait when nothing can be accepted: no descriptors, for example.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// How long answers under way may take when the server ends.
const FAREWELL: Duration = Duration::from_millis(300);

/// Why certificate and key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Not PEM, or not what is needed.
    #[error("{0} holds no certificate or key in PEM: {1}")]
    Pem(&'static str, String),
    /// They do not fit together, or are of a kind that is not known.
    #[error(transparent)]
    Config(#[from] tokio_rustls::rustls::Error),
}

/// TLS 1.2 and 1.3 with a chain of certificates and the key of its first, both PEM.
///
/// # Errors
/// See [`TlsError`].
pub fn tls(certificates: &[u8], key: &[u8]) -> Result<Arc<ServerConfig>, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
    let chain = chain.map_err(|error| TlsError::Pem("the certificate", error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(key);
    let key = key.map_err(|error| TlsError::Pem("the key", error.to_string()))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Arc::new(config))
}

/// Where to listen.
pub struct Listening {
    /// The address.
    pub at: SocketAddr,
    /// With TLS; `None` only where everything is encrypted already.
    pub tls: Option<Arc<ServerConfig>>,
}

/// The interface as it runs; it ends when this is dropped.
pub struct Server {
    addresses: Vec<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens at every one of these addresses, and answers by `backend`.
    ///
    /// # Errors
    /// One of the addresses cannot be had, or there is no thread.
    pub fn start(listening: Vec<Listening>, backend: Arc<dyn Backend>) -> io::Result<Self> {
        let mut bound = Vec::new();
        for Listening { at, tls } in listening {
            let named = |error: io::Error| io::Error::new(error.kind(), format!("{at}: {error}"));
            let listener = std::net::TcpListener::bind(at).map_err(named)?;
            listener.set_nonblocking(true)?;
            bound.push((listener, tls));
        }
        let addresses = bound.iter().map(|(listener, _)| listener.local_addr());
        let addresses = addresses.collect::<io::Result<_>>()?;
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(crate::CALLS_MAX)
            .build()?;
        let thread = std::thread::Builder::new().name("kumi-http".into());
        let thread = thread.spawn(move || {
            runtime.block_on(run(bound, backend, stopped));
            runtime.shutdown_timeout(Duration::ZERO);
        })?;
        Ok(Self {
            addresses,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

type Bound = (std::net::TcpListener, Option<Arc<ServerConfig>>);

async fn run(bound: Vec<Bound>, backend: Arc<dyn Backend>, stopped: oneshot::Receiver<()>) {
    let router = router(backend, crate::document());
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // Each holds a place for whoever is next.
    let listeners = bound.len();
    for (listener, tls) in bound {
        let listener = match TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::warn!(%error, "the interface for administrators does not listen");
                continue;
            }
        };
        let acceptor = tls.map(TlsAcceptor::from);
        tokio::spawn(accept(
            listener,
            acceptor,
            router.clone(),
            Arc::clone(&room),
        ));
    }
    let _ = stopped.await;
    // Answers under way leave.
    let everybody = u32::try_from(CONNECTIONS_MAX.saturating_sub(listeners));
    let everybody = everybody.unwrap_or(u32::MAX);
    let _ = timeout(FAREWELL, room.acquire_many(everybody)).await;
}

async fn accept(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    router: Router,
    room: Arc<Semaphore>,
) {
    // It is closed never.
    while let Ok(place) = Arc::clone(&room).acquire_owned().await {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(%error, "nothing was accepted");
                sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        let (acceptor, router) = (acceptor.clone(), router.clone());
        tokio::spawn(async move {
            let served = timeout(CONNECTION_TIMEOUT, welcome(stream, acceptor, router)).await;
            if let Ok(Err(error)) = served {
                tracing::debug!(error, "a connection of an administrator has ended");
            }
            drop(place);
        });
    }
}

async fn welcome(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    router: Router,
) -> Result<(), String> {
    let _ = stream.set_nodelay(true);
    let Some(acceptor) = acceptor else {
        return converse(stream, router).await;
    };
    let shaken = timeout(HEAD_TIMEOUT, acceptor.accept(stream)).await;
    let stream = shaken.map_err(|_| "no TLS in time")?;
    converse(stream.map_err(|error| error.to_string())?, router).await
}

async fn converse<S>(stream: S, router: Router) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let connection =
        hyper_util::server::conn::auto::Builder::new(hyper_util::rt::TokioExecutor::new());
    let mut connection = connection.http1_only();
    connection
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_LEN_MAX);
    let service = TowerToHyperService::new(router);
    let served = connection.serve_connection(TokioIo::new(stream), service);
    served.await.map_err(|error| error.to_string())
}
