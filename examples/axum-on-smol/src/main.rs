//! An axum `Router`, served on smol: the router is a tower service, and Carafe's server carries any.
//! Nothing of tokio's runtime is in this binary.

use std::io;

use axum::Router;
use axum::extract::Path;
use axum::response::Html;
use axum::routing::get;
use carafe::http::Server;
use carafe::rt::{Signal, Signals};
use carafe::{Handle, TcpListener, shutdown};

async fn hello(Path(name): Path<String>) -> String {
    format!("Hello, {name}!\n")
}

async fn index() -> Html<String> {
    Html(format!("<h1>axum on {}</h1>\n", Handle::current().name()))
}

/// Ends when somebody presses Ctrl-C or sends SIGTERM.
async fn asked_to_end(rt: Handle) {
    if let Ok(mut signals) = rt.signals(&[Signal::Interrupt, Signal::Terminate])
        && signals.next().await.is_ok()
    {
        // From here on `shutdown_requested()` resolves in every handler.
        return shutdown::request();
    }
    std::future::pending().await
}

#[carafe::main(smol)]
async fn main() -> io::Result<()> {
    let router = Router::new().route("/", get(index)).route("/hello/{name}", get(hello));
    let port = std::env::var("PORT").unwrap_or_else(|_| "5000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    let rt = Handle::current();
    println!("Running on http://{} ({}, CTRL + C to quit)", listener.local_addr()?, rt.name());
    Server::new(rt.clone()).serve(listener, router, asked_to_end(rt)).await?;
    Ok(())
}
