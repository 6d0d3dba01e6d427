//! The breakers that a person names.

use tonic::{Code, Status};
use vault_backends::address::BackendKind;
use vault_proto::generated as message;
use vault_proto::kinds as error_kinds;

use crate::grpc::daemon::Daemon;
use crate::grpc::status::refuse;
use crate::upstream::Name;

/// All of a kind, of every kind, or one.
#[derive(Debug)]
pub(super) struct Chosen {
    kind: Option<BackendKind>,
    scope: Option<String>,
}

impl Chosen {
    pub(super) fn fits(&self, name: &Name) -> bool {
        self.kind.is_none_or(|kind| kind == name.kind)
            && self.scope.as_ref().is_none_or(|scope| *scope == name.scope)
    }
}

/// Whom the request means. Scopes are long, so a part of one is enough where it fits no other.
pub(super) fn chosen(
    daemon: &Daemon,
    request: &message::ResetBreakerRequest,
) -> Result<Chosen, Status> {
    let kinds = daemon.current.get().kinds();
    let kind = match request.backend.as_str() {
        "" => None,
        word => Some(
            kinds
                .by_word(word)
                .ok_or_else(|| wrong(&format!("no such backend; there are: {}", kinds.words())))?,
        ),
    };
    if request.scope.is_empty() {
        return Ok(Chosen { kind, scope: None });
    }
    let names = daemon
        .upstream
        .health()
        .into_iter()
        .map(|health| health.name);
    let names = names.filter(|name| kind.is_none_or(|kind| kind == name.kind));
    let scopes = names.map(|name| name.scope).collect();
    let scope = one_of(scopes, &request.scope).map_err(wrong)?;
    Ok(Chosen {
        kind,
        scope: Some(scope),
    })
}

fn one_of(scopes: Vec<String>, part: &str) -> Result<String, &'static str> {
    if scopes.iter().any(|scope| scope == part) {
        return Ok(part.to_owned());
    }
    let mut fitting = scopes.into_iter().filter(|scope| scope.contains(part));
    match (fitting.next(), fitting.next()) {
        (Some(scope), None) => Ok(scope),
        (None, _) => Err("no backend has such a scope; `vaultctl status` shows them"),
        (Some(_), Some(_)) => Err("several backends have such a scope; write more of it"),
    }
}

fn wrong(message: &str) -> Status {
    refuse(Code::InvalidArgument, error_kinds::INVALID_REQUEST, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_scope_is_enough_where_it_fits_one_alone() {
        let scopes = || ["profile A of /c", "profile AB of /c", "instance principal"];
        let found = |part: &str| one_of(scopes().map(str::to_owned).to_vec(), part);
        assert_eq!(found("instance"), Ok("instance principal".to_owned()));
        assert_eq!(found("profile A of /c"), Ok("profile A of /c".to_owned()));
        assert!(found("profile A").is_err());
        assert!(found("profile C").is_err());
    }
}
