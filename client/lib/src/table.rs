//! Tables for people, with colours, long texts and a terminal's width.
//!
//! What is long and differs from row to row stands in lines of its own below the row, so that columns
//! stay narrow. On a terminal a cell that would make lines too long loses its middle; where a program
//! reads, nothing is left out.

use vault_proto::printable::printable;

use crate::style::{Style, Tone};

/// How wide a shortened cell stays.
const MIN_WIDTH: usize = 24;
/// What stands before a note.
const INDENT: &str = "    ";

/// One cell.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    tone: Tone,
}

/// One row, with what stands below it.
#[derive(Clone, Debug)]
pub struct Row<const N: usize> {
    /// One for each column.
    pub cells: [Cell; N],
    /// A line or more below it for each.
    pub notes: Vec<Cell>,
}

impl<const N: usize> From<[String; N]> for Row<N> {
    fn from(texts: [String; N]) -> Self {
        Self {
            cells: texts.map(Cell::plain),
            notes: vec![],
        }
    }
}

impl Cell {
    /// One with a tone. Control characters are replaced: cells hold text from elsewhere.
    pub fn toned(tone: Tone, text: impl AsRef<str>) -> Self {
        Self {
            text: printable(text.as_ref()),
            tone,
        }
    }

    /// One without a tone.
    pub fn plain(text: impl AsRef<str>) -> Self {
        Self::toned(Tone::Plain, text)
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

/// The rows under their headings. The first column is the one that is shortened.
pub fn table<const N: usize>(headings: [&str; N], rows: &[Row<N>], style: Style) -> String {
    let headings = headings.map(|heading| Cell::toned(Tone::Heading, heading));
    let all = || std::iter::once(&headings).chain(rows.iter().map(|row| &row.cells));
    let mut widths = [0; N];
    for cells in all() {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = cell.width().max(*width);
        }
    }
    if let (Some(most), Some((first, rest))) = (style.width(), widths.split_first_mut()) {
        let taken: usize = rest.iter().map(|width| width + 2).sum();
        *first = most.saturating_sub(taken).max(MIN_WIDTH).min(*first);
    }
    let mut text = line(&headings, &widths, style);
    for row in rows {
        text += &line(&row.cells, &widths, style);
        for note in &row.notes {
            for line in wrapped(&note.text, style.width()) {
                text += INDENT;
                text += &style.paint(note.tone, &line);
                text.push('\n');
            }
        }
    }
    text
}

fn line<const N: usize>(cells: &[Cell; N], widths: &[usize; N], style: Style) -> String {
    let mut line = String::new();
    let mut blanks = 0;
    for (cell, width) in cells.iter().zip(widths) {
        let text = without_middle(&cell.text, *width);
        if !text.is_empty() {
            line += &" ".repeat(blanks);
            line += &style.paint(cell.tone, &text);
            blanks = 0;
        }
        blanks += width + 2 - text.chars().count().min(*width);
    }
    line.push('\n');
    line
}

/// At most `width` letters, with "…" in the place of the others: beginning and end tell most.
fn without_middle(text: &str, width: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    let Some(kept) = width.checked_sub(1).filter(|_| letters.len() > width) else {
        return text.to_owned();
    };
    let (begin, end) = (kept / 2, letters.len() - kept.div_ceil(2));
    letters[..begin]
        .iter()
        .chain(['…'].iter())
        .chain(&letters[end..])
        .collect()
}

/// Lines of whole words that fit below a row; one line where nobody has a width.
fn wrapped(text: &str, width: Option<usize>) -> Vec<String> {
    let room = width.map_or(usize::MAX, |width| {
        width.saturating_sub(INDENT.len()).max(MIN_WIDTH)
    });
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is always a line");
        let length = last.chars().count();
        if length > 0 && length + 1 + word.chars().count() > room {
            lines.push(word.to_owned());
        } else {
            if length > 0 {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(first: &str, tone: Tone, notes: &[&str]) -> Row<3> {
        Row {
            cells: [
                Cell::plain(first),
                Cell::toned(tone, "word"),
                Cell::plain("1"),
            ],
            notes: notes.iter().map(Cell::plain).collect(),
        }
    }

    fn terminal(columns: usize) -> Style {
        Style {
            colour: true,
            size: Some((columns, 24)),
        }
    }

    #[test]
    fn for_a_program_columns_are_as_wide_as_their_widest_cell_and_nothing_is_lost() {
        let long = "x".repeat(200);
        let rows = [
            row("aü\u{1b}", Tone::Bad, &[&long]),
            row(&long, Tone::Good, &[]),
        ];
        let expected = format!(
            "A{}  B     C\naü\u{fffd}{}  word  1\n    {long}\n{long}  word  1\n",
            " ".repeat(199),
            " ".repeat(197)
        );
        assert_eq!(table(["A", "B", "C"], &rows, Style::PLAIN), expected);
    }

    #[test]
    fn on_a_terminal_long_names_lose_their_middle_and_notes_are_wrapped() {
        let long = format!("begin{}end", "x".repeat(200));
        let note = "some words ".repeat(12);
        let shown = table(
            ["A", "B", "C"],
            &[row(&long, Tone::Bad, &[&note])],
            terminal(40),
        );
        let without_colours = shown.split('\u{1b}').map(|part| {
            let code = part.find('m').filter(|_| part.starts_with('['));
            code.map_or(part, |end| &part[end + 1..])
        });
        let bare: String = without_colours.collect();
        assert!(
            bare.lines().all(|line| line.chars().count() <= 40),
            "{bare}"
        );
        assert!(bare.contains("…") && bare.contains("begin") && bare.contains("xend  word"));
        assert!(shown.contains("\u{1b}[31mword\u{1b}[0m"), "{shown:?}");
        assert!(bare.lines().count() > 4, "{bare}");
    }

    #[test]
    fn what_fits_stays_whole() {
        assert_eq!(without_middle("abcdef", 6), "abcdef");
        assert_eq!(without_middle("abcdef", 5), "ab…ef");
        assert_eq!(without_middle("abcdef", 0), "abcdef");
    }
}
