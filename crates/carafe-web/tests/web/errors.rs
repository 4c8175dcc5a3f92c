//! What a failing handler answers.

use std::io;

use carafe_web::{App, Reported, Result, abort, ensure};
use http::StatusCode;

use crate::kit::{Client, with_app};

#[carafe_rt::test(crate = carafe_rt, tokio)]
async fn a_failing_handler_answers_with_its_status() {
    async fn checked() -> Result<&'static str> {
        ensure!(1 + 1 == 3, 418);
        Ok("never")
    }
    async fn missing() -> Result<String> {
        let found: Option<String> = None;
        found.ok_or_else(|| abort(404))
    }
    let app = App::new("errors")
        .get("/abort", async || Err::<(), _>(abort(409)))
        .get("/plain", || Err::<(), _>(abort(409)))
        .get("/checked", checked)
        .get("/missing", missing);
    with_app(app, async |client: Client| {
        for (target, status) in
            [("/abort", 409), ("/plain", 409), ("/checked", 418), ("/missing", 404)]
        {
            assert_eq!(client.get(target).await.status, status, "{target}");
        }
    })
    .await;
}

#[carafe_rt::test(crate = carafe_rt, tokio)]
async fn b013_an_error_is_a_small_page_that_escapes_its_text() {
    let app = App::new("pages").get("/", async || Err::<(), _>(abort(409).because("clash <x>")));
    with_app(app, async |client: Client| {
        let answer = client.get("/").await;
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        assert!(answer.text.contains("<title>409 Conflict</title>"), "{}", answer.text);
        assert!(answer.text.contains("<p>clash &lt;x&gt;</p>"), "{}", answer.text);
        let answer = client.get("/nowhere").await;
        assert!(answer.text.contains("<h1>Not Found</h1>"), "{}", answer.text);
    })
    .await;
}

#[carafe_rt::test(crate = carafe_rt, tokio)]
async fn an_error_of_another_crate_is_a_500_that_says_nothing_of_itself() {
    async fn view() -> Result<String> {
        let text: Result<String, io::Error> = Err(io::Error::other("the password is swordfish"));
        Ok(text?)
    }
    with_app(App::new("sources").get("/", view), async |client: Client| {
        let answer = client.get("/").await;
        assert_eq!(answer.status, 500);
        assert!(!answer.text.contains("swordfish"), "{}", answer.text);
    })
    .await;
}

#[test]
fn an_error_keeps_its_source_through_conversions() {
    let io = io::Error::from(io::ErrorKind::NotFound);
    let error = carafe_web::Error::from(io);
    assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(error.find::<io::Error>().unwrap().kind(), io::ErrorKind::NotFound);

    let boxed: Box<dyn std::error::Error + Send + Sync> = abort(404).with_source(error).into();
    assert_eq!(boxed.to_string(), "404 Not Found");
    let mut chain = std::iter::successors(boxed.source(), |error| error.source());
    assert!(chain.any(|error| error.is::<io::Error>()));
}

#[test]
fn a_response_carries_the_error_that_made_it() {
    use carafe_web::IntoResponse;

    let response = abort(409).because("why").with_source("what").into_response();
    let reported = response.extensions().get::<Reported>().unwrap();
    assert_eq!(reported.to_string(), "409 Conflict: why");
    assert_eq!(reported.source().unwrap().to_string(), "what");
}
