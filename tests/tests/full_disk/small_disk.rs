//! A small disk for a daemon, which is soon full.

use std::fs::DirBuilder;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use nix::unistd::geteuid;
use serde_json::Value;
use vault_tests::harness::{Daemon, Home, binaries};

/// Mounts a small disk on its argument, then fills and empties it as its input says. The
/// namespace, and the disk with it, lives as long as it and what was started in there.
const HOLDER: &str = r#"
mount -t tmpfs -o size=256k,mode=700 vault-tests "$1" || exit 1
echo mounted
while read -r word; do
  case $word in
    fill) cat /dev/zero >>"$1/ballast" ;;
    free) rm "$1/ballast" ;;
  esac
  echo "$word"
done
"#;

const NSENTER: &str = "nsenter";

/// A small disk in the place of a home's state directory, seen by daemons that are started on it.
pub(crate) struct SmallDisk {
    holder: Child,
    conversation: Mutex<(Option<ChildStdin>, BufReader<ChildStdout>)>,
    /// The state directory, as it is seen from outside.
    directory: PathBuf,
}

impl SmallDisk {
    /// Why there can be none on this machine.
    pub(crate) fn why_not() -> Option<String> {
        let disk = match Self::mount(&Home::new()) {
            Ok(disk) => disk,
            Err(why) => return Some(why),
        };
        let mut entered = disk.enter(Command::new(NSENTER), Path::new("true"));
        let entered = entered.stdin(Stdio::null()).output();
        match entered {
            Ok(output) if output.status.success() => None,
            Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Some(format!("{NSENTER} does not start: {error}")),
        }
    }

    /// # Panics
    /// Where there can be none.
    pub(crate) fn of(home: &Home) -> Self {
        Self::mount(home).unwrap_or_else(|why| panic!("{why}"))
    }

    fn mount(home: &Home) -> Result<Self, String> {
        let directory = home.state("");
        let mut builder = DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(&directory);
        made.expect("a directory");
        let mut command = Command::new("unshare");
        if !geteuid().is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--mount", "sh", "-c", HOLDER, "sh"]);
        let holder = command
            .arg(&directory)
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut holder = holder.map_err(|error| format!("unshare does not start: {error}"))?;
        let root = format!("/proc/{}/root", holder.id());
        let inside = directory.strip_prefix("/").expect("it is absolute");
        let input = holder.stdin.take();
        let output = BufReader::new(holder.stdout.take().expect("a pipe"));
        let disk = Self {
            holder,
            conversation: Mutex::new((input, output)),
            directory: Path::new(&root).join(inside),
        };
        match disk.hear().as_str() {
            "mounted" => Ok(disk),
            _ => Err(disk.complaint()),
        }
    }

    fn hear(&self) -> String {
        let mut conversation = self.conversation.lock().expect("nobody panics here");
        let mut line = String::new();
        let heard = conversation.1.read_line(&mut line);
        heard.expect("a pipe can be read");
        line.trim().to_owned()
    }

    fn say(&self, word: &str) {
        {
            let mut conversation = self.conversation.lock().expect("nobody panics here");
            let input = conversation.0.as_mut().expect("open until the end");
            writeln!(input, "{word}").expect("the holder listens");
        }
        assert_eq!(self.hear(), word, "the holder does as it is told");
    }

    /// What the holder said when it ended.
    fn complaint(mut self) -> String {
        let mut said = String::new();
        if let Some(mut stderr) = self.holder.stderr.take() {
            let read = std::io::Read::read_to_string(&mut stderr, &mut said);
            read.expect("a pipe can be read");
        }
        format!("a small disk cannot be mounted: {}", said.trim())
    }

    /// Leaves no free page. Of the last page of a file the rest is still there.
    pub(crate) fn fill(&self) {
        self.say("fill");
    }

    /// Makes room again.
    pub(crate) fn free(&self) {
        self.say("free");
    }

    /// `command`, which is `nsenter`, as one that runs `program` where the disk is seen.
    fn enter(&self, mut command: Command, program: &Path) -> Command {
        command.args(["--target", &self.holder.id().to_string(), "--mount"]);
        if !geteuid().is_root() {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.arg(program);
        command
    }

    /// A daemon whose state is on this disk.
    #[track_caller]
    pub(crate) fn start<'a>(&self, home: &'a Home) -> Daemon<'a> {
        home.start_with(|command| {
            *command = self.enter(home.command(Path::new(NSENTER)), &binaries().vaultd);
        })
    }

    pub(crate) fn has(&self, file: &str) -> bool {
        let found = self.directory.join(file).try_exists();
        found.expect("the disk can be read")
    }

    /// Whether files lie there that were to replace others.
    pub(crate) fn has_leftovers(&self) -> bool {
        let mut entries = self.directory.read_dir().expect("the disk can be read");
        entries.any(|entry| {
            let name = entry.expect("the disk can be read").file_name();
            name.to_string_lossy().starts_with(".new.")
        })
    }

    /// How many launches the record says were allowed.
    ///
    /// # Panics
    /// Where a line of it is torn.
    pub(crate) fn launches_recorded(&self) -> usize {
        let record = std::fs::read_to_string(self.directory.join("audit.jsonl"));
        let record = record.expect("a record");
        assert!(record.ends_with('\n'), "a torn record: {record}");
        let whole = |line: &str| -> Value {
            let read = serde_json::from_str(line);
            read.unwrap_or_else(|_| panic!("a torn record: {line}"))
        };
        let records = record.lines().map(whole);
        records
            .filter(|record| record["event"] == "launch" && record["outcome"] == "allowed")
            .count()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // It ends with its input.
        if let Ok(mut conversation) = self.conversation.lock() {
            conversation.0 = None;
        }
        let _ = self.holder.wait();
    }
}
