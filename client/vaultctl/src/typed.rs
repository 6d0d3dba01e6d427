//! What a person types or pastes as a value, byte by byte. Pure.
//!
//! One line by hand ends with Enter. Where more than one line comes, at once or in a bracketed paste, they
//! end with an empty line or Ctrl-D, and PEM text with its END line. Nothing is changed: what cannot be
//! taken as it is, is refused as a whole.

use vault_proto::MAX_SECRET_BYTES;
use zeroize::Zeroizing;

const ESCAPE: u8 = 0x1b;
const INTERRUPT: u8 = 0x03;
const END: u8 = 0x04;
const ERASE: [u8; 2] = [0x08, 0x7f];
const ERASE_LINE: u8 = 0x15;
const SUSPEND: u8 = 0x1a;
const QUIT: u8 = 0x1c;

const PASTE_BEGIN: &[u8] = b"[200~";
const PASTE_END: &[u8] = b"[201~";
/// The longest escape sequence that is looked at whole.
const LONGEST_SEQUENCE: usize = 16;

const PEM_BEGIN: &[u8] = b"-----BEGIN ";
const PEM_END: &[u8] = b"-----END ";

/// What is to happen after a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// More is to come.
    More,
    /// The value ends here, unless more has come already.
    EndUnlessMore,
    /// The value ends here.
    End,
    /// The person wants none of it.
    Interrupt,
    /// The person wants the shell back for a while.
    Suspend,
}

/// Why what was typed is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("nothing was typed, nothing is stored\nan empty value can be stored with --empty")]
    Nothing,
    #[error(
        "a key that is no letter (an arrow, Alt, a function key) was typed, which nothing here follows: \
         nothing is stored\nBackspace and Ctrl-U erase; or pipe the value in, or use --file"
    )]
    Key,
    #[error(
        "a control character was typed or pasted that a terminal may have changed: nothing is stored\n\
         pipe the value in, or use --file"
    )]
    Control,
    #[error(
        "what was typed is not UTF-8, and may have been changed on its way: nothing is stored\n\
         pipe the value in, or use --file"
    )]
    NotUtf8,
    #[error(
        "the value has more than {} bytes ({} KiB), the most that a secret holds: nothing is stored\n\
         keep it encrypted in a file of its own and store the key that opens it, or split it into several \
         secrets",
        MAX_SECRET_BYTES,
        MAX_SECRET_BYTES / 1024
    )]
    TooMuch,
}

/// What has been typed so far. It never grows beyond its first room, so that nothing is left behind.
pub(crate) struct Typed {
    bytes: Zeroizing<Vec<u8>>,
    place: Place,
    sequence: Vec<u8>,
    refused: Option<Refused>,
    /// A carriage return came last, and a line feed would belong to it: what it meant, and whether there
    /// were several lines then.
    after_return: Option<(Step, bool)>,
    has_several_lines: bool,
    was_pasted: bool,
    /// The line break that came last only said that this is all.
    has_ending_enter: bool,
}

/// A whole value, with how many lines it has.
pub(crate) struct Taken {
    pub(crate) value: Zeroizing<Vec<u8>>,
    pub(crate) lines: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Typing,
    Pasting,
    /// After an escape character, with where it was.
    Escape {
        pasting: bool,
    },
    /// One more byte belongs to a key.
    Key,
}

impl Typed {
    pub(crate) fn new() -> Self {
        Self {
            // With its line breaks, and a byte too many that may still be erased.
            bytes: Zeroizing::new(Vec::with_capacity(MAX_SECRET_BYTES + 4)),
            place: Place::Typing,
            sequence: Vec::with_capacity(LONGEST_SEQUENCE),
            refused: None,
            after_return: None,
            has_several_lines: false,
            was_pasted: false,
            has_ending_enter: false,
        }
    }

    /// Whether lines are taken until an empty one.
    pub(crate) fn has_several_lines(&self) -> bool {
        self.has_several_lines
    }

    /// Takes one byte.
    pub(crate) fn push(&mut self, byte: u8) -> Step {
        if let Some((step, had_several_lines)) = self.after_return.take()
            && byte == b'\n'
        {
            self.has_several_lines = had_several_lines;
            self.has_ending_enter = step == Step::EndUnlessMore;
            return step;
        }
        let step = match self.place {
            Place::Escape { pasting } => self.in_sequence(byte, pasting),
            Place::Key => {
                self.place = Place::Typing;
                self.refuse(Refused::Key);
                if byte < 0x20 {
                    return self.push(byte);
                }
                Step::More
            }
            Place::Pasting => self.pasted(byte),
            Place::Typing => self.typed(byte),
        };
        if byte == b'\r' {
            self.after_return = Some((step, self.has_several_lines));
        }
        step
    }

