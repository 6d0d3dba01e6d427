//! The ids of JSON-RPC 2.0 requests, read from one line: a request or a batch of them.
//!
//! Only the outermost objects matter; everything else is checked to be JSON and skipped. A
//! notification, a reply, or anything doubtful asks for nothing. An id is handed back as it was
//! written, so that no number is rounded and no escape changed.

/// More requests of one batch are not answered: their replies would be a hundred times as long as they.
const MOST_OF_BATCH: usize = 100;

/// Who on a line waits for an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked<'a> {
    /// Nobody.
    Nothing,
    /// One request, by its id as it was written.
    One(&'a str),
    /// The requests of a batch, which are answered together.
    Batch(Vec<&'a str>),
}

/// Who waits for an answer to this line.
pub(crate) fn asked(line: &[u8]) -> Asked<'_> {
    std::str::from_utf8(line)
        .ok()
        .map(|text| text.strip_prefix('\u{feff}').unwrap_or(text))
        .and_then(whole_line)
        .unwrap_or(Asked::Nothing)
}

fn whole_line(text: &str) -> Option<Asked<'_>> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.blank();
    let asked = if scanner.peek()? == b'[' {
        let ids = scanner.batch()?;
        if ids.is_empty() {
            Asked::Nothing
        } else {
            Asked::Batch(ids)
        }
    } else {
        scanner.request()?
    };
    scanner.blank();
    (scanner.at == text.len()).then_some(asked)
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// The ids of the requests among the elements; `None` where it is no list of JSON.
    fn batch(&mut self) -> Option<Vec<&'a str>> {
        let mut ids = Vec::new();
        self.expect(b'[')?;
        self.blank();
        if self.take(b']') {
            return Some(ids);
        }
        loop {
            self.blank();
            if self.peek()? == b'{' {
                if let Asked::One(id) = self.request()?
                    && ids.len() < MOST_OF_BATCH
                {
                    ids.push(id);
                }
            } else {
                self.value()?;
            }
            self.blank();
            if self.take(b']') {
                return Some(ids);
            }
            self.expect(b',')?;
        }
    }

    /// One object, which may be a request; `None` where it is no JSON.
    fn request(&mut self) -> Option<Asked<'a>> {
        let (mut version, mut method, mut id) = (None, None, None);
        let mut doubtful = false;
        self.expect(b'{')?;
        self.members(|scanner, name| {
            let value = scanner.value()?;
            let slot = match name {
                r#""jsonrpc""# => &mut version,
                r#""method""# => &mut method,
                r#""id""# => &mut id,
                _ => return Some(()),
            };
            // A member that is there twice can be read in two ways.
            doubtful |= slot.replace(value).is_some();
            Some(())
        })?;
        let id = id.filter(|id| is_string(id) || is_number(id));
        let is_request = version == Some(r#""2.0""#) && method.is_some_and(is_string) && !doubtful;
        let id = id.filter(|_| is_request);
        Some(id.map_or(Asked::Nothing, Asked::One))
    }

    /// The members of an object whose brace is read, each after its colon.
    fn members(&mut self, mut member: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.blank();
        if self.take(b'}') {
            return Some(());
        }
        loop {
            self.blank();
            let name = self.name()?;
            member(self, name)?;
            self.blank();
            if self.take(b'}') {
                return Some(());
            }
            self.expect(b',')?;
        }
    }

    /// Any value, as it was written. However deep it is nested, this is not: the brackets that are still
    /// to be closed are kept aside.
    fn value(&mut self) -> Option<&'a str> {
        self.blank();
        let begin = self.at;
        let mut open = Vec::new();
        loop {
            self.blank();
            match self.peek()? {
                b'{' => {
                    self.at += 1;
                    self.blank();
                    if !self.take(b'}') {
                        self.name()?;
                        open.push(b'}');
                        continue;
                    }
                }
                b'[' => {
                    self.at += 1;
                    self.blank();
                    if !self.take(b']') {
                        open.push(b']');
                        continue;
                    }
                }
                b'"' => {
                    self.string()?;
                }
                b'-' | b'0'..=b'9' => self.number()?,
                _ => self.word()?,
            }
            loop {
                let Some(close) = open.last().copied() else {
                    return Some(&self.text[begin..self.at]);
                };
                self.blank();
                if !self.take(close) {
                    self.expect(b',')?;
                    if close == b'}' {
                        self.blank();
                        self.name()?;
                    }
                    break;
                }
                open.pop();
            }
        }
    }

    /// The name of a member, with its colon.
    fn name(&mut self) -> Option<&'a str> {
        let name = self.string()?;
        self.blank();
        self.expect(b':')?;
        Some(name)
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
