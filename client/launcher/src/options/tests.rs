//! Arguments are understood, and stray ones kept out of messages.

use super::*;

fn parsed(words: &[&str]) -> Result<Invocation, Failure> {
    parsed_with(words, None)
}

fn parsed_with(words: &[&str], variable: Option<&str>) -> Result<Invocation, Failure> {
    let words = words.iter().map(OsString::from).collect();
    parse(words, variable.map(OsString::from))
}

fn run(words: &[&str], variable: Option<&str>) -> Run {
    match parsed_with(words, variable) {
        Ok(Invocation::Run(run)) => run,
        other => panic!("{words:?}: {other:?}"),
    }
}

#[test]
fn a_service_alone_has_the_defaults() {
    let run = run(&["github"], None);
    assert_eq!(run.launch.service, "github");
    assert_eq!(run.launch.environment, "");
    assert!(run.launch.command.is_empty());
    assert_eq!(run.mode, Mode::Start);
    assert_eq!(run.deadline, Duration::from_secs(8));
    assert!(!run.verbose);
}

#[test]
fn an_environment_is_chosen_by_at_sign_flag_or_variable_in_this_order() {
    let environment = |words: &[&str], variable| run(words, variable).launch.environment;
    assert_eq!(environment(&["g@prod"], Some("dev")), "prod");
    assert_eq!(environment(&["g", "--env", "prod"], Some("dev")), "prod");
    assert_eq!(
        environment(&["--environment=prod", "g"], Some("dev")),
        "prod"
    );
    assert_eq!(environment(&["g@prod", "--env", "prod"], None), "prod");
    assert_eq!(environment(&["g"], Some("dev")), "dev");
    assert_eq!(environment(&["g"], Some("")), "");
    assert_eq!(environment(&["g", "--env", ""], Some("dev")), "dev");
    assert_eq!(environment(&["g@prod", "--env="], Some("dev")), "prod");
    assert!(parsed(&["g@prod", "--env", "dev"]).is_err());
}

#[test]
fn the_words_after_two_dashes_are_the_command_whatever_they_look_like() {
    let run = run(&["g", "--", "x", "--help", "--", "", "ü y"], None);
    assert_eq!(run.launch.command, ["x", "--help", "--", "", "ü y"]);
}

#[test]
fn a_command_of_one_word_is_split_and_one_of_several_is_taken_as_it_is() {
    for (words, command) in [
        (
            &["--service", "g", "--command", "python3 '/my server.py'"][..],
            &["python3", "/my server.py"][..],
        ),
        (&["--service=g", "--command=npx -y x"], &["npx", "-y", "x"]),
        (&["g", "--command", "python3", "/a b"], &["python3", "/a b"]),
        (&["--command", "/x", "a", "-v", "g"], &["/x", "a"]),
        (&["g", "--command", "/x", "--test"], &["/x"]),
        (&["g", "--", "one word"], &["one word"]),
    ] {
        assert_eq!(run(words, None).launch.command, command, "{words:?}");
    }
}

#[test]
fn options_are_read_on_both_sides_of_the_service() {
    let run = run(&["--test", "--service", "g", "--deadline=60", "-v"], None);
    assert_eq!(run.mode, Mode::Test);
    assert_eq!(run.deadline, Duration::from_mins(1));
    assert!(run.verbose);
}

#[test]
fn help_and_version_need_no_service() {
    assert!(matches!(parsed(&["--help"]), Ok(Invocation::Help)));
    assert!(matches!(parsed(&["-V"]), Ok(Invocation::Version)));
}

#[test]
fn what_is_wrong_is_a_usage_error_that_repeats_no_word() {
    for words in [
        &[][..],
        &["g", "hunter2"],
        &["g", "--hunter2"],
        &["g", "--hunter2=hunter2"],
        &["g", "-hunter2"],
        &["g", "-Xhunter2"],
        &["g", "--test=hunter2"],
        &["g", "--deadline", "hunter2"],
        &["g", "--deadline", "0"],
        &["g", "--deadline", "61"],
        &["g", "--deadline"],
        &["g", "--"],
        &["@hunter2"],
        &["g@"],
        &["hunter2/g"],
        &["hunter2 g"],
        &["--profile", "hunter2", "g"],
        &["g", "--command"],
        &["g", "--command", " "],
        &["g", "--command", "'hunter2 x"],
        &["g", "--command", "hunter2", "--command", "x"],
        &["g", "--command", "hunter2", "--", "x"],
    ] {
        // "-hunter2" is -h and then something: help wins.
        let Err(failure) = parsed(words) else {
            assert_eq!(words, ["g", "-hunter2"]);
            continue;
        };
        assert_eq!(failure.code(), 2, "{words:?}");
        assert!(!failure.lines().join("\n").contains("hunter2"), "{words:?}");
    }
}

#[test]
fn the_daemons_options_are_refused_with_the_place_where_they_belong() {
    for (name, place) in [
        ("config", "`vaultd --config FILE`"),
        ("config-dir", "configs/ beside its resolver.yaml"),
        ("config-file", "`config_file` under `vault:`"),
        ("profile", "`config_profile` under `vault:`"),
        ("instance-principals", "`auth_method: instance_principal`"),
    ] {
        let failure = parsed(&["g", &format!("--{name}=x")]).expect_err("refused");
        let line = failure.lines()[0];
        let expected = format!("--{name} belongs to vaultd");
        assert!(
            line.starts_with(&expected) && line.contains(place),
            "{line}"
        );
    }
}

#[test]
fn a_test_has_no_client_unless_the_word_is_the_commands() {
    let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    assert!(!may_have_a_client(&words(&["--nonsense", "--test"])));
    assert!(may_have_a_client(&words(&["g", "--", "--test"])));
}
