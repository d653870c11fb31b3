//! Schemas of a registry, over HTTP.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use apache_avro::Schema;
use serde::Deserialize;
use serde_json::json;
use ureq::Agent;

use super::schema::interned;
use crate::format::{DeserializeError, Fault};

/// A schema registry that speaks Confluent's protocol. Clones share what they have learnt.
///
/// Building one does no I/O.
///
/// ```
/// use std::time::Duration;
/// use millstream_connectors::format::SchemaRegistry;
///
/// let registry = SchemaRegistry::new("http://localhost:8081").timeout(Duration::from_secs(5));
/// # let _ = registry;
/// ```
#[derive(Debug, Clone)]
pub struct SchemaRegistry {
    url: Arc<str>,
    /// The value of the header that says who asks.
    authorization: Option<Arc<str>>,
    timeout: Duration,
    /// A schema never changes once it has a number.
    known: Arc<Mutex<HashMap<u32, &'static Schema>>>,
}

/// What the registry answers: a schema, a number or an error.
#[derive(Deserialize)]
struct Answer {
    schema: Option<String>,
    #[serde(rename = "schemaType")]
    schema_type: Option<String>,
    #[serde(default)]
    references: Vec<serde_json::Value>,
    id: Option<u32>,
    message: Option<String>,
}

impl SchemaRegistry {
    /// How long a request may take, unless the registry says otherwise.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

    /// The registry at a URL.
    pub fn new(url: impl AsRef<str>) -> Self {
        let url = url.as_ref().trim_end_matches('/').into();
        Self { url, authorization: None, timeout: Self::DEFAULT_TIMEOUT, known: Arc::default() }
    }

    /// Who asks: a token, sent as `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(mut self, token: impl AsRef<str>) -> Self {
        self.authorization = Some(format!("Bearer {}", token.as_ref()).into());
        self
    }

    /// How long a request may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The schema with a number.
    pub(super) fn schema(&self, id: u32) -> Result<&'static Schema, DeserializeError> {
        if let Some(schema) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Ok(schema);
        }
        let what = format!("schema {id} of the registry {}", self.url);
        let (status, answer) = self
            .ask(&format!("schemas/ids/{id}"), None)
            .map_err(|error| DeserializeError::Io { what: what.clone(), error })?;
        let fault = |reason: String| DeserializeError::from(Fault::new(format!("{what}: {reason}")));
        if status == 404 {
            return Err(fault("there is none".to_owned()));
        }
        let Some(text) = answer.schema else {
            return Err(DeserializeError::Io { what, error: refused(status, &answer) });
        };
        if let Some(kind) = answer.schema_type.filter(|kind| kind != "AVRO") {
            return Err(fault(format!("it is one of {kind}, not of Avro")));
        }
        if !answer.references.is_empty() {
            return Err(fault("it refers to other schemas, which is not supported".to_owned()));
        }
        let schema = interned(&text).map_err(|error| fault(format!("{error:#}")))?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(id, schema);
        Ok(schema)
    }

    /// The number of a schema under a subject; it is registered if it has none yet.
    pub(super) fn register(&self, subject: &str, schema: &str) -> io::Result<u32> {
        let path = format!("subjects/{}/versions", encoded(subject));
        let (status, answer) = self.ask(&path, Some(&json!({ "schema": schema })))?;
        answer.id.ok_or_else(|| refused(status, &answer))
    }

    fn ask(&self, path: &str, body: Option<&serde_json::Value>) -> io::Result<(u16, Answer)> {
        let agent: Agent =
            Agent::config_builder().timeout_global(Some(self.timeout)).http_status_as_error(false).build().into();
        let url = format!("{}/{path}", self.url);
        let accept = "application/vnd.schemaregistry.v1+json, application/json";
        let response = match body {
            None => {
                let request = agent.get(&url).header("Accept", accept);
                self.authorized(request).call()
            }
            Some(body) => {
                let request = agent.post(&url).header("Accept", accept).header("Content-Type", accept_type());
                self.authorized(request).send(body.to_string())
            }
        };
        let mut response = response.map_err(io::Error::other)?;
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_string().map_err(io::Error::other)?;
        let answer = serde_json::from_str(&text).map_err(|error| {
            io::Error::other(format!(
                "status {status}, and an answer that is no registry's ({error}): is the URL right?"
            ))
        })?;
        Ok((status, answer))
    }

    fn authorized<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.authorization {
            Some(value) => request.header("Authorization", &**value),
            None => request,
        }
    }
}

fn accept_type() -> &'static str {
    "application/vnd.schemaregistry.v1+json"
}

fn refused(status: u16, answer: &Answer) -> io::Error {
    io::Error::other(format!("status {status}: {}", answer.message.as_deref().unwrap_or("no reason given")))
}

/// A subject as part of a URL's path.
fn encoded(subject: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    subject
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
