//! Participants that are HTTP endpoints.

use std::borrow::Cow;
use std::pin::Pin;
use std::time::Duration;

use serde_json::Value;

use super::participant::{Answer, Call, Participant};
use crate::error::{Error, Result};

/// How much of a body is recorded as a reason.
const REASON_CHARS_MAX: usize = 200;

/// An HTTP endpoint: a call is a `POST` of the [`Call`] as JSON to `<url>/<action>`, with its key in the header
/// `Idempotency-Key`. A status of 2xx is done, with the body as what it gave, but 202: the answer comes later; 408, 425, 429 and
/// 5xx are tried again; any other is a refusal. The thread that makes the call waits for the answer.
#[derive(Debug)]
pub struct HttpParticipant {
    url: String,
    agent: ureq::Agent,
}

impl HttpParticipant {
    /// The endpoint at an address, which is given up on after `timeout`.
    ///
    /// # Errors
    /// `Invalid` if there can be no calls to this address.
    pub fn new(url: impl Into<String>, timeout: Duration) -> Result<Self> {
        let url = url.into().trim_end_matches('/').to_owned();
        if let Err(error) = url.parse::<ureq::http::Uri>() {
            return Err(Error::invalid(format!("address {url:?}")).with_source(error));
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(timeout))
            .build();
        Ok(Self {
            url,
            agent: ureq::Agent::new_with_config(config),
        })
    }

    fn post(&self, call: &Call) -> Answer {
        let body = match serde_json::to_vec(call) {
            Ok(body) => body,
            Err(error) => return Answer::Refused(error.to_string()),
        };
        let sent = self
            .agent
            .post(format!("{}/{}", self.url, call.action))
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", &call.key)
            .send(&body[..]);
        let mut response = match sent {
            Ok(response) => response,
            Err(error) => return Answer::Failed(error.to_string()),
        };
        let status = response.status().as_u16();
        match response.body_mut().read_to_string() {
            Ok(body) => answer(status, body),
            Err(error) => Answer::Failed(error.to_string()),
        }
    }
}

fn answer(status: u16, body: String) -> Answer {
    match status {
        202 => Answer::Later,
        200..=299 if body.is_empty() => Answer::Done(Value::Null),
        200..=299 => Answer::Done(serde_json::from_str(&body).unwrap_or(Value::String(body))),
        408 | 425 | 429 | 500..=599 => Answer::Failed(why(status, &body)),
        _ => Answer::Refused(why(status, &body)),
    }
}

/// What is recorded of a call that came to nothing. What says so may be a page of some server between: its beginning will do, in
/// one line.
fn why(status: u16, body: &str) -> String {
    let words: Vec<&str> = body.split_whitespace().collect();
    match words.join(" ") {
        said if said.is_empty() => format!("status {status}"),
        said => format!("status {status}: {}", begin(&said)),
    }
}

fn begin(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(REASON_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

impl Participant for HttpParticipant {
    fn call<'a>(&'a self, call: &'a Call) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>> {
        Box::pin(async move { self.post(call) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_a_line_however_long_the_page_is() {
        let refused = |status, body: &str| match answer(status, body.to_owned()) {
            Answer::Refused(why) | Answer::Failed(why) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(409, ""), "status 409");
        assert_eq!(refused(503, "not\n  now\n"), "status 503: not now");
        let page = refused(404, &"é".repeat(5000));
        assert_eq!(
            page,
            format!("status 404: {}…", "é".repeat(REASON_CHARS_MAX))
        );
        let whole = "x".repeat(REASON_CHARS_MAX);
        assert_eq!(refused(404, &whole), format!("status 404: {whole}"));
    }
}
