//! Colours and widths of what is printed for people.

/// What a word says beside what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing.
    Plain,
    /// All is well.
    Good,
    /// Not as it should be, and borne.
    Worse,
    /// Somebody must act.
    Bad,
    /// The name of a column or of what follows.
    Heading,
}

/// What the reader of the output can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether there are colours.
    pub colour: bool,
    /// Columns and rows of the terminal; `None` where there is none.
    pub size: Option<(usize, usize)>,
}

impl Style {
    /// For a file or a program.
    pub const PLAIN: Self = Self {
        colour: false,
        size: None,
    };

    /// How long a line may be.
    pub fn width(self) -> Option<usize> {
        self.size.map(|(columns, _)| columns)
    }

    /// How many lines there may be.
    pub fn height(self) -> Option<usize> {
        self.size.map(|(_, rows)| rows)
    }

    /// `text` in the colour of its tone.
    pub fn paint(self, tone: Tone, text: &str) -> String {
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
}
