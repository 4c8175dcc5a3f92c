//! What keeps an app from starting, told with rule and function.

use bytes::Bytes;
use carafe_web::{App, Json, Path, PathArgs, State, WebSocket};
use http::Uri;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[allow(dead_code)] // Only its shape matters.
struct Post {
    id: u32,
    user: String,
    #[serde(default)]
    page: u32,
    #[serde(rename = "kind")]
    sort: Option<String>,
}

/// The only mistake of an app.
fn mistake(app: App) -> String {
    let error = app.into_service().unwrap_err();
    let mistakes: Vec<_> = error.mistakes().collect();
    assert_eq!(mistakes.len(), 1, "{error}");
    mistakes[0].to_owned()
}

fn check(app: App, expected: &[&str]) {
    let mistake = mistake(app);
    for part in expected {
        assert!(mistake.contains(part), "{mistake:?} does not contain {part:?}");
    }
}

#[test]
fn a_rule_whose_arguments_nobody_takes() {
    async fn none() {}
    async fn body(_: String) {}
    async fn uri(_: Uri) {}
    check(
        App::new("x").get("/<name>", none),
        &["rule \"/<name>\"", "::none", "does not take <name>", "Path<T>"],
    );
    check(
        App::new("x").get("/<a>/<b>", body),
        &["::body", "<a> and <b>", "`String` is the request's body"],
    );
    check(App::new("x").get("/<name>", uri), &["::uri", "does not take <name>"]);
}

#[test]
fn a_path_of_another_shape() {
    async fn one(_: Path<String>) {}
    async fn two(_: Uri, _: Path<(String, u8)>) {}
    async fn named(_: Path<Post>) {}
    check(
        App::new("x").get("/<a>/<b>", one),
        &["argument 1 (`Path<String>`)", "takes one argument", "2 arguments"],
    );
    check(App::new("x").get("/", one), &["takes one argument", "0 arguments"]);
    check(
        App::new("x").get("/<a>", two),
        &["argument 2 (`Path<(String, u8)>`)", "takes 2 arguments", "1 argument"],
    );
    check(App::new("x").get("/<int:id>", named), &["`Path<Post>`", "no argument `user`"]);
    check(App::new("x").get("/<user>", named), &["no argument `id`"]);
}

#[test]
fn a_path_that_fits() {
    async fn named(_: Path<Post>) {}
    async fn any(_: Path<Vec<String>>) {}
    async fn all(_: PathArgs) {}
    async fn request(_: axum_core::extract::Request) {}
    let app = App::new("x")
        .get("/1/<user>/<int:id>", named)
        .get("/2/<int:id>/<user>/<kind>/<other>", named)
        .get("/3/<a>/<b>", any)
        .get("/4", any)
        .get("/5/<a>", all)
        .get("/6/<a>", request);
    assert!(app.into_service().is_ok());
}

#[test]
fn a_state_that_nobody_gave() {
    async fn view(_: State<Vec<u8>>) {}
    check(
        App::new("x").state(7_u32).get("/", view),
        &["rule \"/\"", "::view", "argument 1 (`State<Vec<u8>>`)", "no `Vec<u8>`", "App::state"],
    );
    assert!(App::new("x").state(vec![0_u8]).get("/", view).into_service().is_ok());
}

#[test]
fn two_arguments_that_take_the_body() {
    async fn view(_: Json<Value>, _: Bytes) {}
    check(App::new("x").post("/", view), &["`Json<Value>` and `Bytes` both take the body"]);
}

#[test]
fn a_websocket_out_of_place() {
    async fn socket(_: WebSocket) {}
    async fn body(_: WebSocket, _: String) {}
    fn plain(_: WebSocket) {}
    check(App::new("x").get("/", socket), &["argument 1 (`WebSocket`)", "App::websocket"]);
    check(App::new("x").websocket("/", body), &["`String` takes the body"]);
    check(App::new("x").websocket("/", plain), &["a WebSocket's handler is an `async fn`"]);
}

#[test]
fn all_mistakes_are_told_at_once() {
    async fn one(_: Path<String>) {}
    let app = App::new("x").get("no-slash", one).get("/", one).get("/<a>/<b>", one);
    assert_eq!(app.into_service().unwrap_err().mistakes().count(), 3);
}
