//! A client of the service that knows the profiles.

use anyhow::{Context as _, Result};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

use crate::stub;

/// What the service knows of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Profile {
    pub(crate) name: String,
    pub(crate) tier: String,
}

/// The service, at an address.
#[derive(Debug)]
pub(crate) struct Directory {
    /// `None` for the one that the example starts when it is first asked.
    authority: Option<String>,
}

/// The service has answered with neither a profile nor that there is none.
#[derive(Debug, thiserror::Error)]
#[error("the service answers {0}")]
struct Refused(StatusCode);

impl Directory {
    /// The service at a URL such as `http://127.0.0.1:8080`. Connects to nothing yet.
    pub(crate) fn at(url: &str) -> Result<Self> {
        let uri: Uri = url.parse().with_context(|| format!("--lookup-url {url}"))?;
        anyhow::ensure!(uri.scheme_str() == Some("http"), "--lookup-url {url}: write http://HOST:PORT");
        let host = uri.host().with_context(|| format!("--lookup-url {url} has no host"))?;
        Ok(Self { authority: Some(format!("{host}:{}", uri.port_u16().unwrap_or(80))) })
    }

    /// The service that the example starts by itself.
    pub(crate) fn of_our_own() -> Self {
        Self { authority: None }
    }

    /// Asks for the profile of a user; `None` if the service knows nobody of that number.
    pub(crate) async fn profile(&self, user: u64) -> Result<Option<Profile>> {
        let authority = match &self.authority {
            Some(authority) => authority,
            None => stub::authority()?,
        };
        let stream = TcpStream::connect(authority).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::get(format!("/users/{user}")).header("host", authority);
        let request = request.body(Empty::<Bytes>::new())?;
        let response = async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            anyhow::Ok((status, response.into_body().collect().await?.to_bytes()))
        };
        // The connection moves the bytes; without a second task it ends together with the request.
        let (status, body) = tokio::select! {
            response = response => response?,
            Err(error) = connection => return Err(error.into()),
        };
        match status {
            StatusCode::OK => Ok(Some(serde_json::from_slice(&body)?)),
            StatusCode::NOT_FOUND => Ok(None),
            other => Err(Refused(other).into()),
        }
    }
}

/// Whether it may help to ask again: the service is busy, or cannot be reached.
pub(crate) fn is_temporary(error: &anyhow::Error) -> bool {
    match error.downcast_ref() {
        Some(Refused(status)) => status.is_server_error(),
        None => error.is::<std::io::Error>() || error.is::<hyper::Error>(),
    }
}
