//! How may what is printed look? Colours and widths are for terminals.

use std::io::IsTerminal;

/// What a word says beside what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Good,
    /// Not as it should be, and borne.
    Worse,
    Bad,
    Heading,
}

/// What the reader of standard output can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    colour: bool,
    /// Columns and rows of the terminal; `None` where there is none.
    size: Option<(usize, usize)>,
}

impl Look {
    /// For whoever reads standard output. NO_COLOR (no-color.org) and a dumb terminal are honoured.
    pub(crate) fn of_output() -> Self {
        let output = std::io::stdout();
        if !output.is_terminal() {
            return Self::PLAIN;
        }
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
        let size = rustix::termios::tcgetwinsize(&output).ok();
        let size = size.map(|size| (usize::from(size.ws_col), usize::from(size.ws_row)));
        Self {
            colour: !plain,
            // A terminal of no size does not know its own.
            size: Some(
                size.filter(|(columns, rows)| columns * rows > 0)
                    .unwrap_or((80, 24)),
            ),
        }
    }

    /// For a file or a program.
    pub(crate) const PLAIN: Self = Self {
        colour: false,
        size: None,
    };

    /// Whether a person looks at it.
    pub(crate) fn is_terminal(self) -> bool {
        self.size.is_some()
    }

    /// How long a line may be.
    pub(crate) fn width(self) -> Option<usize> {
        self.size.map(|(columns, _)| columns)
    }

    /// How many lines there may be.
    pub(crate) fn height(self) -> Option<usize> {
        self.size.map(|(_, rows)| rows)
    }

    /// `text` in the colour of its tone.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            _ if !self.colour || text.is_empty() => return text.to_owned(),
            Tone::Plain => return text.to_owned(),
            Tone::Good => 32,
            Tone::Worse => 33,
            Tone::Bad => 31,
            Tone::Heading => 1,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    #[cfg(test)]
    pub(crate) fn terminal(columns: usize) -> Self {
        Self {
            colour: true,
            size: Some((columns, 24)),
        }
    }
}
