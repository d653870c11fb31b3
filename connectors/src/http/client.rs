//! Requests that are repeated as long as it may help.

use std::io;
use std::thread::sleep;
use std::time::Duration;

use ureq::Agent;

use crate::retry::pauses;

/// How much of an answer is read, at most.
const MAX_REPLY_BYTES: u64 = 64 << 20;
/// How much of an answer is shown.
const SHOWN_CHARS: usize = 300;

/// Sends requests, by one thread that may wait.
pub(crate) struct Client {
    agent: Agent,
    headers: Vec<(String, String)>,
    retry_for: Duration,
}

/// What a server has answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
    /// How long it asks to be left alone.
    retry_after: Option<Duration>,
}

impl Reply {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether another try may have another answer.
    fn may_pass(&self) -> bool {
        may_pass(self.status)
    }

    /// The status and the beginning of the answer.
    pub(crate) fn shown(&self) -> String {
        let body = self.body.trim();
        let mut shown: String = body.chars().take(SHOWN_CHARS).collect();
        if shown.len() < body.len() {
            shown.push_str("..");
        }
        format!("status {}: {}", self.status, if shown.is_empty() { "no reason given" } else { &shown })
    }
}

/// Whether a status tells of something that may pass.
pub(crate) fn may_pass(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

impl Client {
    pub(crate) fn new(headers: Vec<(String, String)>, timeout: Duration, retry_for: Duration) -> Self {
        let agent = Agent::config_builder().timeout_global(Some(timeout)).http_status_as_error(false).build().into();
        Self { agent, headers, retry_for }
    }

    /// Posts, again and again if that may help. The answer may be any.
    pub(crate) fn post(&self, url: &str, content_type: &str, body: &[u8]) -> io::Result<Reply> {
        let mut pauses = pauses(self.retry_for);
        loop {
            let answered = self.post_once(url, content_type, body);
            let asked_for = match &answered {
                Ok(reply) if !reply.may_pass() => return answered,
                Ok(reply) => reply.retry_after,
                Err(_) => None,
            };
            let Some(pause) = pauses.next() else { return answered };
            tracing::debug!(url, ?answered, ?pause, "trying again");
            sleep(pause.max(asked_for.unwrap_or_default().min(self.retry_for)));
        }
    }

    fn post_once(&self, url: &str, content_type: &str, body: &[u8]) -> io::Result<Reply> {
        let request = self.agent.post(url).header("Content-Type", content_type);
        let request = self.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let mut response = request.send(body).map_err(into_io)?;
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(MAX_REPLY_BYTES).lossy_utf8(true).read_to_string();
        Ok(Reply { status, body: body.map_err(into_io)?, retry_after: retry_after.map(Duration::from_secs) })
    }
}

fn into_io(error: ureq::Error) -> io::Error {
    match error {
        ureq::Error::Io(error) => error,
        other => io::Error::other(other),
    }
}
