//! What a handler's result becomes: the table, for both kinds of handlers.

use std::borrow::Cow;

use carafe_web::{App, Error, Html, IntoResponse, Json, Response, Result, abort};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::kit::{Client, with_app};

#[derive(Serialize)]
struct Item {
    name: &'static str,
}

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";

/// Serves each reply from an `async` and a plain handler, and compares status, type and body.
macro_rules! check {
    ($($reply:ty: $value:expr => $status:literal $kind:expr, $body:expr;)*) => {{
        let mut app = App::new("replies");
        let mut expected = Vec::new();
        $(
            let rule = format!("/{}", expected.len());
            app = {
                async fn from_async() -> $reply { $value }
                fn from_plain() -> $reply { $value }
                app.get(&rule, from_async).put(&rule, from_plain)
            };
            expected.push((stringify!($value), $status, $kind, $body));
        )*
        with_app(app, async |client: Client| {
            for (place, (value, status, kind, body)) in expected.into_iter().enumerate() {
                for method in [http::Method::GET, http::Method::PUT] {
                    let answer = client.send(method.clone(), &format!("/{place}")).await;
                    assert_eq!(answer.status, status, "{method} {value}");
                    assert_eq!(answer.header("content-type"), kind, "{method} {value}");
                    assert_eq!(answer.text, body, "{method} {value}");
                }
            }
        })
        .await;
    }};
}

macro_rules! tables {
    ($($name:ident { $($table:tt)* })*) => {$(
        #[carafe_rt::test(crate = carafe_rt, tokio)]
        async fn $name() {
            check! { $($table)* }
        }
    )*};
}

tables! {
    replies_of_the_ecosystem {
        &'static str: "text" => 200 TEXT, "text";
        String: "text".to_owned() => 200 TEXT, "text";
        Cow<'static, str>: Cow::Borrowed("text") => 200 TEXT, "text";
        (): () => 200 "", "";
        Vec<u8>: b"bytes".to_vec() => 200 BYTES, "bytes";
        StatusCode: StatusCode::NO_CONTENT => 204 "", "";
        (StatusCode, &'static str): (StatusCode::CREATED, "made") => 201 TEXT, "made";
        Html<&'static str>: Html("<p>") => 200 HTML, "<p>";
        Html<String>: Html("<p>".to_owned()) => 200 HTML, "<p>";
        Json<Item>: Json(Item { name: "x" }) => 200 JSON, "{\"name\":\"x\"}\n";
        Json<Vec<Item>>: Json(vec![Item { name: "x" }]) => 200 JSON, "[{\"name\":\"x\"}]\n";
        Response: "text".into_response() => 200 TEXT, "text";
        Result<&'static str>: Ok("fine") => 200 TEXT, "fine";
        Result: Ok(()) => 200 "", "";
        Result<Json<Item>, StatusCode>: Err(StatusCode::GONE) => 410 "", "";
        Result<String, (StatusCode, &'static str)>: Err((StatusCode::CONFLICT, "no")) => 409 TEXT, "no";
    }
    b005_replies_of_our_own {
        Value: json!({"Hello": "World!"}) => 200 JSON, "{\"Hello\":\"World!\"}\n";
        (&'static str, u16): ("Started", 201) => 201 TEXT, "Started";
        (Value, u16): (json!([1]), 201) => 201 JSON, "[1]\n";
        (Json<Item>, u16): (Json(Item { name: "x" }), 202) => 202 JSON, "{\"name\":\"x\"}\n";
        (&'static str, u16, [(&'static str, &'static str); 1]):
            ("<p>", 201, [("content-type", HTML)]) => 201 HTML, "<p>";
        ((&'static str, u16), u16): (("twice", 201), 202) => 202 TEXT, "twice";
        Result<Value>: Ok(json!(1)) => 200 JSON, "1\n";
        Result<(&'static str, u16)>: Ok(("made", 201)) => 201 TEXT, "made";
        Result<(Value, u16), Error>: Ok((json!(1), 201)) => 201 JSON, "1\n";
        Result<Result<Value>>: Ok(Ok(json!(1))) => 200 JSON, "1\n";
    }
    b016_an_abort_with_a_response_answers_with_that {
        Result<&'static str>: Err(Error::from_response(([("x-a", "b")], "Message")))
            => 200 TEXT, "Message";
        Result<&'static str>: Err(Error::from_response((StatusCode::RESET_CONTENT, "")))
            => 205 TEXT, "";
    }
}

#[carafe_rt::test(crate = carafe_rt, tokio)]
async fn headers_of_a_reply_arrive() {
    let app = App::new("headers").get("/", async || (json!({}), 201, [("x-a", "b"), ("x-c", "d")]));
    with_app(app, async |client: Client| {
        let answer = client.get("/").await;
        assert_eq!((answer.header("x-a"), answer.header("x-c")), ("b", "d"));
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (201, JSON));
    })
    .await;
}

#[carafe_rt::test(crate = carafe_rt, tokio)]
async fn b014_a_number_that_is_no_status_is_a_500() {
    let app = App::new("statuses")
        .get("/reply", async || ("?", 999))
        .get("/zero", async || ("?", 0))
        .get("/continue", async || ("?", 100))
        .get("/abort", async || Err::<(), _>(abort(999)));
    with_app(app, async |client: Client| {
        for target in ["/reply", "/zero", "/continue", "/abort"] {
            assert_eq!(client.get(target).await.status, 500, "{target}");
        }
    })
    .await;
}

#[carafe_rt::test(crate = carafe_rt, tokio)]
async fn a_value_that_is_no_json_is_a_500() {
    async fn view() -> Json<std::collections::HashMap<(u8, u8), u8>> {
        Json([((1, 2), 3)].into())
    }
    with_app(App::new("json").get("/", view), async |client: Client| {
        assert_eq!(client.get("/").await.status, 500);
    })
    .await;
}
