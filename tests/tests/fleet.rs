//! Do two thousand daemons leave their vault in peace? The figures of a hundred thousand are the
//! command's: where there are few calls in a second, chance alone makes peaks, so here minutes count,
//! and seconds with what chance adds to them.

use vault_tests::fleet::{Report, Settings, run, svg};

fn fleet() -> Report {
    run(&Settings {
        daemons: 2_000,
        secrets: 20,
        limit: 30.0,
        ..Settings::default()
    })
}

#[test]
fn no_wave_comes_in_peace_nor_after_an_outage_nor_after_a_restart() {
    let report = fleet();
    let minute = |name| report.phase(name).minute / report.steady;
    assert!(minute("steady") <= 1.3, "{report}");
    assert!(minute("back") <= 3.0, "{report}");
    assert!(minute("restart") <= 3.0, "{report}");
    assert!(minute("after it") <= 1.5, "no echo: {report}");
    assert!(minute("and later") <= 1.3, "{report}");

    // Five standard deviations more than so many times the calls of a quiet second.
    let is_calm = |name, times: f64| {
        let calls = report.steady * times;
        f64::from(report.phase(name).peak) <= calls + 5.0 * calls.sqrt()
    };
    for (name, times) in [
        ("steady", 1.3),
        ("back", 3.0),
        ("restart", 3.0),
        ("after it", 1.5),
        ("and later", 1.3),
    ] {
        assert!(is_calm(name, times), "{name}: {report}");
    }

    assert_eq!(report.late, 0, "{report}");
    assert!(report.stale > 0, "{report}");
    let (half_of_the_stale, all_of_the_stale) = report.stale_renewed;
    assert!(all_of_the_stale <= 90, "{report}");
    assert!(
        half_of_the_stale < report.overdue_renewed.0,
        "stale ones first: {report}"
    );

    let drawn = svg(&report);
    assert!(drawn.starts_with("<svg") && drawn.ends_with("</svg>\n"));
    assert_eq!(drawn.matches("<polyline").count(), 2);
}
