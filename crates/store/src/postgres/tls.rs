//! TLS to a PostgreSQL server (RFC 8446; the request before it is PostgreSQL's, "SSL Session Encryption").
//!
//! What it does: verifies the server's certificate by what [`crate::url`] names. Certificates are read
//! anew for each connection, so one that was renewed needs no restart. A certificate that is itself in
//! the named file is trusted as it is, however it was made and until it is taken out: most servers of
//! one's own show one that they signed themselves.
//!
//! What it does not: client certificates; channel binding, for the server is known by its certificate.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Socket;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use crate::url::Trust;

/// The name of the protocol (ALPN), which servers since 17 ask for.
const PROTOCOL: &[u8] = b"postgresql";

/// Makes connections, by TLS or (`None`) in clear: of one type, since the driver is compiled for each.
pub(super) struct Tls(pub(super) Option<Trust>);

impl MakeTlsConnect<Socket> for Tls {
    type Stream = TlsStream;
    type TlsConnect = Connecting;
    type Error = Infallible;

    fn make_tls_connect(&mut self, host: &str) -> Result<Connecting, Infallible> {
        Ok(Connecting(self.0.clone(), host.to_owned()))
    }
}

/// A connection to a server of this name, before it is made.
pub(super) struct Connecting(Option<Trust>, String);

impl TlsConnect<Socket> for Connecting {
    type Stream = TlsStream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TlsStream>> + Send>>;

    /// Only now, when the server is there and has TLS, are certificates read: a database that is away is
    /// tried four times a second.
    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let Self(trust, host) = self;
            let trust = trust.ok_or_else(|| io::Error::other("the driver asks for TLS unasked"))?;
            let name = ServerName::try_from(host).map_err(io::Error::other)?;
            let connector = connector(&trust).map_err(io::Error::other)?;
            match connector.connect(name, socket).await {
                Ok(stream) => Ok(TlsStream(Box::new(stream))),
                Err(error) => Err(plain(error)),
            }
        })
    }
}

/// By what is to be trusted.
///
/// # Errors
/// A sentence: the certificates cannot be read, or there are none.
fn connector(trust: &Trust) -> Result<TlsConnector, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Verifier::new(trust, Arc::clone(&provider))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Without the words that the library puts before a sentence of [`Verifier::explain`].
fn plain(error: io::Error) -> io::Error {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    match cause {
        Some(Error::General(text)) => io::Error::other(text.clone()),
        _ => error,
    }
}

/// A connection that is protected.
pub(super) struct TlsStream(Box<tokio_rustls::client::TlsStream<Socket>>);

impl AsyncRead for TlsStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, to)
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

impl tokio_postgres::tls::TlsStream for TlsStream {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

/// Says whether a certificate is a server's.
#[derive(Debug)]
struct Verifier {
    roots: RootCertStore,
    /// The certificates of the named file, each of which may be the server's own.
    named: Vec<CertificateDer<'static>>,
    /// Where the certificates come from.
    from: String,
    checks_name: bool,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn new(trust: &Trust, provider: Arc<CryptoProvider>) -> Result<Self, String> {
        let (named, from) = match &trust.roots {
            Some(file) => (read(file)?, file.display().to_string()),
            None => (system()?, "this system's trusted certificates".to_owned()),
        };
        let mut roots = RootCertStore::empty();
        // Systems carry some that no verifier takes.
        roots.add_parsable_certificates(named.iter().cloned());
        Ok(Self {
            roots,
            named: trust.roots.as_ref().map(|_| named).unwrap_or_default(),
            from,
            checks_name: trust.checks_name,
            provider,
        })
    }

    /// What went wrong, and what helps.
    fn explain(&self, error: Error, name: &ServerName<'_>) -> Error {
        let Error::InvalidCertificate(why) = &error else {
            return error;
        };
        let mut text = match why {
            // A bad signature: of a CA that has the name of one that is known, and another key. Others: it is its own
            // CA, or what no public CA would sign.
            CertificateError::UnknownIssuer
            | CertificateError::BadSignature
            | CertificateError::Other(_) => format!(
                "the server's certificate comes from none of {}; put that of its CA, or its own, into a \
                 file and name it with sslrootcert=FILE",
                self.from
            ),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!(
                    "the server's certificate is not for {}; name the host as the certificate does, or \
                     say sslmode=verify-ca if its CA signs for nobody else",
                    name.to_str()
                )
            }
            _ => return error,
        };
        let _ = write!(text, " ({why})");
        Error::General(text)
    }

    fn verify(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let certificate = ParsedCertificate::try_from(shown)?;
        if !self.named.iter().any(|it| it == shown) {
            let algorithms = self.provider.signature_verification_algorithms.all;
            let roots = &self.roots;
            verify_server_cert_signed_by_trust_anchor(
                &certificate,
                roots,
                between,
                now,
                algorithms,
            )?;
        }
        match self.checks_name {
            true => verify_server_name(&certificate, name),
            false => Ok(()),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.verify(shown, between, name, now) {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(error) => Err(self.explain(error, name)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn read(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    let found: Vec<_> = read.map_err(|error| format!("sslrootcert {}: {error}", file.display()))?;
    match found.is_empty() {
        true => Err(format!("sslrootcert {}: no certificate", file.display())),
        false => Ok(found),
    }
}

fn system() -> Result<Vec<CertificateDer<'static>>, String> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let why = found.errors.first().map(|error| format!(" ({error})"));
        return Err(format!(
            "this system has no trusted certificates{}; install ca-certificates, or name a file with \
             sslrootcert=FILE",
            why.unwrap_or_default()
        ));
    }
    Ok(found.certs)
}
