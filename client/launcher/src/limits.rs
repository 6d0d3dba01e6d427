//! The limits of this system for arguments and environment, checked before the exec.
//!
//! The kernel says E2BIG for all of them and names nothing. See execve(2), "Limits on size of arguments
//! and environment": one string has 32 pages at most, and all together a quarter of the stack's limit,
//! at most three quarters of 8 MiB.

use std::ffi::OsStr;

use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::{SysconfVar, sysconf};

use crate::environment::Variables;
use crate::failure::Failure;

const PAGES_OF_ONE: usize = 32;
const USUAL_PAGE: usize = 4096;
const LEAST_OF_ALL: usize = 128 * 1024;
const MOST_OF_ALL: usize = 6 * 1024 * 1024;
/// How many of the largest are named.
const NAMED: usize = 3;

/// What this system permits, in bytes.
struct Limits {
    one: usize,
    all: usize,
}

/// Refuses what cannot be handed over, by name.
pub(crate) fn check(argv: &[String], variables: &Variables) -> Result<(), Failure> {
    Limits::of_system().check(argv, variables)
}

impl Limits {
    fn of_system() -> Self {
        let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
        let page = page.and_then(|bytes| usize::try_from(bytes).ok());
        let stack = getrlimit(Resource::RLIMIT_STACK).map_or(u64::MAX, |(soft, _)| soft);
        let quarter = usize::try_from(stack / 4).unwrap_or(usize::MAX);
        Self {
            one: PAGES_OF_ONE * page.unwrap_or(USUAL_PAGE),
            all: quarter.clamp(LEAST_OF_ALL, MOST_OF_ALL),
        }
    }

    fn check(&self, argv: &[String], variables: &Variables) -> Result<(), Failure> {
        let words = argv.iter().enumerate();
        let words =
            words.map(|(place, word)| (format!("word {place} of the command"), word.len() + 1));
        let of_variable = |(name, value): (&std::ffi::OsString, &std::ffi::OsString)| {
            // A `=` between them, and a NUL behind.
            (shown(name), name.len() + value.len() + 2)
        };
        let mut sizes: Vec<(String, usize)> =
            words.chain(variables.iter().map(of_variable)).collect();
        sizes.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        if let Some((name, bytes)) = sizes.first().filter(|(_, bytes)| *bytes > self.one) {
            return Err(Failure::too_large(format!(
                "{name} has {} KiB, and {} KiB is the most that this system hands to a program in one \
                 piece\nshorten it, or let the server read it from a file",
                kib(*bytes),
                self.one / 1024
            )));
        }
        let program = argv.first().map_or(0, |program| program.len() + 1);
        let pointers = sizes.len() * size_of::<usize>();
        let all = program + pointers + sizes.iter().map(|(_, bytes)| bytes).sum::<usize>();
        if all <= self.all {
            return Ok(());
        }
        let largest = sizes.iter().take(NAMED);
        let largest = largest.map(|(name, bytes)| format!("{name} ({} KiB)", kib(*bytes)));
        Err(Failure::too_large(format!(
            "the command and its environment have {} KiB, and {} KiB is the most that this system hands \
             to a program; the largest: {}\nuse fewer or shorter ones, or raise the limit: ulimit -s",
            kib(all),
            self.all / 1024,
            largest.collect::<Vec<_>>().join(", ")
        )))
    }
}

fn shown(name: &OsStr) -> String {
    name.to_string_lossy().into_owned()
}

fn kib(bytes: usize) -> usize {
    bytes.div_ceil(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(values: &[(&str, usize)]) -> Result<(), Failure> {
        let limits = Limits {
            one: 128 * 1024,
            all: 300 * 1024,
        };
        let pair = |&(name, bytes): &(&str, usize)| (name.into(), "x".repeat(bytes).into());
        limits.check(
            &["/bin/true".to_owned()],
            &values.iter().map(pair).collect(),
        )
    }

    #[test]
    fn the_largest_value_that_a_variable_can_have_passes_and_one_more_byte_does_not() {
        let most = 128 * 1024 - "A=".len() - 1;
        assert!(checked(&[("A", most)]).is_ok());
        let failure = checked(&[("A", most + 1)]).expect_err("too large");
        let said = "A has 129 KiB, and 128 KiB is the most that this system hands to a program in one \
                    piece";
        assert_eq!((failure.lines()[0], failure.code()), (said, 126));
    }

    #[test]
    fn too_much_in_all_names_the_largest() {
        let many = [
            ("A", 100 * 1024),
            ("B", 120 * 1024),
            ("C", 90 * 1024),
            ("D", 1),
        ];
        let failure = checked(&many).expect_err("too large");
        let said = "the command and its environment have 311 KiB, and 300 KiB is the most that this \
                    system hands to a program; the largest: B (121 KiB), A (101 KiB), C (91 KiB)";
        assert_eq!(failure.lines()[0], said);
    }

    #[test]
    fn the_limits_of_this_system_are_the_kernels() {
        let limits = Limits::of_system();
        assert!(limits.one >= 128 * 1024 && limits.all >= LEAST_OF_ALL);
    }
}
