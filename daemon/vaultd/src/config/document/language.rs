//! Which language is a text written in, JSON or YAML, and what looks like the one inside the other?
//!
//! A text that begins with `{` is JSON if it can be, with comments. If it cannot, it may be a map of
//! YAML in one piece, in which `//` begins no comment but a word: where one could be meant, the text
//! is refused, since what follows it would be lost in a key or a word that nobody meant.

/// What a text that begins with `{` may be taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// JSON with comments, as the first key or the file's name says.
    Json,
    /// JSON or a map of YAML in braces.
    Either,
    /// YAML.
    Yaml,
}

/// The language of a text.
pub(super) fn of(text: &str, is_named_json: bool) -> Language {
    let Some(inside) = without_comments(text).strip_prefix('{') else {
        return Language::Yaml;
    };
    let first = without_comments(inside).chars().next();
    if is_named_json || matches!(first, None | Some('"' | '}')) {
        Language::Json
    } else {
        Language::Either
    }
}

/// The text without spaces and comments, of either language, at its beginning.
fn without_comments(text: &str) -> &str {
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let line = |text: &str| text.find('\n').unwrap_or(text.len());
        if rest.starts_with("//") || rest.starts_with('#') {
            rest = &rest[line(rest)..];
        } else if let Some(comment) = rest.strip_prefix("/*") {
            match comment.split_once("*/") {
                Some((_, behind)) => rest = behind,
                None => return "",
            }
        } else {
            return rest;
        }
    }
}

/// The text with `#` comments before its first bracket made spaces: JSON has none of them.
pub(super) fn without_yaml_comments(text: &str) -> String {
    let mut blank = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(comment) = {
        let trimmed = rest.trim_start();
        blank.push_str(&rest[..rest.len() - trimmed.len()]);
        rest = trimmed;
        trimmed.starts_with('#').then_some(trimmed)
    } {
        let end = comment.find('\n').unwrap_or(comment.len());
        blank.extend(std::iter::repeat_n(' ', end));
        rest = &comment[end..];
    }
    blank.push_str(rest);
    blank
}

/// What was taken for a letter of a word, though something else was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misread {
    /// `//` or `/*`.
    Comment,
    /// A typographic quotation mark.
    Quote,
}

impl Misread {
    /// What to do, in words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Comment => {
                "// and /* begin no comment in YAML; begin comments with #, or put the text in quotes"
            }
            Self::Quote => {
                "this is a typographic quotation mark; write the plain one, \" or ', as in code"
            }
        }
    }
}

/// What is misread in a scalar without quotes.
pub(super) fn misread(scalar: &str) -> Option<Misread> {
    let begins = |text: &str| text.starts_with("//") || text.starts_with("/*");
    if scalar.split(char::is_whitespace).any(begins) {
        return Some(Misread::Comment);
    }
    let is_quoted = scalar.starts_with(is_typographic) || scalar.ends_with(is_typographic);
    is_quoted.then_some(Misread::Quote)
}

/// Where something outside of quotes is misread in a text that begins with `{`, in bytes.
pub(super) fn misread_in_braces(text: &str) -> Option<(usize, Misread)> {
    let mut quote = None;
    let mut before = ['\n', '\n'];
    let mut letters = text.char_indices().peekable();
    while let Some((place, letter)) = letters.next() {
        let next = letters.peek().map(|(_, next)| *next);
        match quote {
            Some('"') if letter == '\\' => {
                letters.next();
            }
            Some(open) if letter == open => quote = None,
            None if letter == '#' && before[1].is_whitespace() => {
                while letters.next_if(|(_, letter)| *letter != '\n').is_some() {}
            }
            None if matches!(letter, '"' | '\'') && !before[1].is_alphanumeric() => {
                quote = Some(letter);
            }
            None if is_typographic(letter) => return Some((place, Misread::Quote)),
            // `local://x` is a word; `"key"://x` is a comment.
            None if letter == '/' && matches!(next, Some('/' | '*')) => {
                let is_scheme = before[1] == ':' && before[0].is_alphanumeric();
                // Within a path, as in `/opt//bin` and `/etc/*`.
                let is_path = before[1].is_alphanumeric() || before[1] == '/';
                if !is_scheme && !is_path {
                    return Some((place, Misread::Comment));
                }
                letters.next();
            }
            Some(_) | None => {}
        }
        before = [before[1], letter];
    }
    None
}

fn is_typographic(letter: char) -> bool {
    matches!(
        letter,
        '“' | '”' | '„' | '‟' | '‘' | '’' | '‚' | '‛' | '«' | '»' | '″'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bracket_and_the_first_key_say_the_language() {
        for (text, expected) in [
            ("{\"a\": 1}", Language::Json),
            ("// c\n/* d */ # e\n {\n // f\n \"a\": 1}", Language::Json),
            ("{", Language::Json),
            ("{a: 1}", Language::Either),
            ("{'a': 1}", Language::Either),
            ("a: {b: 1}", Language::Yaml),
            ("# {\n", Language::Yaml),
            ("", Language::Yaml),
            ("/* {", Language::Yaml),
        ] {
            assert_eq!(of(text, false), expected, "{text}");
        }
        assert_eq!(of("{a: 1}", true), Language::Json);
    }

    #[test]
    fn comments_of_json_are_found_in_maps_of_yaml_and_words_are_none() {
        let comment = |place| Some((place, Misread::Comment));
        for (text, expected) in [
            ("{a: 1, // c\n b: 2}", comment(7)),
            ("{a: 1 /* c */}", comment(6)),
            ("{//c\n a: 1}", comment(1)),
            ("{\"a\"://c\n 1}", comment(5)),
            (
                "{a: local://b, c: [\"// d\", '/* e', http://f//g, /h//i, don't]}",
                None,
            ),
            ("{a: b} # // c", None),
            ("{a: “b”}", Some((4, Misread::Quote))),
        ] {
            assert_eq!(misread_in_braces(text), expected, "{text}");
        }
    }

    #[test]
    fn a_scalar_that_holds_a_comment_or_a_typographic_quote_is_misread() {
        for (scalar, expected) in [
            ("// a", Some(Misread::Comment)),
            ("a // b", Some(Misread::Comment)),
            ("/*a*/ b", Some(Misread::Comment)),
            ("“a”", Some(Misread::Quote)),
            ("local://a", None),
            ("see http://a/b//c", None),
            ("it’s", None),
        ] {
            assert_eq!(misread(scalar), expected, "{scalar}");
        }
    }
}
