//! A whole `App`, on smol.

use std::process::ExitCode;

use carafe_rt::Backend;
use carafe_web::App;

fn main() -> ExitCode {
    // It reads `PORT` by itself.
    App::new("hello")
        .get("/", async || setup::HELLO)
        .run_on(Backend::smol().threads(setup::threads()))
}
