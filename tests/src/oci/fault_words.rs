//! How does a person name a fault?

use std::str::FromStr;
use std::time::Duration;

use super::faults::Fault;

/// The words, for the help text.
pub(super) const WORDS: &str = "\
  status CODE [WORD]     an error body with this status; WORD is its code
  too-many [SECONDS]     429, with a retry-after header if SECONDS are given
  latency MILLISECONDS   the right answer, later
  hang                   no answer
  reset BYTES            a reset after so many bytes of the answer
  truncate BYTES         the end of the connection after so many bytes
  html [STATUS]          a page for people, status 200 unless told
  empty                  status 200 without a body
  wrong-id               the right answer about another secret
  wrong-version          the right answer about another version
  not-base64             a value that cannot be decoded
  too-long BYTES         the right answer and so many bytes more
  redirect URL           status 302
  token-expired          no token is good
  clock-skew SECONDS     the service's clock is ahead, or behind
";

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
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
            ["empty"] => Self::Empty,
            ["wrong-id"] => Self::WrongId,
            ["wrong-version"] => Self::WrongVersion,
            ["not-base64"] => Self::NotBase64,
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

fn number<N: FromStr>(word: &str) -> Result<N, String> {
    word.parse()
        .map_err(|_| format!("not a number that fits here: {word}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_help_text_is_understood() {
        for line in WORDS.lines() {
            let usage = line.trim_start().split("  ").next().expect("a usage");
            let words = usage.split(' ').filter(|word| !word.starts_with('['));
            let example = words.map(|word| match word {
                "CODE" => "503",
                "MILLISECONDS" | "BYTES" | "SECONDS" => "7",
                "URL" => "https://x.example/",
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
            "hang 1",
            "explode",
        ] {
            assert!(wrong.parse::<Fault>().is_err(), "{wrong}");
        }
    }
}
