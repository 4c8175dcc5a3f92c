//! trillium, on smol's global executor. How many threads that has is `ASYNC_GLOBAL_EXECUTOR_THREADS`.

use trillium::Conn;
use trillium_router::Router;

fn main() {
    let address = setup::address();
    let router = Router::new().get("/", async |conn: Conn| {
        conn.with_response_header("content-type", "text/plain; charset=utf-8").ok(setup::HELLO)
    });
    trillium_smol::config()
        .with_host("127.0.0.1")
        .with_port(address.port())
        .with_nodelay()
        .without_signals()
        .run(router);
}
