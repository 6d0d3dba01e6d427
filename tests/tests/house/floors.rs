//! Calls upwards in the daemon.

use crate::graph::Graph;

/// The rooms of `daemon/vaultd`, by floor. What stands beside the floors of `daemon/README.md` has
/// the floor from which it is used.
const FLOORS: [(&str, u32); 32] = [
    ("app", 8),
    ("config", 7),
    ("grpc", 7),
    ("health", 6),
    ("launch", 6),
    ("maintenance", 6),
    ("refresher", 6),
    ("resolver", 6),
    ("subscription", 6),
    ("writer", 6),
    ("setup", 5),
    ("policy", 4),
    ("audit", 4),
    ("service", 4),
    ("cache", 3),
    ("snapshot", 3),
    ("upstream", 2),
    ("listener", 2),
    ("addresses", 2),
    ("arguments", 1),
    ("backend_kinds", 1),
    ("clock", 1),
    ("command", 1),
    ("histogram", 1),
    ("limits", 1),
    ("logging", 1),
    ("peer", 1),
    ("program", 9),
    ("secret_patterns", 1),
    ("socket", 1),
    ("targets", 1),
    // The root lists modules and names nothing.
    ("", 9),
];

/// Rooms that only `app`, or the program's start above it, and their own children may name.
const OF_APP_ALONE: [&str; 3] = ["app", "config", "grpc"];

/// A new room must be given a floor here.
pub(crate) fn unknown_rooms(graph: &Graph) -> Vec<String> {
    let rooms = graph.keys().map(|module| room(module));
    let unknown = rooms.filter(|room| floor(room).is_none());
    let mut unknown: Vec<String> = unknown
        .map(|room| format!("{room} is on no floor: add it to tests/tests/house/floors.rs"))
        .collect();
    unknown.dedup();
    unknown
}

/// Uses of a room by one on a lower floor, and of the rooms that are app's alone.
pub(crate) fn calls_upwards(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    for (module, uses) in graph {
        let from = room(module);
        for used in uses.iter().filter(|used| room(used) != from) {
            let to = room(used);
            let upwards = floor(from) < floor(to);
            let trespass = OF_APP_ALONE.contains(&to) && !["app", "program"].contains(&from);
            if upwards || trespass {
                found.push(format!("{module} must not use {used}"));
            }
        }
    }
    found
}

fn room(module: &str) -> &str {
    module.split("::").next().unwrap_or_default()
}

fn floor(room: &str) -> Option<u32> {
    let known = FLOORS.iter().find(|(name, _)| *name == room);
    known.map(|(_, floor)| *floor)
}

#[test]
fn planted_calls_upwards_are_found() {
    let graph = crate::graph::planted(&[
        (
            "",
            "mod app; mod cache; mod config; mod grpc; mod policy; mod resolver;",
        ),
        ("app", "use crate::config::Config; use crate::grpc::serve;"),
        ("cache", "fn f() { crate::policy::decide() }"),
        ("config", "use crate::policy::Policy;"),
        (
            "grpc",
            "mod secrets; use crate::config::Config; use crate::resolver::R;",
        ),
        ("grpc::secrets", "use crate::app::A;"),
        ("policy", ""),
        ("resolver", "use crate::cache::Cache;"),
    ]);
    let wrong = [
        "cache must not use policy",
        "grpc must not use config",
        "grpc::secrets must not use app",
    ];
    assert_eq!(calls_upwards(&graph), wrong);
    assert!(unknown_rooms(&graph).is_empty());
}

#[test]
fn a_room_without_a_floor_is_found() {
    let graph = crate::graph::planted(&[("", "mod attic;"), ("attic", "")]);
    assert_eq!(unknown_rooms(&graph).len(), 1);
}
