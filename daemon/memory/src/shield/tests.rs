//! A value comes back right, and its slot is empty afterwards, under each protection.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Barrier, MutexGuard};
use std::thread;

use proptest::prelude::*;

use super::*;
use crate::Secret;
use crate::arena::SLOTS;

/// The suite runs over what the kernel gives and over each fallback.
macro_rules! under_each_protection {
    ($($name:ident)*) => {
        under_each_protection!(secretmem, Secretmem, $($name)*);
        under_each_protection!(mlock, Mlock, $($name)*);
        under_each_protection!(unprotected, Unprotected, $($name)*);
    };
    ($module:ident, $protection:ident, $($name:ident)*) => {
        mod $module {
            $(#[test] fn $name() {
                let _alone = super::alone();
                super::$name(super::Protection::$protection);
            })*
        }
    };
}

under_each_protection! {
    value_comes_back_as_it_was
    plaintext_is_wiped_when_shielded
    plaintext_is_wiped_when_refused
    heap_holds_ciphertext
    equal_values_have_different_ciphertexts
    value_above_the_limit_is_refused
    slot_is_wiped_after_use
    slot_is_wiped_after_a_panic
    slot_is_wiped_when_filling_fails
    filling_starts_with_zeroes
    filling_beyond_the_slot_is_refused
    altered_ciphertext_is_refused
    value_of_another_process_key_is_refused
    what_is_left_in_the_slot_does_not_change_the_secret
    thirty_two_threads_each_get_their_own_value
    all_slots_can_be_used_at_once
    use_inside_a_use_is_refused
}

/// One test at a time: together they could use up the locked memory of a user without privilege.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A shield with this protection, or on kernels without memfd_secret the fallback that a start
/// would take there.
fn shield(protection: Protection) -> Arc<Shield> {
    match Shield::with_protection(protection) {
        Ok(shield) => {
            assert_eq!(shield.protection(), protection);
            shield
        }
        Err(error) => {
            assert_eq!(protection, Protection::Secretmem, "{error}");
            let fallback = Shield::new(Preference::Secretmem).unwrap();
            assert_ne!(fallback.protection(), Protection::Secretmem);
            assert!(!fallback.warnings().is_empty());
            fallback
        }
    }
}

fn secret(shield: &Arc<Shield>, value: &[u8]) -> Secret {
    shield.shield(&mut value.to_vec()).unwrap()
}

fn value_comes_back_as_it_was(protection: Protection) {
    let shield = shield(protection);
    for bytes in [0, 1, 31, 4096, MAX_SECRET_BYTES] {
        let value: Vec<u8> = (0..=250).cycle().take(bytes).collect();
        let secret = secret(&shield, &value);
        assert_eq!((secret.len(), secret.is_empty()), (bytes, bytes == 0));
        assert!(secret.expose_secret(|plain| plain == value).unwrap());
    }
}

fn plaintext_is_wiped_when_shielded(protection: Protection) {
    let mut value = *b"hunter2 and more";
    shield(protection).shield(&mut value).unwrap();
    assert_eq!(value, [0; 16]);
}

fn plaintext_is_wiped_when_refused(protection: Protection) {
    let mut value = vec![7; MAX_SECRET_BYTES + 1];
    shield(protection).shield(&mut value).unwrap_err();
    assert!(value.iter().all(|&byte| byte == 0));
}

fn heap_holds_ciphertext(protection: Protection) {
    let mut secret = secret(&shield(protection), &[b'x'; 64]);
    let longest_run = secret
        .sealed()
        .ciphertext
        .split(|&byte| byte != b'x')
        .map(<[u8]>::len)
        .max();
    assert!(longest_run.unwrap() < 8);
}

fn equal_values_have_different_ciphertexts(protection: Protection) {
    let shield = shield(protection);
    let [mut one, mut two] = [(); 2].map(|()| secret(&shield, &[1; 32]));
    assert_ne!(one.sealed().ciphertext, two.sealed().ciphertext);
}

fn value_above_the_limit_is_refused(protection: Protection) {
    let refused = shield(protection)
        .shield(&mut vec![0; MAX_SECRET_BYTES + 1])
        .unwrap_err();
    assert_eq!(refused.kind(), "value_too_large");
}

