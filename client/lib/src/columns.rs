//! How are rows shown to a person?

use std::fmt::Write;

/// The rows under their headings, in columns as wide as their widest cell; the last column is not
/// padded. Control characters are replaced: cells hold text from elsewhere.
pub fn in_columns<const N: usize>(headings: [&str; N], rows: Vec<[String; N]>) -> String {
    let printable = |cell: String| cell.replace(char::is_control, "\u{fffd}");
    let mut lines = vec![headings.map(str::to_owned)];
    lines.extend(rows.into_iter().map(|row| row.map(printable)));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<usize> = (0..N).filter_map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let mut shown = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            // Writing to a String cannot fail.
            let _ = write!(shown, "{cell:width$}  ");
        }
        let _ = writeln!(text, "{}", shown.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = vec![
            ["aü".to_owned(), "b\u{1b}".to_owned()],
            ["long".to_owned(), String::new()],
        ];
        assert_eq!(
            in_columns(["X", "Y"], rows),
            "X     Y\naü    b\u{fffd}\nlong\n"
        );
    }
}
