//! What the terminal behind standard output can show.

use std::io::IsTerminal;

use vault_client::Style;

/// For whoever reads standard output: all is whole where that is no terminal. NO_COLOR (no-color.org), a
/// dumb terminal and COLUMNS are honoured.
pub(crate) fn style_of_output() -> Style {
    let output = std::io::stdout();
    if !output.is_terminal() {
        return Style {
            colour: false,
            size: None,
        };
    }
    let asked = std::env::var("COLUMNS").ok();
    let asked = asked.and_then(|columns| columns.parse().ok());
    let asked = asked.filter(|columns: &usize| *columns > 0);
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    let size = rustix::termios::tcgetwinsize(&output).ok();
    let size = size.map(|size| (usize::from(size.ws_col), usize::from(size.ws_row)));
    // A terminal of no size does not know its own.
    let (columns, rows) = size
        .filter(|(columns, rows)| columns * rows > 0)
        .unwrap_or((80, 24));
    Style {
        colour: !plain,
        size: Some((asked.unwrap_or(columns), rows)),
    }
}
