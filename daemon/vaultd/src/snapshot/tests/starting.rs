//! What a daemon makes of the file while it starts, and what stays behind.

use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;

use super::*;

/// A calendar on a machine whose clocks go on while it is read.
struct SlowCalendar {
    clock: Arc<ScriptedClock>,
    machine_started: u64,
    /// How long it takes until it knows the date, and again as long until it has said so.
    half: Duration,
}

impl WallClock for SlowCalendar {
    fn unix_seconds(&self) -> u64 {
        self.clock.advance(self.half);
        let date = date_of(&self.clock, self.machine_started);
        self.clock.advance(self.half);
        date
    }
}

fn date_of(clock: &ScriptedClock, machine_started: u64) -> u64 {
    machine_started + clock.now().time_since_start().as_secs()
}

/// A daemon that starts with its machine.
fn start_slowly(disk: &Disk, boot: &str, machine_started: u64, half: u64) -> Running {
    let clock = Arc::new(ScriptedClock::default());
    let calendar = SlowCalendar {
        clock: Arc::clone(&clock),
        machine_started,
        half: Duration::from_secs(half),
    };
    let machine = Machine {
        boot: Some(boot.to_owned()),
        wall: Arc::new(calendar),
    };
    let running = disk.prepare(clock, machine, sealed());
    running.snapshot.load();
    running
}

#[tokio::test]
async fn what_lies_between_the_readings_of_two_clocks_makes_nothing_younger() {
    for (writing, reading) in [(50, 0), (0, 50)] {
        let disk = Disk::new();
        let before = start_slowly(&disk, "a", 1_000_000, writing);
        before.hold(&oci("x"), None);
        let confirmed = date_of(&before.clock, 1_000_000);
        before.snapshot.finish().await;
        // The machine is up again as soon as it is down.
        let started = date_of(&before.clock, 1_000_000);
        let after = start_slowly(&disk, "b", started, reading);
        let entry = after.cache.entries().remove(0);
        let age = entry.known.unwrap().1.as_secs();
        let real = date_of(&after.clock, started) - confirmed;
        assert!(age >= real, "{age} < {real}: {writing} {reading}");
    }
}

#[test]
fn the_thread_that_loads_forgets_what_it_did() {
    /// Leaves a pattern in a frame that is dead when this returns, and says where.
    #[inline(never)]
    #[expect(clippy::large_stack_arrays, reason = "loading reaches deep")]
    fn leave_a_frame() -> u64 {
        let mut frame = [0xA5_u8; 24 * 1024];
        black_box(&mut frame);
        frame.as_ptr() as u64
    }
    let memory = File::open("/proc/self/mem").unwrap();
    let mut seen = vec![0; 8 * 1024];
    let mut pattern_bytes = |address| {
        memory.read_exact_at(&mut seen, address).unwrap();
        seen.iter()
            .map(|&byte| usize::from(byte == 0xA5))
            .sum::<usize>()
    };
    let disk = Disk::new();
    for policy in [sealed(), SnapshotPolicy::default()] {
        let machine = Machine {
            boot: None,
            wall: Arc::new(Calendar(0)),
        };
        let running = disk.prepare(Arc::default(), machine, policy);
        let frame = leave_a_frame();
        assert!(pattern_bytes(frame) > 4096, "control: it is there");
        running.snapshot.load();
        assert_eq!(pattern_bytes(frame), 0);
    }
}

#[tokio::test]
async fn what_a_killed_writer_left_is_gone_whether_values_are_kept_or_not() {
    let disk = Disk::new();
    let before = disk.start("a", 500, 1_000_000, sealed());
    before.hold(&oci("x"), None);
    before.snapshot.finish().await;
    let left = disk.state().join(".new.left.tmp");
    for policy in [sealed(), SnapshotPolicy::default(), sealed()] {
        fs::write(&left, "values").unwrap();
        let running = disk.start("a", 500, 1_000_000, policy);
        assert!(!left.exists());
        assert_eq!(running.warning(), None);
    }
}
