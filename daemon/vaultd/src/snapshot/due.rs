//! When must the file be written? Pure.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use vault_backends::address::Address;

use crate::cache::changes::{Change, Now};
use crate::clock::Moment;

/// So long after a change the file is written: what is fetched together is written together.
const SETTLING: Duration = Duration::from_secs(1);
/// And no sooner after it was written last.
const PAUSE: Duration = Duration::from_secs(10);
/// And no sooner after that failed: a disk is seldom emptied in seconds.
const AFTER_FAILURE: Duration = Duration::from_mins(1);

/// Values by address.
pub(super) type Contents = HashMap<Address, Kept>;

/// What tells one value of an address from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    version: String,
    confirmed: Moment,
    /// From when on it is not kept.
    end: Moment,
}

impl Kept {
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
#[derive(Debug, Default)]
pub(super) enum OnDisk {
    /// A file that was not read, or cannot be.
    #[default]
    Unreadable,
    /// A file that was to be removed, and could not be.
    Unremoved,
    /// With these values; no file where there are none.
    Holds(Contents),
}

/// Whether the file must be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// No: it is as it should be.
    Not,
    /// For what is new.
    Soon,
    /// For what must not come back.
    Now,
}

/// What news there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Values may have changed or ended.
    Changed,
    /// Something was forgotten on purpose, or another configuration is in force.
    Forgotten,
}

impl News {
    /// What a change, and all that wait behind it, mean. A missed one may have been a flush.
    pub(super) fn told(first: Result<Change, RecvError>, changes: &mut Receiver<Change>) -> News {
        let mut news = match first {
            Ok(change) if !matches!(change.now, Now::Flushed) => Self::Changed,
            _ => Self::Forgotten,
        };
        loop {
            match changes.try_recv() {
                Ok(change) if !matches!(change.now, Now::Flushed) => {}
                Ok(_) | Err(TryRecvError::Lagged(_)) => news = Self::Forgotten,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return news,
            }
        }
    }
}

/// How much of a hurry there is to have `held` on the disk.
pub(super) fn due(disk: &OnDisk, held: &Contents, news: News) -> Due {
    match disk {
        OnDisk::Holds(written) if written == held => Due::Not,
        _ if news == News::Forgotten => Due::Now,
        // The values of a vault that said no, or gives others now.
        OnDisk::Holds(written) if !written.iter().all(|one| is_still(one, held)) => Due::Now,
        // A person may still make it readable.
        OnDisk::Unreadable if held.is_empty() => Due::Not,
        _ => Due::Soon,
    }
}

/// Whether a start that finds this would serve the version that is held.
fn is_still((address, written): (&Address, &Kept), held: &Contents) -> bool {
    let held = held.get(address);
    held.is_some_and(|held| held.version == written.version)
}

/// When something on the disk must leave it, though nobody says so.
pub(super) fn first_end(disk: &OnDisk) -> Option<Moment> {
    match disk {
        OnDisk::Holds(written) => written.values().map(|kept| kept.end).min(),
        OnDisk::Unreadable | OnDisk::Unremoved => None,
    }
}

/// When what is due soon is written, where the last attempt was made then.
pub(super) fn moment(now: Moment, last: Option<(Moment, Written)>) -> Moment {
    let settled = now + SETTLING;
    let rested = last.map(|(at, written)| match written {
        Written::Well => at + PAUSE,
        Written::Failed => at + AFTER_FAILURE,
    });
    rested.map_or(settled, |rested| rested.max(settled))
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// The file is as it should be.
    Well,
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
            (address, Kept::new(version, at, Duration::from_secs(100)))
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
            (&written, News::Changed, Due::Not),
            (&written, News::Forgotten, Due::Not),
            // Else an older one would follow after a kill.
            (&newer, News::Changed, Due::Now),
            (&more, News::Changed, Due::Soon),
            (&confirmed, News::Changed, Due::Soon),
            (&less, News::Changed, Due::Now),
            (&contents(&[]), News::Changed, Due::Now),
            // It was flushed and fetched again, perhaps in another version.
            (&confirmed, News::Forgotten, Due::Now),
        ];
        let disk = OnDisk::Holds(written.clone());
        for (held, news, expected) in table {
            assert_eq!(due(&disk, held, news), expected, "{held:?} {news:?}");
        }
    }

    #[test]
    fn what_time_ends_has_its_moment() {
        let end = first_end(&OnDisk::Holds(contents(&[("a", "1", 7), ("b", "1", 5)])));
        assert_eq!(end, Some(Moment::after_start(Duration::from_secs(105))));
        assert_eq!(first_end(&OnDisk::Holds(contents(&[]))), None);
        assert_eq!(first_end(&OnDisk::Unremoved), None);
    }

    #[test]
    fn an_unreadable_file_stays_until_there_is_something_to_write_or_to_forget() {
        let (none, some) = (contents(&[]), contents(&[("a", "1", 5)]));
        let table = [
            (OnDisk::Unreadable, &none, News::Changed, Due::Not),
            (OnDisk::Unreadable, &none, News::Forgotten, Due::Now),
            (OnDisk::Unreadable, &some, News::Changed, Due::Soon),
            (OnDisk::Unremoved, &none, News::Changed, Due::Soon),
        ];
        for (disk, held, news, expected) in table {
            assert_eq!(due(&disk, held, news), expected, "{disk:?}");
        }
    }

    #[test]
    fn it_is_not_written_all_the_time() {
        let at = |seconds| Moment::after_start(Duration::from_secs(seconds));
        let table = [
            (None, at(101)),
            (Some((at(50), Written::Well)), at(101)),
            (Some((at(95), Written::Well)), at(105)),
            (Some((at(95), Written::Failed)), at(155)),
        ];
        for (last, expected) in table {
            assert_eq!(moment(at(100), last), expected, "{last:?}");
        }
    }
}
