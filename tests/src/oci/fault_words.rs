//! The words that faults are named by.

use std::str::FromStr;
use std::time::Duration;

use super::faults::{Fault, NotAuthenticated};

/// The words, for the help text.
pub(super) const WORDS: &str = "\
  status CODE [WORD]     an error body with this status; WORD is its code
  too-many [SECONDS]     429, with a retry-after header if SECONDS are given
  latency MILLISECONDS   the right answer, later
  hang                   no answer
  reset BYTES            a reset after so many bytes of the answer
  truncate BYTES         the end of the connection after so many bytes
  drip BYTES MILLISECONDS
                         the right answer, so many bytes at a time
  html [STATUS]          a page for people, status 200 unless told
  between STATUS [TEXT]  a reply of somebody in between, with none of the service's headers
  empty [STATUS]         no body, status 200 unless told
  unauthenticated WHY    401; WHY is nothing, incorrect or signature
  json TEXT              status 200 and this as JSON
  half                   the first half of the right answer
  without PART           the right answer without a part, such as versionNumber
  not-utf8               the right answer with a byte that is no text
  gzip                   the right answer, compressed
  wrong-id               the right answer about another secret
  wrong-version          the right answer about another version
  wrong-stage            the right answer about a version in another stage
  version-zero           the right answer about version 0
  empty-content          the right answer with a value of no bytes
  not-base64             a value that cannot be decoded
  wrong-content-type     a value in a form that nobody knows
  too-long BYTES         the right answer and so many bytes more
  redirect URL           status 302
  token-expired          no token is good
  clock-skew SECONDS     the service's clock is ahead, or behind
";

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let words: Vec<&str> = text.split_whitespace().collect();
        let fault = match *words.as_slice() {
            ["status", status] => status_of(status, "Fault")?,
            ["status", status, code] => status_of(status, code)?,
            ["too-many"] => Self::TooManyRequests {
                retry_after_seconds: None,
            },
            ["too-many", seconds] => Self::TooManyRequests {
                retry_after_seconds: Some(number(seconds)?),
            },
            ["latency", milliseconds] => {
                Self::Latency(Duration::from_millis(number(milliseconds)?))
            }
            ["hang"] => Self::Hang,
            ["reset", bytes] => Self::ResetAfter(number(bytes)?),
            ["truncate", bytes] => Self::TruncateAfter(number(bytes)?),
            ["html"] => Self::Html(200),
            ["html", status] => Self::Html(number(status)?),
            ["between", status, ..] => Self::Between {
                status: number(status)?,
                content_type: "text/plain".to_owned(),
                body: words[2..].join(" "),
            },
            ["drip", bytes, milliseconds] => Self::Drip {
                bytes: number(bytes)?,
                every: Duration::from_millis(number(milliseconds)?),
            },
            ["empty"] => Self::Empty,
            ["empty", status] => Self::Bare(number(status)?),
            ["unauthenticated", why] => Self::NotAuthenticated(why_of(why)?),
            ["json", ..] => Self::Json(text["json".len()..].trim().to_owned()),
            ["half"] => Self::HalfJson,
            ["without", part] => Self::Without(part.to_owned()),
            ["not-utf8"] => Self::NotUtf8,
            ["gzip"] => Self::Gzip,
            ["wrong-id"] => Self::WrongId,
            ["wrong-version"] => Self::WrongVersion,
            ["wrong-stage"] => Self::WrongStage,
            ["version-zero"] => Self::VersionZero,
            ["empty-content"] => Self::EmptyContent,
            ["not-base64"] => Self::NotBase64,
            ["wrong-content-type"] => Self::WrongContentType,
            ["too-long", bytes] => Self::TooLong(number(bytes)?),
            ["redirect", url] => Self::Redirect(url.to_owned()),
            ["token-expired"] => Self::TokenExpired,
            ["clock-skew", seconds] => Self::ClockSkew(number(seconds)?),
            _ => return Err(format!("no such fault: {text}")),
        };
        Ok(fault)
    }
}

fn status_of(status: &str, code: &str) -> Result<Fault, String> {
    let status = number(status)?;
    if !(200..600).contains(&status) {
        return Err(format!("no status of an error: {status}"));
    }
    Ok(Fault::Status {
        status,
        code: code.to_owned(),
        message: "A planned fault.".to_owned(),
    })
}

fn why_of(word: &str) -> Result<NotAuthenticated, String> {
    match word {
        "nothing" => Ok(NotAuthenticated::Nothing),
        "incorrect" => Ok(NotAuthenticated::Incorrect),
        "signature" => Ok(NotAuthenticated::Signature),
        _ => Err(format!("neither nothing, incorrect nor signature: {word}")),
    }
}

fn number<N: FromStr>(word: &str) -> Result<N, String> {
    word.parse()
        .map_err(|_| format!("not a number that fits here: {word}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_help_text_is_understood() {
        // A line that begins further in is the text of a usage that left it no room.
        let usages = WORDS.lines().filter(|line| !line.starts_with("   "));
        for line in usages {
            let usage = line.trim_start().split("  ").next().expect("a usage");
            let words = usage.split(' ').filter(|word| !word.starts_with('['));
            let example = words.map(|word| match word {
                "CODE" | "STATUS" => "503",
                "MILLISECONDS" | "BYTES" | "SECONDS" => "7",
                "URL" => "https://x.example/",
                "WHY" => "signature",
                "TEXT" => "[1, 2]",
                word => word,
            });
            let example = example.collect::<Vec<_>>().join(" ");
            assert!(example.parse::<Fault>().is_ok(), "{example}");
        }
        for wrong in [
            "",
            "status",
            "status 99",
            "status x",
            "reset -1",
            "drip 1",
            "unauthenticated",
            "unauthenticated x",
            "hang 1",
            "explode",
        ] {
            assert!(wrong.parse::<Fault>().is_err(), "{wrong}");
        }
    }
}
