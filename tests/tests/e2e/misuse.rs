//! Who starts a program wrongly is told so: in one line that says what to do, and with exit code 2.

use std::net::TcpListener;

use crate::kit::{Program, on_each_loop, watchdog};

on_each_loop!(a_port_in_use_is_one_line, a_port_of_another_carafe_is_in_use_too);

fn a_port_in_use_is_one_line(runtime: &str) {
    let _watch = watchdog();
    let listener = TcpListener::bind("127.0.0.1:0").expect("some port is free");
    let taken = listener.local_addr().expect("it is bound");
    check(trial().on(runtime).with("PORT", taken.port()), &[&taken.to_string(), "in use"]);
}

/// Servers may share a port among their loops, but never by accident with another process.
fn a_port_of_another_carafe_is_in_use_too(runtime: &str) {
    let _watch = watchdog();
    let first = trial().on(runtime).serve();
    let taken = first.address;
    check(trial().on(runtime).with("PORT", taken.port()), &[&taken.to_string(), "in use"]);
}

#[test]
fn a_port_that_is_no_number_is_one_line() {
    let _watch = watchdog();
    check(trial().on("smol").with("PORT", "http"), &["http", "port"]);
}

#[test]
fn an_unknown_runtime_is_one_line_that_names_those_there_are() {
    let _watch = watchdog();
    let expected = ["CARAFE_RUNTIME", "twisted", "tokio", "smol", "async-std"];
    check(trial().on("twisted"), &expected);
}

#[test]
fn several_backends_and_no_choice_are_one_line_that_names_them() {
    let _watch = watchdog();
    check(trial(), &["tokio", "smol", "async-std", "CARAFE_RUNTIME="]);
}

fn trial() -> Program {
    Program::new(env!("CARGO_BIN_EXE_trial"))
}

/// Runs the program, which ends with exactly one line on stderr that names all of `expected`.
#[track_caller]
fn check(program: Program, expected: &[&str]) {
    let ended = program.run();
    let stderr = ended.stderr.join("\n");
    assert_eq!(ended.code, Some(2), "{stderr}");
    assert_eq!(ended.stdout, Vec::<String>::new());
    assert_eq!(ended.stderr.len(), 1, "one line, and no more: {stderr}");
    assert!(!stderr.contains("backtrace") && !stderr.contains("panicked"), "{stderr}");
    for word in expected {
        assert!(stderr.contains(word), "{word:?} is missing: {stderr}");
    }
}
