//! axum, on tokio.

use axum::Router;
use axum::routing::get;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

fn main() -> std::io::Result<()> {
    let threads = setup::threads();
    let runtime = Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    runtime.block_on(async {
        let app = Router::new().route("/", get(async || setup::HELLO));
        let listener = TcpListener::bind(setup::address()).await?.tap_io(|stream| {
            stream.set_nodelay(true).expect("a new socket takes its options");
        });
        axum::serve(listener, app).await
    })
}
