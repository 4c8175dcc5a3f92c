//! trillium, on async-std. How many threads that has is `ASYNC_STD_THREAD_COUNT`.

use trillium::Conn;
use trillium_router::Router;

fn main() {
    let address = setup::address();
    let router = Router::new().get("/", async |conn: Conn| {
        conn.with_response_header("content-type", "text/plain; charset=utf-8").ok(setup::HELLO)
    });
    trillium_async_std::config()
        .with_host("127.0.0.1")
        .with_port(address.port())
        .with_nodelay()
        .without_signals()
        .run(router);
}
