//! Do two thousand daemons leave their vault in peace? The figures of a hundred thousand are the
//! command's: where there are few calls in a second, chance alone adds much to it.

use vault_tests::fleet::{Settings, run, svg};

#[test]
fn no_wave_comes_in_peace_nor_after_an_outage_nor_after_a_restart() {
    let report = run(&Settings {
        daemons: 2_000,
        secrets: 20,
        limit: 30.0,
        ..Settings::default()
    });
    assert_eq!(report.broken(), Vec::<String>::new(), "{report}");
    assert!(report.stale > 0, "or it says nothing: {report}");

    let drawn = svg(&report);
    assert!(drawn.starts_with("<svg") && drawn.ends_with("</svg>\n"));
    assert_eq!(drawn.matches("<polyline").count(), 2);
}