    /// More came at once after [`Step::EndUnlessMore`].
    pub(crate) fn go_on(&mut self) {
        self.has_several_lines = true;
        self.has_ending_enter = false;
    }

    /// The value, without what ended it: an empty line, the Enter after a paste, and the last line break unless `keeps_it` and
    /// there are several lines.
    pub(crate) fn finish(mut self, keeps_last_line_break: bool) -> Result<Taken, Refused> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        let has_end = if self.was_pasted {
            self.has_ending_enter
        } else {
            (self.has_several_lines || self.is_pem()) && self.bytes.ends_with(b"\n\n")
        };
        if has_end {
            self.bytes.pop();
        }
        let ended = self.bytes.ends_with(b"\n");
        let parts = self.bytes.split(|byte| *byte == b'\n').count();
        let lines = parts - usize::from(ended);
        if ended && !(keeps_last_line_break && lines > 1) {
            self.bytes.pop();
        }
        if self.bytes.is_empty() {
            return Err(Refused::Nothing);
        }
        if std::str::from_utf8(&self.bytes).is_err() && self.bytes.len() <= MAX_SECRET_BYTES {
            return Err(Refused::NotUtf8);
        }
        let value = self.bytes;
        Ok(Taken { value, lines })
    }

    fn typed(&mut self, byte: u8) -> Step {
        match byte {
            b'\r' | b'\n' => self.line_break(),
            INTERRUPT | QUIT => Step::Interrupt,
            END => Step::End,
            SUSPEND => Step::Suspend,
            ERASE_LINE => {
                let begin = self.begin_of_line();
                self.bytes.truncate(begin);
                Step::More
            }
            ESCAPE => self.escape(false),
            _ if ERASE.contains(&byte) => self.erase(),
            _ => self.keep(byte),
        }
    }

    fn pasted(&mut self, byte: u8) -> Step {
        match byte {
            b'\r' | b'\n' => {
                self.has_several_lines = true;
                self.keep(b'\n')
            }
            ESCAPE => self.escape(true),
            // The mark of its end may have been lost.
            INTERRUPT => Step::Interrupt,
            _ => self.keep(byte),
        }
    }

    fn line_break(&mut self) -> Step {
        let begin = self.begin_of_line();
        let line = self.bytes.get(begin..).unwrap_or_default();
        let ends = if line.is_empty() || self.was_pasted {
            true
        } else if self.is_pem() {
            line.starts_with(PEM_END)
        } else {
            !self.has_several_lines
        };
        let is_only_begin_of_pem = self.is_pem() && !ends;
        self.keep(b'\n');
        if ends {
            self.has_ending_enter = true;
            Step::EndUnlessMore
        } else {
            self.has_several_lines |= is_only_begin_of_pem;
            Step::More
        }
    }

    fn escape(&mut self, pasting: bool) -> Step {
        self.sequence.clear();
        self.place = Place::Escape { pasting };
        Step::More
    }

    fn in_sequence(&mut self, byte: u8, pasting: bool) -> Step {
        if self.sequence.is_empty() && byte != b'[' {
            // A key of its own, with one more letter for some; or the escape key before what is typed.
            self.place = match (pasting, byte) {
                (true, _) => Place::Pasting,
                (false, b'O') => Place::Key,
                (false, _) => Place::Typing,
            };
            self.refuse(if pasting {
                Refused::Control
            } else {
                Refused::Key
            });
            return match byte {
                0x20..=0x7e => Step::More,
                _ => self.push(byte),
            };
        }
        if byte < 0x20 {
            // Part of no sequence: this one was cut off, or was Alt and a bracket.
            self.place = if pasting {
                Place::Pasting
            } else {
                Place::Typing
            };
            self.refuse(if pasting {
                Refused::Control
            } else {
                Refused::Key
            });
            return self.push(byte);
        }
        if self.sequence.len() < LONGEST_SEQUENCE {
            self.sequence.push(byte);
        }
        if self.sequence.len() == 1 || !(0x40..=0x7e).contains(&byte) {
            return Step::More;
        }
        match (pasting, self.sequence.as_slice()) {
            (false, PASTE_BEGIN) => {
                self.place = Place::Pasting;
                self.was_pasted = true;
            }
            (true, PASTE_END) => self.place = Place::Typing,
            (true, _) => {
                self.place = Place::Pasting;
                self.refuse(Refused::Control);
            }
            (false, _) => {
                self.place = Place::Typing;
                self.refuse(Refused::Key);
            }
        }
        Step::More
    }

    fn keep(&mut self, byte: u8) -> Step {
        let is_control = byte < 0x20 && !matches!(byte, b'\t' | b'\n') || byte == 0x7f;
        if is_control {
            return self.refuse(Refused::Control);
        }
        if self.bytes.len() == self.bytes.capacity() {
            return self.refuse(Refused::TooMuch);
        }
        self.bytes.push(byte);
        Step::More
    }

    /// The last letter of this line, with all its bytes.
    fn erase(&mut self) -> Step {
        let begin = self.begin_of_line();
        while self.bytes.len() > begin {
            let is_rest_of_letter = |byte: u8| byte & 0xc0 == 0x80;
            if !self.bytes.pop().is_some_and(is_rest_of_letter) {
                break;
            }
        }
        Step::More
    }

    fn begin_of_line(&self) -> usize {
        let last = self.bytes.iter().rposition(|byte| *byte == b'\n');
        last.map_or(0, |place| place + 1)
    }

    fn is_pem(&self) -> bool {
        self.bytes.starts_with(PEM_BEGIN)
    }

    /// What follows is read on: nothing of it may reach the shell.
    fn refuse(&mut self, why: Refused) -> Step {
        self.refused.get_or_insert(why);
        Step::More
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of bursts of bytes, each followed by quiet; `None` where the value has not ended.
    fn taken(bursts: &[&[u8]]) -> Option<Result<(Vec<u8>, usize), Refused>> {
        let mut typed = Typed::new();
        for burst in bursts {
            for (place, byte) in burst.iter().enumerate() {
                match typed.push(*byte) {
                    Step::More => {}
                    Step::EndUnlessMore if place + 1 < burst.len() => typed.go_on(),
                    _ => {
                        let taken = typed.finish(false);
                        return Some(taken.map(|taken| (taken.value.to_vec(), taken.lines)));
                    }
                }
            }
        }
        None
    }

    fn value(bursts: &[&[u8]]) -> (String, usize) {
        let (value, lines) = taken(bursts).expect("an end").expect("a value");
        (String::from_utf8(value).expect("UTF-8"), lines)
    }

    #[test]
    fn a_line_by_hand_ends_with_enter_and_is_what_was_typed() {
        for (typed, expected) in [
            (&b"hunter2\n"[..], "hunter2"),
            (b"hunter2\r", "hunter2"),
            (b"a\tb\n", "a\tb"),
            ("ü ß\n".as_bytes(), "ü ß"),
            ("aü\x7fb\n".as_bytes(), "ab"),
            (b"wrong\x15right\n", "right"),
            (b"a\x04", "a"),
            (b"  a \n", "  a "),
        ] {
            assert_eq!(value(&[typed]), (expected.to_owned(), 1), "{expected}");
        }
    }

    #[test]
    fn lines_that_come_at_once_end_with_an_empty_line_or_the_end_key() {
        let lines = ("a\nb\nc".to_owned(), 3);
        assert_eq!(value(&[b"a\nb\nc\n", b"\n"]), lines);
        assert_eq!(value(&[b"a\r\nb\r\nc\r\n\r\n"]), lines);
        assert_eq!(value(&[b"a\nb\nc", b"\x04"]), lines);
        assert_eq!(value(&[b"a\nb\nc\n\x04"]), lines);
        assert_eq!(value(&[b"a\n\nb\n", b"\n"]), ("a\n\nb".to_owned(), 3));
        assert_eq!(taken(&[b"a\nb\nc\n"]), None, "more may come");
    }

    #[test]
    fn a_bracketed_paste_is_whole_and_ends_with_enter() {
        assert_eq!(
            value(&[b"\x1b[200~tok", b"en\x1b[201~", b"\r"]),
            ("token".to_owned(), 1)
        );
        let lines = ("a\n\nb".to_owned(), 3);
        assert_eq!(value(&[b"\x1b[200~a\r\rb\r\x1b[201~", b"\r"]), lines);
        assert_eq!(value(&[b"\x1b[200~a\n\nb\x1b[201~\n"]), lines);
        assert_eq!(value(&[b"\x1b[200~a\n\nb\x1b[201~\x04"]), lines);
    }

    #[test]
    fn pem_text_ends_with_its_end_and_goes_on_where_more_follows_at_once() {
        let pem = "-----BEGIN A-----\nProc: x\n\nYQ==\n-----END A-----";
        let at_once = format!("{pem}\n");
        assert_eq!(value(&[at_once.as_bytes()]), (pem.to_owned(), 5));
        let chain = format!("{pem}\n{pem}\n");
        assert_eq!(value(&[chain.as_bytes()]).0, format!("{pem}\n{pem}"));
        let slowly: Vec<&[u8]> = vec![b"-----BEGIN A-----\n", b"YQ==\n", b"-----END A-----\n"];
        assert_eq!(value(&slowly).1, 3);
        assert_eq!(value(&[b"-----BEGIN A-----\n", b"YQ==\n", b"\n"]).1, 2);
    }

    #[test]
    fn what_cannot_be_taken_as_it_is_is_read_to_its_end_and_refused() {
        for (typed, why) in [
            (&b"\n"[..], Refused::Nothing),
            (b"\x04", Refused::Nothing),
            (b"ab\x1b[Dc\n", Refused::Key),
            (b"ab\x1bOAc\n", Refused::Key),
            (b"ab\x1bbc\n", Refused::Key),
            (b"ab\x1b\n", Refused::Key),
            (b"ab\x1b[1;5Cc\n", Refused::Key),
            (b"a\0b\n", Refused::Control),
            (b"a\x01b\n", Refused::Control),
            (b"\x1b[200~a\x1b[Ab\x1b[201~\n", Refused::Control),
            (b"\x1b[200~a\x01b\x1b[201~\n", Refused::Control),
            (b"ab\x1b[\n", Refused::Key),
            (b"ab\x1b[1\x04", Refused::Key),
            (b"ab\x1bO\n", Refused::Key),
            (b"\x1b[200~a\x1b[20\rb\x1b[201~\n", Refused::Control),
            (b"a\xffb\n", Refused::NotUtf8),
        ] {
            assert_eq!(taken(&[typed]), Some(Err(why)), "{typed:?}");
        }
    }

    #[test]
    fn too_much_stays_refused_whatever_is_erased() {
        let much = vec![b'x'; 2 * MAX_SECRET_BYTES];
        for end in [
            &b"\n"[..],
            b"\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\n",
            b"\x15x\n",
        ] {
            let typed = [&much, end].concat();
            assert_eq!(taken(&[&typed]), Some(Err(Refused::TooMuch)), "{end:?}");
        }
    }

    #[test]
    fn an_exact_value_has_the_line_breaks_that_were_pasted_and_no_other() {
        for (typed, expected) in [
            (&b"\x1b[200~a\rb\x1b[201~\r"[..], "a\nb"),
            (b"\x1b[200~a\rb\x1b[201~\r\n", "a\nb"),
            (b"\x1b[200~a\rb\r\x1b[201~\r", "a\nb\n"),
            (b"\x1b[200~a\rb\r\r\x1b[201~\x04", "a\nb\n\n"),
            (b"\x1b[200~a\x1b[201~\r", "a"),
        ] {
            let mut all = Typed::new();
            for byte in typed {
                all.push(*byte);
            }
            let taken = all.finish(true).expect("a value");
            assert_eq!(taken.value.as_slice(), expected.as_bytes(), "{typed:?}");
        }
    }

    #[test]
    fn a_paste_or_key_whose_end_is_lost_does_not_swallow_the_interrupt() {
        for begin in [
            "\x1b[200~a",
            "\x1b[200~a\x1b[1",
            "\x1b[200~a\x1b",
            "\x1b[",
            "\x1bO",
        ] {
            let mut typed = Typed::new();
            for byte in begin.bytes() {
                assert_eq!(typed.push(byte), Step::More);
            }
            assert_eq!(typed.push(INTERRUPT), Step::Interrupt, "{begin:?}");
        }
    }

    #[test]
    fn control_keys_end_or_pause() {
        let step = |byte| Typed::new().push(byte);
        assert_eq!(step(0x03), Step::Interrupt);
        assert_eq!(step(0x1a), Step::Suspend);
    }
}