/// Every slot of an idle shield, seen through the shield itself.
fn slots_are_empty(shield: &Shield) -> bool {
    let slots = shield.slots.lock().unwrap();
    slots.len() == SLOTS && slots.iter().all(|slot| slot.iter().all(|&byte| byte == 0))
}

fn slot_is_wiped_after_use(protection: Protection) {
    let shield = shield(protection);
    let secret = secret(&shield, &[9; 1000]);
    assert!(slots_are_empty(&shield));
    secret
        .expose_secret(|plain| assert_eq!(plain, [9; 1000]))
        .unwrap();
    assert!(slots_are_empty(&shield));
}

fn slot_is_wiped_after_a_panic(protection: Protection) {
    let shield = shield(protection);
    let secret = secret(&shield, &[9; 1000]);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        secret.expose_secret(|_| panic!("on purpose"))
    }));
    assert!(panicked.is_err());
    assert!(slots_are_empty(&shield));
    assert!(
        secret.expose_secret(|plain| plain == [9; 1000]).unwrap(),
        "and goes on"
    );
}

fn slot_is_wiped_when_filling_fails(protection: Protection) {
    let shield = shield(protection);
    let failed = shield.shield_with(100, |room| {
        room.fill(9);
        Err(ShieldError::Damaged)
    });
    assert!(failed.is_err());
    assert!(slots_are_empty(&shield));
}

fn filling_starts_with_zeroes(protection: Protection) {
    let shield = shield(protection);
    for _ in 0..=SLOTS {
        let filled = shield.shield_with(100, |room| {
            assert_eq!(room, [0; 100]);
            room.fill(9);
            Ok::<_, ShieldError>(3)
        });
        assert!(
            filled
                .unwrap()
                .expose_secret(|plain| plain == [9; 3])
                .unwrap()
        );
    }
}

fn filling_beyond_the_slot_is_refused(protection: Protection) {
    let refused = shield(protection)
        .shield_with(3, |_| Ok::<_, ShieldError>(4))
        .unwrap_err();
    assert_eq!(refused.kind(), "overfilled");
}

fn altered_ciphertext_is_refused(protection: Protection) {
    let shield = shield(protection);
    let alterations: [fn(&mut Sealed); 4] = [
        |sealed| sealed.ciphertext[0] ^= 1,
        |sealed| sealed.ciphertext[9] ^= 128,
        |sealed| sealed.nonce[0] ^= 1,
        |sealed| sealed.tag[15] ^= 1,
    ];
    for alter in alterations {
        let mut secret = secret(&shield, &[9; 10]);
        alter(secret.sealed());
        let refused = secret
            .expose_secret(|_| panic!("lent altered bytes"))
            .unwrap_err();
        assert_eq!(refused.kind(), "shield_damaged");
        assert!(slots_are_empty(&shield));
    }
}

fn value_of_another_process_key_is_refused(protection: Protection) {
    let [mut mine, mut other] = [(); 2].map(|()| secret(&shield(protection), &[9; 10]));
    std::mem::swap(mine.sealed(), other.sealed());
    assert!(mine.expose_secret(|_| ()).is_err());
}

fn what_is_left_in_the_slot_does_not_change_the_secret(protection: Protection) {
    let secret = secret(&shield(protection), b"value");
    secret.expose_secret(|plain| plain.fill(0)).unwrap();
    assert!(secret.expose_secret(|plain| plain == b"value").unwrap());
}

fn thirty_two_threads_each_get_their_own_value(protection: Protection) {
    let shield = shield(protection);
    let start = Barrier::new(32);
    thread::scope(|scope| {
        for number in 0..32_u8 {
            let (shield, start) = (&shield, &start);
            scope.spawn(move || {
                let value = vec![number; 100 + usize::from(number)];
                let secret = secret(shield, &value);
                start.wait();
                for _ in 0..50 {
                    secret
                        .expose_secret(|plain| assert_eq!(plain, value))
                        .unwrap();
                }
            });
        }
    });
    assert!(slots_are_empty(&shield));
}

fn all_slots_can_be_used_at_once(protection: Protection) {
    let shield = shield(protection);
    let together = Barrier::new(SLOTS);
    thread::scope(|scope| {
        for _ in 0..SLOTS {
            // Nobody passes the barrier before all of them hold a slot.
            scope.spawn(|| {
                secret(&shield, b"v")
                    .expose_secret(|_| together.wait())
                    .map(drop)
            });
        }
    });
}

