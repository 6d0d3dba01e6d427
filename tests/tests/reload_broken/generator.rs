//! Broken configurations, the same ones each time.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use nix::sys::stat::Mode;

/// What stands in every value of a file, and may stand in no message.
pub(crate) const CONTENT: &str = "zq7content";

/// The files that are good.
pub(crate) const RESOLVER: &str = "\
# zq7content
cache:
  ttl: 60
secrets:
  TOKEN: local://zq7content
services:
  bar:
    command: [echo, zq7content]
    secrets: []
    env_overrides: {MARK: one, OTHER: \"zq7content\"}
policy:
  rules:
    - allow: [default]
    - deny: [get]
      references: [\"local://zq7content*\"]
audit:
  keep: 3
";
pub(crate) const SERVICE: &str = r#"{
  "description": "zq7content",
  "target_command": ["echo", "zq7content"],
  "env_overrides": {"OTHER": "zq7content"}
}"#;

const LIST: &str = "[zq7content, 7]";
const MAP: &str = "{zq7content: zq7content}";
const TEXT: &str = "\"zq7content\"";
/// Texts with a place, and what may not stand there.
type Types = &'static [(&'static str, &'static [&'static str])];
const TYPES_OF_RESOLVER: Types = &[
    ("cache: ?", &[LIST, TEXT, "7"]),
    ("policy: ?", &[LIST, TEXT, "7"]),
    ("audit: ?", &[LIST, TEXT, "7"]),
    ("services: ?", &[LIST, TEXT, "7"]),
    ("cache: {ttl: ?}", &[LIST, MAP, TEXT]),
    ("audit: {keep: ?}", &[LIST, MAP, TEXT]),
    ("audit: {sync: ?}", &[LIST, MAP, "7"]),
    ("audit: {on_failure: ?}", &[LIST, MAP, "7", TEXT]),
    ("policy: {rules: ?}", &[MAP, TEXT, "7"]),
    ("policy: {rules: [{allow: ?}]}", &[MAP, TEXT, "7"]),
    ("logging: ?", &[LIST, TEXT, "7"]),
    ("memory: ?", &[LIST, MAP, TEXT]),
];
const TYPES_OF_SERVICE: Types = &[
    ("{target_command: ?}", &[MAP, "7"]),
    ("{target_command: [env], env_overrides: ?}", &[LIST, TEXT]),
    ("{target_command: [env], secrets: ?}", &[LIST, TEXT, "7"]),
    ("{target_command: [env], cwd: ?}", &[LIST, MAP]),
];

/// Which file is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Resolver,
    Service,
}

impl Target {
    /// Below the daemon's configuration directory.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Resolver => "resolver.yaml",
            Self::Service => "configs/foo.json",
        }
    }

    pub(crate) fn good(self) -> &'static str {
        match self {
            Self::Resolver => RESOLVER,
            Self::Service => SERVICE,
        }
    }
}

/// How it is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Truncated,
    WrongType,
    UnknownKey,
    Huge,
    Deep,
    Nul,
    NotUtf8,
    LinkLoop,
    LinkToNothing,
    Unreadable,
    WorldWritable,
    AliasBomb,
    Directory,
    Fifo,
}

/// All but the bomb, which keeps an unoptimised parser busy for a second: one in a hundred is one.
const KINDS: [Kind; 13] = [
    Kind::Truncated,
    Kind::WrongType,
    Kind::UnknownKey,
    Kind::Huge,
    Kind::Deep,
    Kind::Nul,
    Kind::NotUtf8,
    Kind::LinkLoop,
    Kind::LinkToNothing,
    Kind::Unreadable,
    Kind::WorldWritable,
    Kind::Directory,
    Kind::Fifo,
];
const BOMB_EVERY: usize = 100;

/// A broken configuration: one file that is not as it should be.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub(crate) kind: Kind,
    pub(crate) target: Target,
    thing: Thing,
}

#[derive(Clone, Debug)]
enum Thing {
    Bytes(Vec<u8>, u32),
    Link(&'static str),
    Directory,
    Fifo,
}

impl Broken {
    /// Makes it at `path`.
    pub(crate) fn make(&self, path: &Path) {
        match &self.thing {
            Thing::Bytes(bytes, mode) => {
                fs::write(path, bytes).expect("a file");
                fs::set_permissions(path, fs::Permissions::from_mode(*mode)).expect("its mode");
            }
            Thing::Link(target) => symlink(target, path).expect("a link"),
            Thing::Directory => fs::create_dir(path).expect("a directory"),
            Thing::Fifo => nix::unistd::mkfifo(path, Mode::S_IRUSR).expect("a FIFO"),
        }
    }

