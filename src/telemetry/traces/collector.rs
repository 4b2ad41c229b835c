//! HTTP to a collector, with TLS or without.

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::base::trust::{provider, roots};

/// A collector's answer is a few bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Sends requests, each over a connection of its own.
pub(super) struct Collector {
    /// `None`: without TLS.
    tls: Option<TlsConnector>,
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collector").field("tls", &self.tls.is_some()).finish()
    }
}

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

impl Collector {
    /// For this endpoint. `ca_file`: who signs its certificate; `None`: one of those that this system believes. Errors: the
    /// certificates cannot be read.
    pub(super) fn new(endpoint: &str, ca_file: Option<&Path>) -> io::Result<Self> {
        if !endpoint.starts_with("https://") {
            return Ok(Self { tls: None });
        }
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots(ca_file)?)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { tls: Some(TlsConnector::from(Arc::new(config))) })
    }

    async fn connect(&self, host: &str, port: Option<u16>) -> Result<Box<dyn Wire>, HttpError> {
        let port = port.unwrap_or(if self.tls.is_some() { 443 } else { 80 });
        let tcp = TcpStream::connect((host, port)).await?;
        let Some(tls) = &self.tls else { return Ok(Box::new(tcp)) };
        Ok(Box::new(tls.connect(ServerName::try_from(host.to_owned())?, tcp).await?))
    }
}

#[async_trait::async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let host = request.uri().host().ok_or("the endpoint has no host")?.trim_matches(['[', ']']).to_owned();
        let stream = self.connect(&host, request.uri().port_u16()).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let (parts, body) = request.into_parts();
        let mut request = hyper::Request::from_parts(parts, Full::new(body));
        let authority = request.uri().authority().map(|a| a.as_str().to_owned()).unwrap_or_default();
        request.headers_mut().insert(hyper::header::HOST, authority.parse()?);
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).parse()?;
        *request.uri_mut() = path;
        let answered = async {
            let (parts, body) = sender.send_request(request).await?.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
            Ok::<_, HttpError>(Response::from_parts(parts, body))
        };
        tokio::pin!(answered);
        // The connection is driven here, so that it ends with the request.
        tokio::select! {
            answer = &mut answered => answer,
            ended = connection => {
                ended?;
                answered.await
            }
        }
    }
}
