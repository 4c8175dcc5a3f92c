//! carafe-http on async-std. How many threads that has is `ASYNC_STD_THREAD_COUNT`.

use carafe_async_std::AsyncStd;

fn main() -> std::io::Result<()> {
    bare::serve(AsyncStd::global())
}
