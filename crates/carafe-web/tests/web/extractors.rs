//! What a handler takes from a request.

use std::collections::HashMap;
use std::sync::Arc;

use axum_core::extract::{FromRequestParts, Request};
use bytes::Bytes;
use carafe_rt::Handle;
use carafe_web::{App, AppHandle, Body, Json, Path, PathArgs, Query, Result, State};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, Uri};
use http_body_util::BodyExt;
use serde::Deserialize;

use crate::kit::{Client, with_app};

#[derive(Deserialize)]
struct Post {
    id: u32,
    user: String,
    #[serde(default)]
    page: u32,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "lowercase")]
enum Kind {
    News,
    Blog,
}

#[derive(Deserialize)]
struct Id(u64);

#[carafe_rt::test(crate = carafe_rt, smol)]
async fn a_path_becomes_a_value_a_tuple_or_a_struct() {
    let app = App::new("paths")
        .get("/text/<s>", async |Path(text): Path<String>| text)
        .get("/number/<n>", async |Path(n): Path<u8>| n.to_string())
        .get("/float/<float:x>", async |Path(x): Path<f64>| x.to_string())
        .get("/bool/<b>", async |Path(b): Path<bool>| b.to_string())
        .get("/char/<c>", async |Path(c): Path<char>| c.to_string())
        .get("/new/<int:id>", async |Path(Id(id)): Path<Id>| id.to_string())
        .get("/enum/<any(news,blog):kind>", async |Path(kind): Path<Kind>| format!("{kind:?}"))
        .get("/maybe/<s>", async |Path(text): Path<Option<String>>| format!("{text:?}"))
        .get("/one/<n>", async |Path((n,)): Path<(i64,)>| n.to_string())
        .get("/pair/<a>/<int:b>", async |Path((a, b)): Path<(String, i8)>| format!("{a} {b}"))
        .get("/struct/<user>/<int:id>", async |Path(post): Path<Post>| {
            format!("{} {} {}", post.user, post.id, post.page)
        })
        .get("/list/<a>/<b>", async |Path(all): Path<Vec<String>>| all.join(" "))
        .get("/map/<a>/<b>", async |Path(all): Path<HashMap<String, String>>| {
            format!("{} {}", all["a"], all["b"])
        })
        .get("/args/<a>/<b>", async |args: PathArgs| format!("{args:?}"))
        .get("/plain/<n>", |Path(n): Path<u8>| n.to_string());
    with_app(app, async |client: Client| {
        let cases = [
            ("/text/a%20b", 200, "a b"),
            ("/number/255", 200, "255"),
            ("/number/256", 404, ""),
            ("/number/x", 404, ""),
            ("/float/1.5", 200, "1.5"),
            ("/bool/true", 200, "true"),
            ("/bool/1", 404, ""),
            ("/char/%C3%A9", 200, "é"),
            ("/char/ab", 404, ""),
            ("/new/7", 200, "7"),
            ("/new/99999999999999999999999", 404, ""),
            ("/enum/news", 200, "News"),
            ("/maybe/x", 200, "Some(\"x\")"),
            ("/one/-5", 200, "-5"),
            ("/pair/a/5", 200, "a 5"),
            ("/pair/a/500", 404, ""),
            ("/struct/ann/3", 200, "ann 3 0"),
            ("/list/x/y", 200, "x y"),
            ("/map/x/y", 200, "x y"),
            ("/args/x/y", 200, "{\"a\": \"x\", \"b\": \"y\"}"),
            ("/plain/9", 200, "9"),
        ];
        for (target, status, text) in cases {
            let answer = client.get(target).await;
            assert_eq!(answer.status, status, "{target}");
            if status == 200 {
                assert_eq!(answer.text, text, "{target}");
            }
        }
    })
    .await;
}

#[derive(Deserialize)]
struct Search {
    text: String,
    #[serde(default)]
    tag: Vec<String>,
    n: Option<u8>,
}