    /// Whether the error can name a line.
    pub(crate) fn has_a_line(&self) -> bool {
        matches!(self.kind, Kind::WrongType | Kind::UnknownKey)
    }
}

/// Numbers that look random and are the same each time (SplitMix64).
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("a small number");
        usize::try_from(self.next() % bound).expect("smaller than the bound")
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// The next broken configuration. One that is truncated may happen to be a good one.
    pub(crate) fn broken(&mut self, number: usize) -> Broken {
        let kind = match number % BOMB_EVERY {
            0 => Kind::AliasBomb,
            number => KINDS[number % KINDS.len()],
        };
        let mut target = self.one_of(&[Target::Resolver, Target::Service]);
        let good = || target.good().as_bytes().to_vec();
        let plain = |bytes: Vec<u8>| Thing::Bytes(bytes, 0o600);
        let thing = match kind {
            Kind::Truncated => plain(good()[..self.below(target.good().len())].to_vec()),
            Kind::WrongType => plain(self.wrong_type(target)),
            Kind::UnknownKey => {
                target = Target::Resolver;
                plain(self.unknown_key())
            }
            Kind::Huge => {
                let mut bytes = good();
                bytes.resize(1024 * 1024 + 1 + self.below(100_000), b'\n');
                plain(bytes)
            }
            Kind::Deep => plain(self.deep()),
            Kind::Nul => plain(self.with_bytes(good(), b"\0")),
            Kind::NotUtf8 => plain(self.with_bytes(good(), b"\xff")),
            Kind::LinkLoop => Thing::Link(match target {
                Target::Resolver => "resolver.yaml",
                Target::Service => "foo.json",
            }),
            Kind::LinkToNothing => Thing::Link("zq7content"),
            Kind::Unreadable => Thing::Bytes(good(), 0o000),
            Kind::WorldWritable => Thing::Bytes(good(), self.one_of(&[0o602, 0o666, 0o777])),
            Kind::AliasBomb => plain(self.alias_bomb()),
            Kind::Directory => Thing::Directory,
            Kind::Fifo => Thing::Fifo,
        };
        Broken {
            kind,
            target,
            thing,
        }
    }

    fn wrong_type(&mut self, target: Target) -> Vec<u8> {
        let (text, wrong) = match target {
            Target::Resolver => self.one_of(TYPES_OF_RESOLVER),
            Target::Service => self.one_of(TYPES_OF_SERVICE),
        };
        let above = "\n".repeat(self.below(5));
        let line = text.replace('?', self.one_of(wrong));
        format!("{above}{line}\n").into_bytes()
    }

    /// In the sections of which an unknown key is refused.
    fn unknown_key(&mut self) -> Vec<u8> {
        let key: String = (0..3 + self.below(10))
            .map(|_| char::from(b'a' + u8::try_from(self.below(26)).expect("a letter")))
            .collect();
        let section = self.one_of(&[
            "policy:\n  ",
            "audit:\n  sync: true\n  ",
            "policy:\n  rules:\n    - allow: [all]\n      ",
        ]);
        format!("{section}x{key}: {CONTENT}\n").into_bytes()
    }

    fn deep(&mut self) -> Vec<u8> {
        let depth = 100 + self.below(50_000);
        let open = self.one_of(&["[", "{a: "]);
        let close = if open == "[" { "]" } else { "}" };
        let mut text = open.repeat(depth);
        text.push_str(CONTENT);
        // Closed or not.
        text.push_str(&close.repeat(self.one_of(&[0, depth])));
        text.into_bytes()
    }

    fn with_bytes(&mut self, mut text: Vec<u8>, bytes: &[u8]) -> Vec<u8> {
        let place = self.below(text.len());
        text.splice(place..place, bytes.iter().copied());
        text
    }

    /// Each line holds the one above several times.
    fn alias_bomb(&mut self) -> Vec<u8> {
        let times = 5 + self.below(10);
        let mut text = format!("a0: &a0 [{CONTENT}]\n");
        for level in 1..20 {
            let above = vec![format!("*a{}", level - 1); times].join(", ");
            // Writing to a String does not fail.
            let _ = writeln!(text, "a{level}: &a{level} [{above}]");
        }
        text.into_bytes()
    }
}
