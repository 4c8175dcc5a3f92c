//! The axum router answers on smol.

#[path = "../../chat/tests/kit/program.rs"]
mod program;

use program::{Program, command};

#[test]
fn a_router_is_served() {
    let program = Program::start(command(env!("CARGO_BIN_EXE_axum-on-smol")));
    assert_eq!(program.get("/"), (200, "<h1>axum on smol</h1>\n".to_owned()));
    assert_eq!(program.get("/hello/ann"), (200, "Hello, ann!\n".to_owned()));
    assert_eq!(program.get("/nowhere").0, 404);
}