#[carafe_rt::test(crate = carafe_rt, smol)]
async fn a_query_becomes_a_struct_or_a_400() {
    let app = App::new("queries")
        .get("/", async |Query(q): Query<Search>| format!("{} {:?} {:?}", q.text, q.tag, q.n));
    with_app(app, async |client: Client| {
        for (target, status, text) in [
            ("/?text=a+b&tag=x&tag=y", 200, "a b [\"x\", \"y\"] None"),
            ("/?text=%C3%A9&n=7", 200, "é [] Some(7)"),
            ("/?tag=x", 400, ""),
            ("/", 400, ""),
            ("/?text=a&n=300", 400, ""),
        ] {
            let answer = client.get(target).await;
            assert_eq!(answer.status, status, "{target}");
            if status == 200 {
                assert_eq!(answer.text, text, "{target}");
            }
        }
    })
    .await;
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[carafe_rt::test(crate = carafe_rt, smol)]
async fn b062_json_is_read_or_refused() {
    let app = App::new("json").post("/", async |Json(named): Json<Named>| named.name);
    with_app(app, async |client: Client| {
        let good = r#"{"name": "x"}"#;
        for (kind, body, status) in [
            ("application/json", good, 200),
            ("application/json; charset=utf-8", good, 200),
            ("application/vnd.api+json", good, 200),
            ("APPLICATION/JSON", good, 200),
            ("text/plain", good, 415),
            ("application/jsonp", good, 415),
            ("application/json", "{", 400),
            ("application/json", "", 400),
            // A138: a missing field is a 400.
            ("application/json", "{}", 400),
        ] {
            let answer = client.post("/", kind, body).await;
            assert_eq!(answer.status, status, "{kind} {body}");
        }
        let answer = client.post("/", "application/json", "{}").await;
        assert!(answer.text.contains("missing field"), "{}", answer.text);
    })
    .await;
}

/// An extractor of the ecosystem's kind: generic over the state, and of axum-core alone.
struct Shout(String);

impl<S: Send + Sync> FromRequestParts<S> for Shout {
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let name = parts.extensions.get::<PathArgs>().and_then(|args| args.get("name"));
        match name {
            Some(name) => Ok(Shout(name.to_uppercase())),
            None => Err((StatusCode::IM_A_TEAPOT, "no name")),
        }
    }
}

/// An extractor of ours, which asks the app.
struct AppName(String);

impl FromRequestParts<AppHandle> for AppName {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(_: &mut Parts, app: &AppHandle) -> Result<Self, Self::Rejection> {
        Ok(AppName(app.name().to_owned()))
    }
}

#[carafe_rt::test(crate = carafe_rt, smol)]
async fn extractors_of_the_ecosystem_work() {
    let app = App::new("foreign")
        .get("/parts", async |method: Method, uri: Uri, headers: HeaderMap| {
            format!("{method} {uri} {}", headers.len())
        })
        .get("/shout/<name>", async |Shout(text): Shout, _: PathArgs| text)
        .get("/mute", async |Shout(text): Shout| text)
        .get("/caught", async |text: Result<Shout, (StatusCode, &'static str)>| {
            text.map_or_else(|(_, why)| why.to_owned(), |Shout(text)| text)
        })
        .get("/app", async |AppName(name): AppName| name)
        .post("/text", async |text: String| text)
        .post("/bytes", async |bytes: Bytes| bytes)
        .post("/plain", |bytes: Bytes| bytes)
        .post("/<tag>/request", async |request: Request| {
            let tag =
                request.extensions().get::<PathArgs>().unwrap().get("tag").unwrap().to_owned();
            let path = request.uri().path().to_owned();
            let body = request.into_body().collect().await.unwrap().to_bytes();
            format!("{tag} {path} {}", body.len())
        })
        // The body may come before other arguments.
        .post("/order/<n>", async |text: String, Path(n): Path<u8>, uri: Uri| {
            format!("{text} {n} {uri}")
        });
    with_app(app, async |client: Client| {
        assert_eq!(client.get("/parts?x").await.text, "GET /parts?x 0");
        assert_eq!(client.get("/shout/bob").await.text, "BOB");
        let mute = client.get("/mute").await;
        assert_eq!((mute.status.as_u16(), mute.text.as_str()), (418, "no name"));
        assert_eq!(client.get("/caught").await.text, "no name");
        assert_eq!(client.get("/app").await.text, "foreign");
        for (target, text) in [
            ("/text", "body"),
            ("/bytes", "body"),
            ("/plain", "body"),
            ("/x/request", "x /x/request 4"),
            ("/order/5", "body 5 /order/5"),
        ] {
            let answer = client.post(target, "text/plain", "body").await;
            assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, text), "{target}");
        }
        let answer = client.post("/text", "text/plain", vec![0xff]).await;
        assert_eq!(answer.status, 400);
    })
    .await;
}

