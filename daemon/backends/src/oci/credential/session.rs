//! Sessions: the tokens of `oci session authenticate`, and those that follow them.
//!
//! `oci session authenticate` leaves a key and a token in files. The token is renewed here while it
//! lasts, and what comes is kept in memory alone; where the user's command line has put a newer one into
//! the file, that is taken.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use zeroize::Zeroizing;

use super::auth_service::{AuthService, ReplyText, TokenCall};
use super::source::{Obtained, Reason};
use super::token_reply::{TokenReply, read};
use crate::error::{BackendError, Class};
use crate::http::HeaderMap;
use crate::oci::identity::Identity;
use crate::oci::key::PrivateKey;
use crate::oci::signature::{Extent, Method, Signer};
use crate::oci::token::{Lifetime, SecurityToken, renew_in};

/// What is in the files of a session.
pub(super) struct SessionFiles {
    pub(super) token: SecurityToken,
    pub(super) key: Arc<PrivateKey>,
    pub(super) region: String,
    /// Whose session it is, for messages.
    pub(super) principal: String,
    /// What to type to begin another one.
    pub(super) sign_in: String,
}

/// One session, and the tokens that followed the one in the file.
pub(super) struct Session {
    auth: Arc<AuthService>,
    state: Mutex<Option<State>>,
}

#[derive(Clone)]
struct State {
    /// The token that was last seen in the file.
    in_file: Zeroizing<String>,
    token: Zeroizing<String>,
    life: Lifetime,
    key: Arc<PrivateKey>,
    /// When the token in the file was issued.
    began: u64,
    /// OCI did not believe the token, and gave no other one.
    is_refused: bool,
}

/// The body of a refresh.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Refresh<'a> {
    current_token: &'a str,
}

impl Session {
    pub(super) fn new(auth: Arc<AuthService>) -> Self {
        Self {
            auth,
            state: Mutex::default(),
        }
    }

    /// The identity of now: the token of the file or a later one, renewed where that is asked for.
    pub(super) async fn obtain(
        &self,
        files: SessionFiles,
        why: Reason,
    ) -> Result<Obtained, BackendError> {
        let now = self.auth.clock().unix_seconds();
        let before = self.state().clone();
        let mut state = taken(before.as_ref(), &files, now);
        let is_other = before.is_none_or(|before| *before.token != *state.token);
        state.is_refused |= why == Reason::Refused && !is_other;
        *self.state() = Some(state.clone());
        if state.life.expires_at <= now {
            return Err(over(&files, now - state.life.expires_at));
        }
        let is_wanted = match why {
            Reason::First | Reason::Files => false,
            Reason::Due => renew_in(state.life, now, 0.0).is_zero(),
            Reason::Refused => !is_other,
        };
        if is_wanted && now < state.began.saturating_add(LONGEST_SECONDS) {
            let next = self.refreshed(&state, &files).await?;
            state.life = next.lifetime(now);
            state.token = Zeroizing::new(next.as_str().to_owned());
            state.is_refused = false;
            *self.state() = Some(state.clone());
        }
        Ok(Obtained {
            identity: identity(&state, &files)?,
            life: Some(state.life),
        })
    }

    async fn refreshed(
        &self,
        state: &State,
        files: &SessionFiles,
    ) -> Result<SecurityToken, BackendError> {
        let endpoint = self.auth.endpoint(Some(&files.region), None).await?;
        let body = Refresh {
            current_token: &state.token,
        };
        let mut written = Zeroizing::new(Vec::with_capacity(state.token.len() + 64));
        serde_json::to_writer(&mut *written, &body).expect("a text can be written as JSON");
        let call = TokenCall {
            principal: files.principal.clone(),
            method: Method::Post,
            url: endpoint.url::<&str>(&["authentication", "refresh"], &[]),
            body: Some(written),
            extent: Extent::Usual,
            headers: HeaderMap::new(),
            reply_text: ReplyText::MayQuoteTokens,
            remedy: format!(
                "the session is over; sign in again with `{}`",
                files.sign_in
            ),
        };
        let by = Arc::new(identity(state, files)?);
        let (reply, description) = self.auth.ask(call, by).await?;
        read::<TokenReply>(&reply, &description)?.token(&description)
    }

    fn state(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The token to go on with: the file's where the file has changed, since whoever writes it means it. The
/// one that is there may be revoked, and a session of a shorter life have taken its place. Only a token
/// that has ended already takes the place of none that has not.
fn taken(before: Option<&State>, files: &SessionFiles, now: u64) -> State {
    let in_file = Zeroizing::new(files.token.as_str().to_owned());
    let life = files.token.lifetime(now);
    let of_file = State {
        token: in_file.clone(),
        in_file: in_file.clone(),
        life,
        key: Arc::clone(&files.key),
        began: life.issued_at,
        is_refused: false,
    };
    let Some(before) = before else {
        return of_file;
    };
    let is_new = *before.in_file != *in_file;
    let is_better = life.expires_at > now || before.life.expires_at <= now || before.is_refused;
    let has_other_key = before.key.public_key_der() != files.key.public_key_der();
    // A key that came after its token.
    let is_completed = has_other_key && *before.token == *in_file;
    if is_completed || (is_new && (is_better || has_other_key)) {
        return of_file;
    }
    State {
        in_file,
        ..before.clone()
    }
}

fn identity(state: &State, files: &SessionFiles) -> Result<Identity, BackendError> {
    let key_id = SecurityToken::read(&state.token)
        .map_err(|error| {
            BackendError::not_sent(Class::Credentials, error.kind(), error.to_string())
        })?
        .key_id()
        .map_err(|error| {
            BackendError::not_sent(Class::Credentials, "bad_token", error.to_string())
        })?;
    Ok(Identity {
        signer: Signer::new(Arc::clone(&state.key), key_id),
        delegation_token: None,
        region: Some(files.region.clone()),
        instance: None,
        principal: files.principal.clone(),
    })
}

fn over(files: &SessionFiles, seconds: u64) -> BackendError {
    let SessionFiles {
        principal, sign_in, ..
    } = files;
    let message = format!(
        "use the {principal}: its token ended {} ago; sign in again with `{sign_in}`",
        span(seconds)
    );
    BackendError::not_sent(Class::Credentials, "session_over", message)
}

/// "45 s", "12 min", "3 h".
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

/// How long a session can be drawn out (docs.oracle.com, "Token-based Authentication for the CLI").
const LONGEST_SECONDS: u64 = 24 * 60 * 60;
