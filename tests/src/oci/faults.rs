//! Planned faults.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::cut::{Cut, Disturbance, End};
use super::refusal::Refusal;
use super::reply::Reply;
use super::route::Route;

/// One way in which a call fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An error body of the service's.
    Status {
        /// The HTTP status.
        status: u16,
        /// The word in the body.
        code: String,
        /// The text in the body.
        message: String,
    },
    /// 429 in the service's words, with or without a `retry-after` header.
    TooManyRequests {
        /// What the header says.
        retry_after_seconds: Option<u64>,
    },
    /// The right answer, later.
    Latency(Duration),
    /// No answer at all.
    Hang,
    /// The connection is reset after so many bytes of the answer.
    ResetAfter(usize),
    /// The connection ends after so many bytes of the answer.
    TruncateAfter(usize),
    /// A page for people, as a proxy makes them, with this status.
    Html(u16),
    /// A reply of somebody in between, who has none of the service's headers.
    Between {
        /// The HTTP status.
        status: u16,
        /// The `content-type`; none where it is empty.
        content_type: String,
        /// The body.
        body: String,
    },
    /// Status 200 and nothing else.
    Empty,
    /// Another status and nothing else, such as 204.
    Bare(u16),
    /// 401, in one of the ways in which the service says it.
    NotAuthenticated(NotAuthenticated),
    /// Status 200 with this text as JSON, whatever was asked.
    Json(String),
    /// The first half of the right answer, with a length that is true of it.
    HalfJson,
    /// The right answer without this part of it.
    Without(String),
    /// The right answer with a byte that no text has.
    NotUtf8,
    /// The right answer, compressed, though nobody asked for that.
    Gzip,
    /// The right answer, so many bytes at a time.
    Drip {
        /// How many.
        bytes: usize,
        /// The pause before each piece.
        every: Duration,
    },
    /// The right answer about another secret.
    WrongId,
    /// The right answer about another version.
    WrongVersion,
    /// The right answer about a version that is in another stage.
    WrongStage,
    /// The right answer about version 0.
    VersionZero,
    /// The right answer with a value of no bytes.
    EmptyContent,
    /// A value that cannot be decoded.
    NotBase64,
    /// A value in a form that nobody knows.
    WrongContentType,
    /// The right answer, and so many bytes more.
    TooLong(usize),
    /// A redirect to this URL.
    Redirect(String),
    /// Tokens are over, whatever they say.
    TokenExpired,
    /// The service's clock is so many seconds ahead, or behind.
    ClockSkew(i64),
}

/// What the service found wrong with a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAuthenticated {
    /// There is nothing that could be one.
    Nothing,
    /// The key is not known, or something before the signature is wrong.
    Incorrect,
    /// The key is known, and did not make it.
    Signature,
}

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// The next so many calls.
    Next(usize),
    /// Until it is cleared.
    Always,
}

/// What is planned, by route.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    planned: HashMap<Route, VecDeque<(Fault, Times)>>,
}

impl Faults {
    /// Plans a fault, after those that are planned already.
    pub fn plan(&mut self, route: Route, fault: Fault, times: Times) {
        let planned = self.planned.entry(route).or_default();
        planned.push_back((fault, times));
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.planned.clear();
    }

    /// The fault of the next call, which counts as made.
    pub(super) fn next(&mut self, route: Route) -> Option<Fault> {
        let planned = self.planned.get_mut(&route)?;
        loop {
            let (fault, times) = planned.front_mut()?;
            match times {
                Times::Always => return Some(fault.clone()),
                Times::Next(left @ 1..) => {
                    *left -= 1;
                    return Some(fault.clone());
                }
                Times::Next(0) => planned.pop_front(),
            };
        }
    }
}

impl Fault {
    /// The answer, where the service never comes to look at the request.
    pub(super) fn instead(&self) -> Option<Reply> {
        Some(match self {
            Self::Status {
                status,
                code,
                message,
            } => Refusal::new(*status, code, message).into(),
            Self::TooManyRequests {
                retry_after_seconds,
            } => {
                let message = "User-rate limit exceeded.";
                let reply = Reply::from(Refusal::new(429, "TooManyRequests", message));
                match retry_after_seconds {
                    Some(seconds) => reply.with("retry-after", seconds.to_string()),
                    None => reply,
                }
            }
            Self::Html(status) => {
                let page = "<!DOCTYPE html><html><body><h1>Sign in</h1></body></html>";
                Reply::bytes(*status, "text/html", page.into())
            }
            Self::Between {
                status,
                content_type,
                body,
            } if content_type.is_empty() => Reply {
                body: body.clone().into(),
                ..Reply::empty(*status)
            },
            Self::Between {
                status,
                content_type,
                body,
            } => {
                let mut reply = Reply::empty(*status).with("content-type", content_type);
                reply.body = body.clone().into();
                reply
            }
            Self::Empty => Reply::empty(200),
            Self::Bare(status) => Reply::empty(*status),
            Self::NotAuthenticated(NotAuthenticated::Nothing) => Refusal::no_credentials().into(),
            Self::NotAuthenticated(NotAuthenticated::Incorrect) => {
                Refusal::wrong_credentials().into()
            }
            Self::NotAuthenticated(NotAuthenticated::Signature) => {
                Refusal::wrong_signature().into()
            }
            Self::Json(text) => Reply::bytes(200, "application/json", text.clone().into()),
            Self::Redirect(url) => Reply::empty(302).with("location", url),
            _ => return None,
        })
    }

    /// What is wrong with the connection, if something is.
    pub(super) fn disturbance(&self) -> Option<Disturbance> {
        let cut = |after_bytes, end| Disturbance::Cut(Cut { after_bytes, end });
        Some(match *self {
            Self::ResetAfter(bytes) => cut(bytes, End::Reset),
            Self::TruncateAfter(bytes) => cut(bytes, End::Close),
            Self::Drip { bytes, every } => Disturbance::Drip { bytes, every },
            _ => return None,
        })
    }

    /// By how much the service's clock is off for this call.
    pub(super) fn skew_seconds(&self) -> i64 {
        match self {
            Self::ClockSkew(seconds) => *seconds,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_in_turn_and_as_often_as_planned() {
        let mut faults = Faults::default();
        faults.plan(Route::GetSecret, Fault::Empty, Times::Next(2));
        faults.plan(Route::GetSecret, Fault::Hang, Times::Next(1));
        let next = [(); 4].map(|()| faults.next(Route::GetSecret));
        assert_eq!(
            next,
            [
                Some(Fault::Empty),
                Some(Fault::Empty),
                Some(Fault::Hang),
                None
            ]
        );
        faults.plan(Route::GetSecret, Fault::WrongId, Times::Always);
        assert_eq!(faults.next(Route::ListSecrets), None);
        for _ in 0..3 {
            assert_eq!(faults.next(Route::GetSecret), Some(Fault::WrongId));
        }
        faults.clear();
        assert_eq!(faults.next(Route::GetSecret), None);
    }
}
