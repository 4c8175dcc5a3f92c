//! A whole `App`, on async-std. How many threads that has is `ASYNC_STD_THREAD_COUNT`.

use std::process::ExitCode;

use carafe_rt::Backend;
use carafe_web::App;

fn main() -> ExitCode {
    // It reads `PORT` by itself.
    App::new("hello").get("/", async || setup::HELLO).run_on(Backend::async_std())
}
