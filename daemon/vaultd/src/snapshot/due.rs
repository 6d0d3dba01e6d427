//! When the snapshot must be written. Pure.

use std::collections::HashMap;
use std::time::Duration;

use vault_backends::address::Address;

use crate::clock::Moment;

/// So long after a change the file is written: what is fetched together is written together.
const SETTLING: Duration = Duration::from_secs(1);
/// And no sooner after it was written last.
const PAUSE: Duration = Duration::from_secs(10);
/// And no sooner after that failed: a disk is seldom emptied in seconds.
const AFTER_FAILURE: Duration = Duration::from_mins(1);

/// Values by address.
pub(super) type Contents = HashMap<Address, ValueStamp>;

/// What tells one value of an address from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ValueStamp {
    version: String,
    confirmed: Moment,
    /// From when on it is not kept.
    end: Moment,
}

impl ValueStamp {
    /// Of this version, and kept up to the age of `bound`.
    pub(super) fn new(version: &str, confirmed: Moment, bound: Duration) -> Self {
        Self {
            version: version.to_owned(),
            confirmed,
            end: confirmed + bound,
        }
    }
}

/// What the file is known to be.
#[derive(Debug)]
pub(super) enum FileState {
    /// A file that was not read, or cannot be.
    Unreadable,
    /// A file that was to be removed, and could not be.
    NotRemoved,
    /// With these values; no file where there are none.
    Holds(Contents),
}

/// Whether the file must be written; what is more urgent is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// No: it is as it should be.
    Not,
    /// For what is new.
    Soon,
    /// For what must not come back.
    Now,
}

/// How much of a hurry there is to have all of `held` on the disk, and nothing else.
pub(super) fn due(file: &FileState, held: &Contents) -> Due {
    match file {
        FileState::Holds(written) => {
            let addresses = written.keys().chain(held.keys());
            let each = addresses.map(|address| due_for(written.get(address), held.get(address)));
            each.max().unwrap_or(Due::Not)
        }
        // A person may still make it readable.
        FileState::Unreadable if held.is_empty() => Due::Not,
        FileState::Unreadable | FileState::NotRemoved => Due::Soon,
    }
}

/// How much of a hurry there is after a change at one address: `held` is what is to be kept there.
pub(super) fn due_at(file: &FileState, address: &Address, held: Option<&ValueStamp>) -> Due {
    match file {
        FileState::Holds(written) => due_for(written.get(address), held),
        FileState::Unreadable | FileState::NotRemoved => due_for(None, held),
    }
}

/// How much of a hurry there is after a flush of this address: it may be held again by now, in another
/// version or not.
pub(super) fn due_after_flush(file: &FileState, address: &Address) -> Due {
    match file {
        FileState::Holds(written) if !written.contains_key(address) => Due::Not,
        _ => Due::Now,
    }
}

fn due_for(written: Option<&ValueStamp>, held: Option<&ValueStamp>) -> Due {
    match (written, held) {
        // The value of a vault that said no, or gives another one now: a start that finds the file
        // would serve it.
        (Some(_), None) => Due::Now,
        (Some(written), Some(held)) if written.version != held.version => Due::Now,
        _ if written == held => Due::Not,
        _ => Due::Soon,
    }
}

/// When something on the disk must leave it, though nobody says so.
pub(super) fn first_end(file: &FileState) -> Option<Moment> {
    match file {
        FileState::Holds(written) => written.values().map(|value| value.end).min(),
        FileState::Unreadable | FileState::NotRemoved => None,
    }
}

