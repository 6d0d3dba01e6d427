//! Tables for people, with colours, long texts and a terminal's width.
//!
//! What is long and differs from row to row stands in lines of its own below the row, so that columns
//! stay narrow. On a terminal cells that would make lines too long lose their middle, but never those
//! with a tone, which say how things are; where that does not help, each row becomes lines of its own.
//! Where a program reads, nothing is left out.

use std::fmt::Write;

use vault_proto::printable::printable;

use crate::style::{Style, Tone};

/// How wide a shortened cell stays.
const MIN_WIDTH: usize = 12;
/// How wide a line of words stays.
const MIN_LINE: usize = 24;
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

/// The rows under their headings.
pub fn table<const N: usize>(headings: [&str; N], rows: &[Row<N>], style: Style) -> String {
    let headings = headings.map(|heading| Cell::toned(Tone::Heading, heading));
    let all = || std::iter::once(&headings).chain(rows.iter().map(|row| &row.cells));
    let mut widths = [0; N];
    for cells in all() {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = cell.width().max(*width);
        }
    }
    let is_toned = |cell: &Cell| cell.tone != Tone::Plain;
    let is_whole: [bool; N] =
        std::array::from_fn(|column| rows.iter().any(|row| is_toned(&row.cells[column])));
    if let Some(most) = style.width()
        && !narrow(&mut widths, is_whole, most)
    {
        return one_below_the_other(&headings, rows, style);
    }
    let mut text = line(&headings, &widths, style);
    for row in rows {
        text += &line(&row.cells, &widths, style);
        text += &notes(row, style);
    }
    text
}

/// A name and what belongs to it, in lines that are as wide as the terminal.
pub fn field(name: &str, width_of_names: usize, value: &Cell, style: Style) -> String {
    let room = style
        .width()
        .map(|width| width.saturating_sub(width_of_names).max(MIN_LINE));
    let mut text = String::new();
    for (place, line) in wrapped(&value.text, room).iter().enumerate() {
        let name = if place == 0 { name } else { "" };
        let line = style.paint(value.tone, line);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<width_of_names$}{line}");
    }
    text
}

/// Takes from the widest columns, but from those that stay whole, until a line fits; whether it does.
fn narrow<const N: usize>(widths: &mut [usize; N], is_whole: [bool; N], most: usize) -> bool {
    loop {
        let taken = widths.iter().sum::<usize>() + 2 * N.saturating_sub(1);
        let Some(excess) = taken.checked_sub(most).filter(|excess| *excess > 0) else {
            return true;
        };
        let columns = widths.iter_mut().zip(is_whole);
        let columns = columns.filter(|(width, whole)| !whole && **width > MIN_WIDTH);
        let mut columns: Vec<&mut usize> = columns.map(|(width, _)| width).collect();
        columns.sort_unstable_by_key(|width| std::cmp::Reverse(**width));
        let Some((widest, others)) = columns.split_first_mut() else {
            return false;
        };
        let next = others.first().map_or(MIN_WIDTH, |next| **next);
        let step = widest.saturating_sub(next).max(1).min(excess);
        **widest -= step;
    }
}

/// The first cell of each row, and below it the others with their headings.
fn one_below_the_other<const N: usize>(
    headings: &[Cell; N],
    rows: &[Row<N>],
    style: Style,
) -> String {
    let widest = headings.iter().skip(1).map(Cell::width).max();
    let names = widest.unwrap_or_default() + INDENT.len();
    let mut text = String::new();
    for row in rows {
        let Some((first, others)) = row.cells.split_first() else {
            continue;
        };
        text += &field("", 0, first, style);
        for (heading, cell) in headings.iter().skip(1).zip(others) {
            if !cell.text.is_empty() {
                let name = format!("  {}", heading.text);
                text += &field(&name, names, cell, style);
            }
        }
        text += &notes(row, style);
    }
    text
}

fn notes<const N: usize>(row: &Row<N>, style: Style) -> String {
    let notes = row.notes.iter();
    notes
        .map(|note| field(INDENT, INDENT.len(), note, style))
        .collect()
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

/// Lines of whole words that fit; one line where nobody has a width. A word that is longer than a line, as
/// a path is, loses its middle.
fn wrapped(text: &str, room: Option<usize>) -> Vec<String> {
    let Some(room) = room else {
        return vec![text.to_owned()];
    };
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let word = without_middle(word, room);
        let last = lines.last_mut().expect("there is always a line");
        let length = last.chars().count();
        if length > 0 && length + 1 + word.chars().count() > room {
            lines.push(word);
        } else {
            if length > 0 {
                last.push(' ');
            }
            last.push_str(&word);
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
    fn states_stay_whole_at_every_width() {
        let row: Row<4> = Row {
            cells: [
                Cell::plain("a-service-with-a-long-name"),
                Cell::plain("/home/somebody/.config/vaultd/configs/service.json"),
                Cell::plain("59 minutes"),
                Cell::toned(Tone::Bad, "no such value"),
            ],
            notes: vec![Cell::plain(format!("at /{}", "x/".repeat(60)))],
        };
        let headings = ["SERVICE", "SOURCE", "USABLE FOR", "STATE"];
        for columns in [200, 80, 60, 40] {
            let style = Style {
                colour: false,
                size: Some((columns, 24)),
            };
            let shown = table(headings, std::slice::from_ref(&row), style);
            let widest = shown.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(columns), "{columns}: {shown}");
            for whole in ["no such value", "59 minutes", ".json"] {
                assert!(shown.contains(whole), "{columns}: {whole}: {shown}");
            }
        }
    }

    #[test]
    fn what_fits_stays_whole() {
        assert_eq!(without_middle("abcdef", 6), "abcdef");
        assert_eq!(without_middle("abcdef", 5), "ab…ef");
        assert_eq!(without_middle("abcdef", 0), "abcdef");
    }
}
