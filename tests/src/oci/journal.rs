//! The journal of calls.

use hyper::{HeaderMap, Method};

use super::call::Call;
use super::route::Route;

/// One call as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which operation it was.
    pub route: Route,
    /// Its method.
    pub method: Method,
    /// Path and query, as they stood on the request line.
    pub target: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// The status it was answered with; `None` while it has not been.
    pub status: Option<u16>,
}

/// Every call since the start, or since it was cleared.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    seen: Vec<Seen>,
    /// Entries that were cleared, so that numbers of calls under way stay true.
    cleared: usize,
}

impl Journal {
    /// The calls in the order in which they came.
    pub fn seen(&self) -> &[Seen] {
        &self.seen
    }

    /// How often a route was called, whatever became of it.
    pub fn calls(&self, route: Route) -> usize {
        let of_route = self.seen.iter().filter(|seen| seen.route == route);
        of_route.count()
    }

    /// Begins anew.
    pub fn clear(&mut self) {
        self.cleared += self.seen.len();
        self.seen.clear();
    }

    /// Writes a call down, and gives its number.
    pub(super) fn begin(&mut self, route: Route, call: &Call) -> usize {
        self.seen.push(Seen {
            route,
            method: call.method.clone(),
            target: call.target.clone(),
            headers: call.headers.clone(),
            status: None,
        });
        self.cleared + self.seen.len() - 1
    }

    /// Writes down how it was answered.
    pub(super) fn end(&mut self, number: usize, status: u16) {
        let place = number.checked_sub(self.cleared);
        if let Some(seen) = place.and_then(|place| self.seen.get_mut(place)) {
            seen.status = Some(status);
        }
    }
}
