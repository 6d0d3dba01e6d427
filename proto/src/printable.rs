//! Text from elsewhere without what steers a terminal.

/// The text on one line: every control character is replaced.
pub fn printable(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

/// The text with its line breaks: every other control character is replaced.
pub fn printable_lines(text: &str) -> String {
    text.replace(
        |letter: char| letter != '\n' && letter.is_control(),
        "\u{fffd}",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_replaced() {
        let text = "a\u{1b}[2J\nb\u{9b}ü";
        assert_eq!(printable(text), "a\u{fffd}[2J\u{fffd}b\u{fffd}ü");
        assert_eq!(printable_lines(text), "a\u{fffd}[2J\nb\u{fffd}ü");
    }
}
