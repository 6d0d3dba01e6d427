//! The table: ways to fail × what is held.

use futures_util::StreamExt;
use futures_util::stream;

use crate::row::Row;
use crate::{conditions, refusals, replies};

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_fail_shows_what_it_should_in_each_state() {
    let mut rows: Vec<Row> = refusals::rows();
    rows.extend(replies::rows());
    rows.extend(conditions::rows());
    assert!(rows.len() >= 40, "{} rows", rows.len());
    // Few at once: who holds a value waits a second for another one, and no longer.
    let problems = stream::iter(&rows).map(Row::problems).buffer_unordered(3);
    let problems: Vec<Vec<String>> = problems.collect().await;
    let problems = problems.concat();
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn each_row_has_a_name_of_its_own() {
    let rows = [refusals::rows(), replies::rows(), conditions::rows()];
    let mut names: Vec<&str> = rows.iter().flatten().map(|row| row.name).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}
