//! The id of a JSON-RPC 2.0 request, read from one line.
//!
//! Only the outermost object matters; everything else is checked to be JSON and skipped. A
//! notification, a batch, a reply, or anything doubtful gives `None`: then nothing is answered. The
//! id is handed back as it was written, so that no number is rounded and no escape changed.

/// The deepest nesting that is followed.
const DEEPEST: usize = 64;

/// The id of the request on this line, as it was written.
pub(crate) fn request_id(line: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(line).ok()?;
    let mut scanner = Scanner { text, at: 0 };
    let request = scanner.request()?;
    scanner.blank();
    (scanner.at == text.len()).then_some(request)
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn request(&mut self) -> Option<&'a str> {
        let (mut version, mut method, mut id) = (None, None, None);
        self.blank();
        self.expect(b'{')?;
        self.members(|scanner, name| {
            let value = scanner.value(DEEPEST)?;
            let slot = match name {
                r#""jsonrpc""# => &mut version,
                r#""method""# => &mut method,
                r#""id""# => &mut id,
                _ => return Some(()),
            };
            // A member that is there twice can be read in two ways.
            slot.replace(value).is_none().then_some(())
        })?;
        let id = id.filter(|id| is_string(id) || is_number(id))?;
        (version? == r#""2.0""# && is_string(method?)).then_some(id)
    }

    /// The members of an object whose brace is read, each after its colon.
    fn members(&mut self, mut member: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.blank();
        if self.take(b'}') {
            return Some(());
        }
        loop {
            self.blank();
            let name = self.string()?;
            self.blank();
            self.expect(b':')?;
            member(self, name)?;
            self.blank();
            if self.take(b'}') {
                return Some(());
            }
            self.expect(b',')?;
        }
    }

    fn elements(&mut self, depth: usize) -> Option<()> {
        self.blank();
        if self.take(b']') {
            return Some(());
        }
        loop {
            self.value(depth)?;
            self.blank();
            if self.take(b']') {
                return Some(());
            }
            self.expect(b',')?;
        }
    }

    /// Any value, as it was written.
    fn value(&mut self, depth: usize) -> Option<&'a str> {
        let depth = depth.checked_sub(1)?;
        self.blank();
        let begin = self.at;
        match self.peek()? {
            b'{' => {
                self.at += 1;
                self.members(|scanner, _| scanner.value(depth).map(|_| ()))?;
            }
            b'[' => {
                self.at += 1;
                self.elements(depth)?;
            }
            b'"' => {
                self.string()?;
            }
            b'-' | b'0'..=b'9' => self.number()?,
            _ => self.word()?,
        }
        Some(&self.text[begin..self.at])
    }

    /// A string with its quotes, as it was written.
    fn string(&mut self) -> Option<&'a str> {
        let begin = self.at;
        self.expect(b'"')?;
        loop {
            match self.next()? {
                b'"' => return Some(&self.text[begin..self.at]),
                b'\\' => self.escape()?,
                0..0x20 => return None,
                _ => {}
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => (0..4).try_for_each(|_| {
                let digit = self.next()?;
                digit.is_ascii_hexdigit().then_some(())
            }),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<()> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let begin = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > begin).then_some(())
    }

    fn word(&mut self) -> Option<()> {
        let rest = &self.text[self.at..];
        let word = ["true", "false", "null"]
            .into_iter()
            .find(|word| rest.starts_with(word))?;
        self.at += word.len();
        Some(())
    }

    fn blank(&mut self) {
        while self
            .peek()
            .is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
        {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.take(byte).then_some(())
    }
}

fn is_string(token: &str) -> bool {
    token.starts_with('"')
}

fn is_number(token: &str) -> bool {
    token.starts_with(|letter: char| letter == '-' || letter.is_ascii_digit())
}

#[cfg(test)]
mod tests;
