//! Entry points, seen from outside: exit code, stdout and stderr of a process.

use std::process::{Command, Output};

/// Runs a scenario of the program `carafe-rt-entry`, and gives its exit code and what it printed.
fn run(scenario: &str, variable: Option<&str>) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carafe-rt-entry"));
    command.arg(scenario).env_remove("CARAFE_RUNTIME");
    if let Some(value) = variable {
        command.env("CARAFE_RUNTIME", value);
    }
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("it prints text");
    (status.code().expect("it exits by itself"), text(stdout), text(stderr))
}

#[track_caller]
fn check(scenario: &str, variable: Option<&str>, expected: (i32, &str, &str)) {
    let (code, stdout, stderr) = run(scenario, variable);
    assert_eq!((code, stdout.as_str(), stderr.as_str()), expected);
}

#[test]
fn the_variable_chooses_where_the_entry_point_does_not() {
    check("name", Some("tokio"), (0, "tokio\n", ""));
    check("name", Some("tokio-current-thread"), (0, "tokio\n", ""));
    check("name", Some("smol"), (0, "smol\n", ""));
    check("name", Some("async-std"), (0, "async-std\n", ""));
    check("name", Some("sim"), (0, "sim\n", ""));
}

#[test]
fn the_entry_point_outranks_the_variable() {
    check("smol", Some("tokio"), (0, "smol\n", ""));
    check("smol", Some("nonsense"), (0, "smol\n", ""));
    check("simulated", None, (0, "sim\n", ""));
}

#[test]
fn several_backends_and_no_choice_is_one_line_and_exits_with_2() {
    let line = "error: four backends are compiled in (tokio, smol, async-std, sim) and none is \
                chosen: set CARAFE_RUNTIME=tokio, or write `#[carafe::main(tokio)]`, or compile only \
                one\n";
    check("name", None, (2, "", line));
    check("name", Some(""), (2, "", line));
}

#[test]
fn an_unknown_backend_is_one_line_and_exits_with_2() {
    let line = "error: CARAFE_RUNTIME: no backend is called \"twisted\" (compiled in: tokio, smol, \
                async-std, sim)\n";
    check("name", Some("twisted"), (2, "", line));
}

#[test]
fn an_error_is_one_line_with_its_sources_and_exits_with_1() {
    check("fails", None, (1, "", "error: cannot brew: no water\n"));
    check("fails-boxed", None, (1, "", "error: cannot brew: no water\n"));
    check("fails-sync", None, (1, "", "error: no beans\n"));
}

#[test]
fn misuse_exits_with_2() {
    check("misuse", None, (2, "", "error: the port is taken\n"));
}

#[test]
fn an_exit_code_is_passed_on() {
    check("code", None, (7, "", ""));
}

#[test]
fn a_hard_stop_prints_what_is_alive_and_exits_with_1() {
    let (code, _, stderr) = run("hangs", None);
    assert_eq!(code, 1);
    assert!(stderr.contains("closure `parked for ever`"), "{stderr}");
}
