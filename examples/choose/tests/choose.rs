//! Whoever starts the program picks the loop.

#[path = "../../chat/tests/kit/program.rs"]
mod program;

use std::process::Command;

use program::{Program, command, ended};

const LOOPS: [&str; 4] = ["tokio", "tokio-current-thread", "smol", "async-std"];

fn choose(args: &[&str]) -> Command {
    let mut command = command(env!("CARGO_BIN_EXE_choose"));
    command.args(args);
    command
}

fn check(command: Command, name: &str) {
    let program = Program::start(command);
    // The two forms of tokio have one name.
    let name = name.trim_end_matches("-current-thread");
    assert!(program.line.contains(&format!("({name}, ")), "{}", program.line);
    assert_eq!(program.get("/"), (200, format!("Hello from {name}\n")));
}

#[test]
fn an_argument_chooses() {
    for name in LOOPS {
        check(choose(&[name]), name);
    }
}

#[test]
fn the_environment_chooses() {
    for name in LOOPS {
        let mut command = choose(&[]);
        command.env("CARAFE_RUNTIME", name);
        check(command, name);
    }
}

#[test]
fn the_argument_wins() {
    let mut command = choose(&["smol"]);
    command.env("CARAFE_RUNTIME", "tokio");
    check(command, "smol");
}

#[test]
fn what_makes_no_sense_is_one_line_and_2() {
    for args in [&[][..], &["twisted"], &["tokio", "smol"]] {
        let (code, stdout, stderr) = ended(choose(args));
        assert_eq!((code, stdout.as_str()), (2, ""), "{args:?}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.starts_with("error: "), "{stderr}");
    }
}

#[test]
fn help_is_given() {
    for flag in ["-h", "--help"] {
        let (code, stdout, _) = ended(choose(&[flag]));
        assert_eq!(code, 0);
        assert!(LOOPS.iter().all(|name| stdout.contains(name)), "{stdout}");
    }
}