/// When what is due soon is written, where the last attempt was made then.
pub(super) fn moment(now: Moment, last: Option<(Moment, WriteOutcome)>) -> Moment {
    let settled = now + SETTLING;
    let rested = last.map(|(at, outcome)| match outcome {
        WriteOutcome::Succeeded => at + PAUSE,
        WriteOutcome::Failed => at + AFTER_FAILURE,
    });
    rested.map_or(settled, |rested| rested.max(settled))
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteOutcome {
    /// The file is as it should be.
    Succeeded,
    /// It is not.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;
    use vault_backends::address::BackendKind;

    fn contents(values: &[(&str, &str, u64)]) -> Contents {
        let value = |&(name, version, at): &(&str, &str, u64)| {
            let address = crate::scripted::address(BackendKind::OCI, name);
            let at = Moment::after_start(Duration::from_secs(at));
            (
                address,
                ValueStamp::new(version, at, Duration::from_secs(100)),
            )
        };
        values.iter().map(value).collect()
    }

    #[test]
    fn what_is_new_is_written_soon_and_what_ended_at_once() {
        let written = contents(&[("a", "1", 5), ("b", "1", 5)]);
        let newer = contents(&[("a", "2", 6), ("b", "1", 5)]);
        let more = contents(&[("a", "1", 5), ("b", "1", 5), ("c", "1", 5)]);
        let less = contents(&[("a", "1", 5)]);
        let confirmed = contents(&[("a", "1", 9), ("b", "1", 5)]);
        let table = [
            (&written, Due::Not),
            // Else an older one would follow after a kill.
            (&newer, Due::Now),
            (&more, Due::Soon),
            (&confirmed, Due::Soon),
            (&less, Due::Now),
            (&contents(&[]), Due::Now),
        ];
        let file = FileState::Holds(written.clone());
        for (held, expected) in table {
            assert_eq!(due(&file, held), expected, "{held:?}");
            let addresses = held.keys().chain(written.keys());
            let each = addresses.map(|address| due_at(&file, address, held.get(address)));
            // What the changes mean one by one is what all that is held means.
            assert_eq!(each.max().unwrap_or(Due::Not), expected, "{held:?}");
        }
    }

    #[test]
    fn a_change_at_one_address_is_judged_by_that_address_alone() {
        let all = contents(&[("a", "1", 5), ("b", "1", 5)]);
        let (a, other) = (
            crate::scripted::address(BackendKind::OCI, "a"),
            crate::scripted::address(BackendKind::OCI, "other"),
        );
        let file = FileState::Holds(all.clone());
        assert_eq!(due_after_flush(&file, &a), Due::Now);
        assert_eq!(due_after_flush(&file, &other), Due::Not);
        // The other value on the disk may be held or not.
        assert_eq!(due_at(&file, &a, all.get(&a)), Due::Not);
        assert_eq!(due_at(&file, &a, None), Due::Now);
        assert_eq!(due_at(&file, &other, None), Due::Not);
        assert_eq!(due_at(&file, &other, all.get(&a)), Due::Soon);
        for file in [FileState::Unreadable, FileState::NotRemoved] {
            assert_eq!(due_at(&file, &a, None), Due::Not);
            assert_eq!(due_at(&file, &a, all.get(&a)), Due::Soon);
            assert_eq!(due_after_flush(&file, &other), Due::Now);
        }
    }

    #[test]
    fn what_time_ends_has_its_moment() {
        let end = first_end(&FileState::Holds(contents(&[("a", "1", 7), ("b", "1", 5)])));
        assert_eq!(end, Some(Moment::after_start(Duration::from_secs(105))));
        assert_eq!(first_end(&FileState::Holds(contents(&[]))), None);
        assert_eq!(first_end(&FileState::NotRemoved), None);
    }

    #[test]
    fn an_unreadable_file_stays_until_there_is_something_to_write() {
        let (none, some) = (contents(&[]), contents(&[("a", "1", 5)]));
        let table = [
            (FileState::Unreadable, &none, Due::Not),
            (FileState::Unreadable, &some, Due::Soon),
            (FileState::NotRemoved, &none, Due::Soon),
        ];
        for (file, held, expected) in table {
            assert_eq!(due(&file, held), expected, "{file:?}");
        }
    }

    #[test]
    fn it_is_not_written_all_the_time() {
        let at = |seconds| Moment::after_start(Duration::from_secs(seconds));
        let table = [
            (None, at(101)),
            (Some((at(50), WriteOutcome::Succeeded)), at(101)),
            (Some((at(95), WriteOutcome::Succeeded)), at(105)),
            (Some((at(95), WriteOutcome::Failed)), at(155)),
        ];
        for (last, expected) in table {
            assert_eq!(moment(at(100), last), expected, "{last:?}");
        }
    }
}
