//! Pages of lists.

use serde_json::Value;

use super::call::Call;
use super::refusal::Refusal;
use super::reply::Reply;

/// How lists are cut. A page may be shorter than what was asked for, or empty, with more to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    /// How many items a page has at most, whatever the caller's limit.
    pub page_size: usize,
    /// Whether an empty page comes before each page that is not.
    pub has_empty_pages: bool,
}

impl Default for Paging {
    fn default() -> Self {
        Self {
            page_size: 100,
            has_empty_pages: false,
        }
    }
}

/// What page tokens begin with: letters that must be escaped in a query.
const BEFORE: &str = "p+/=";

impl Paging {
    /// The page that a call asks for.
    pub(super) fn page(self, call: &Call, items: Vec<Value>) -> Result<Reply, Refusal> {
        let limit = call.number("limit")?.unwrap_or(u64::MAX);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if limit == 0 {
            return Err(Refusal::invalid("limit must be at least 1"));
        }
        let page = call.parameter("page");
        let (start, is_empty) = match page.as_deref() {
            None => (0, self.has_empty_pages),
            Some(token) => {
                let place = position(token).filter(|(start, _)| *start <= items.len());
                place.ok_or_else(|| Refusal::invalid("page"))?
            }
        };
        let size = if is_empty {
            0
        } else {
            limit.min(self.page_size)
        };
        let end = items.len().min(start.saturating_add(size));
        let reply = Reply::json(&Value::from(items[start..end].to_vec()));
        if end == items.len() && !is_empty {
            return Ok(reply);
        }
        let next_is_empty = self.has_empty_pages && !is_empty;
        let next = format!("{BEFORE}{end}.{}", u8::from(next_is_empty));
        Ok(reply.with("opc-next-page", next))
    }
}

fn position(token: &str) -> Option<(usize, bool)> {
    let (start, is_empty) = token.strip_prefix(BEFORE)?.split_once('.')?;
    Some((start.parse().ok()?, is_empty == "1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::{HeaderMap, Method};

    fn pages(paging: Paging, query: &str) -> Vec<Vec<u64>> {
        let items: Vec<Value> = (1..=5).map(Value::from).collect();
        let mut pages = Vec::new();
        let mut page = String::new();
        loop {
            let call = Call {
                method: Method::GET,
                target: format!("/?{query}{page}"),
                headers: HeaderMap::new(),
                body: Vec::new(),
            };
            let reply = paging.page(&call, items.clone()).expect("a page");
            pages.push(serde_json::from_slice(&reply.body).expect("numbers"));
            let next = reply
                .headers
                .iter()
                .find(|(name, _)| *name == "opc-next-page");
            let Some((_, next)) = next else {
                return pages;
            };
            page = format!("&page={}", next.replace('+', "%2B"));
        }
    }

    #[test]
    fn every_item_comes_once_however_the_list_is_cut() {
        let of = |page_size, has_empty_pages| Paging {
            page_size,
            has_empty_pages,
        };
        assert_eq!(pages(of(9, false), ""), [vec![1, 2, 3, 4, 5]]);
        assert_eq!(
            pages(of(2, false), "limit=3"),
            [vec![1, 2], vec![3, 4], vec![5]]
        );
        assert_eq!(pages(of(9, false), "limit=4"), [vec![1, 2, 3, 4], vec![5]]);
        let sparse = [vec![], vec![1, 2, 3], vec![], vec![4, 5]];
        assert_eq!(pages(of(3, true), ""), sparse);
    }
}