#[carafe_rt::test(crate = carafe_rt)]
async fn a_handler_takes_state_the_app_and_the_loop() {
    let app = App::new("natives").state(Arc::new(7_u8)).state("text".to_owned()).get(
        "/",
        async |State(n): State<Arc<u8>>, State(text): State<String>, app: AppHandle, rt: Handle| {
            assert_eq!(app.state::<String>().unwrap(), text);
            assert_eq!(app.state::<u64>(), None);
            format!("{n} {text} {} {}", app.name(), rt.name())
        },
    );
    with_app(app, async |client: Client| {
        let name = Handle::current().name();
        assert_eq!(client.get("/").await.text, format!("7 text natives {name}"));
    })
    .await;
}

/// A body whose length nobody knows in advance.
fn chunked(chunks: usize) -> Body {
    let chunk = Bytes::from_static(&[b'x'; 10]);
    Body::from_stream(futures_lite::stream::iter(
        (0..chunks).map(move |_| Ok::<_, std::io::Error>(chunk.clone())),
    ))
}

#[carafe_rt::test(crate = carafe_rt, smol)]
async fn b058_a_body_beyond_the_limit_is_a_413() {
    async fn raw(body: Body) -> Result<String> {
        let bytes = body.collect().await?.to_bytes();
        Ok(bytes.len().to_string())
    }
    let app = App::new("limits")
        .body_limit(25)
        .post("/text", async |text: String| text.len().to_string())
        .post("/json", async |Json(_): Json<Named>| "")
        .post("/raw", raw)
        .post("/none", async || "not read");
    with_app(app, async |client: Client| {
        // Told in advance: refused before the handler.
        for target in ["/text", "/json", "/raw", "/none"] {
            let answer = client.post(target, "application/json", vec![b' '; 26]).await;
            assert_eq!(answer.status, 413, "{target}");
        }
        assert_eq!(client.post("/text", "text/plain", vec![b' '; 25]).await.text, "25");
        // Found out while reading.
        assert_eq!(client.post("/text", "text/plain", chunked(2)).await.text, "20");
        assert_eq!(client.post("/text", "text/plain", chunked(3)).await.status, 413);
        assert_eq!(client.post("/json", "application/json", chunked(3)).await.status, 413);
        assert_eq!(client.post("/raw", "text/plain", chunked(2)).await.text, "20");
        assert_ne!(client.post("/raw", "text/plain", chunked(3)).await.status, 200);
    })
    .await;
}

#[carafe_rt::test(crate = carafe_rt, smol)]
async fn a_body_may_be_larger_than_axums_own_default() {
    let app = App::new("large").post("/", async |bytes: Bytes| bytes.len().to_string());
    with_app(app, async |client: Client| {
        let answer = client.post("/", "text/plain", vec![0; 16 << 20]).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, "16777216"));
        assert_eq!(client.post("/", "text/plain", vec![0; (16 << 20) + 1]).await.status, 413);
    })
    .await;
}