fn use_inside_a_use_is_refused(protection: Protection) {
    let shield = shield(protection);
    let [outer, inner] = [(); 2].map(|()| secret(&shield, b"v"));
    let refused = outer
        .expose_secret(|_| inner.expose_secret(|_| ()))
        .unwrap()
        .unwrap_err();
    assert_eq!(refused.kind(), "nested_use");
    inner.expose_secret(|_| ()).unwrap();
}

#[test]
fn neither_secret_nor_shield_print_what_they_hold() {
    let _alone = alone();
    let shield = Shield::new(Preference::Auto).unwrap();
    let secret = secret(&shield, b"hunter2");
    assert_eq!(format!("{secret:?}"), "Secret([redacted])");
    assert!(format!("{shield:?}").starts_with("Shield { protection: "));
}

#[test]
fn mlock_is_taken_without_a_warning_when_asked_for() {
    let _alone = alone();
    let shield = Shield::new(Preference::Mlock).unwrap();
    assert_eq!(shield.protection(), Protection::Mlock);
    assert_eq!(shield.warnings(), [""; 0]);
}

#[test]
fn plaintext_in_use_cannot_be_read_through_proc_where_secretmem_is_given() {
    let _alone = alone();
    for preference in [Preference::Auto, Preference::Mlock] {
        let shield = Shield::new(preference).unwrap();
        let secret = secret(&shield, b"visible to me");
        let seen = secret
            .expose_secret(|plain| look_at(plain.as_ptr(), plain.len()))
            .unwrap();
        match shield.protection() {
            Protection::Secretmem => assert!(seen.is_err(), "read {seen:?}"),
            // The control: the same look does find bytes that are not in such a page.
            _ => assert_eq!(seen.unwrap(), b"visible to me"),
        }
    }
}

fn look_at(address: *const u8, bytes: usize) -> io::Result<Vec<u8>> {
    let mut seen = vec![0; bytes];
    File::open("/proc/self/mem")?.read_exact_at(&mut seen, address as u64)?;
    Ok(seen)
}

#[test]
fn pages_stay_out_of_dumps_forks_and_swap() {
    let _alone = alone();
    for preference in [Preference::Auto, Preference::Mlock] {
        let shield = Shield::new(preference).unwrap();
        let flags = flags_of(&shield.key);
        for flag in ["dd", "dc", "lo"] {
            assert!(
                flags.contains(&flag.to_owned()),
                "{preference}: {flag} not in {flags:?}"
            );
        }
    }
}

/// The kernel's flags of a mapping (`proc(5)`, `VmFlags`): dd not dumped, dc not forked, lo locked.
fn flags_of(block: &Block) -> Vec<String> {
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let address = block.as_ptr() as u64;
    let covers = |line: &str| {
        let range = line
            .split(' ')
            .next()
            .and_then(|range| range.split_once('-'));
        let hex = |text| u64::from_str_radix(text, 16);
        range.is_some_and(|(from, to)| match (hex(from), hex(to)) {
            (Ok(from), Ok(to)) => (from..to).contains(&address),
            _ => false,
        })
    };
    let mut lines = maps.lines().skip_while(|line| !covers(line));
    let flags = lines
        .find_map(|line| line.strip_prefix("VmFlags: "))
        .unwrap();
    flags.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn pages_are_given_back_with_the_shield() {
    let _alone = alone();
    let shield = Shield::new(Preference::Mlock).unwrap();
    let key = shield.key.as_ptr();
    assert!(
        look_at(key, KEY_BYTES)
            .unwrap()
            .iter()
            .any(|&byte| byte != 0)
    );
    drop(shield);
    // The place may be mapped anew by another test, but not with this key.
    let seen = look_at(key, KEY_BYTES);
    assert!(seen.is_err() || seen.unwrap().iter().all(|&byte| byte == 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_value_comes_back(value in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _alone = alone();
        let shield = Shield::new(Preference::Mlock).unwrap();
        let same = secret(&shield, &value).expose_secret(|plain| plain == value);
        prop_assert!(same.unwrap());
    }
}
