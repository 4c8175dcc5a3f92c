//! Which handler a request goes to.

use crate::kit::{Answer, Client, with_app};
use carafe_web::{App, PathArgs};
use http::Method;

/// Adds a rule whose handler tells the rule and the arguments.
fn tell(app: App, rule: &'static str) -> App {
    app.get(rule, move |args: PathArgs| async move {
        let args: Vec<_> = args.iter().map(|(name, text)| format!("{name}={text}")).collect();
        format!("{rule} {}", args.join(" ")).trim_end().to_owned()
    })
}

/// What each of `targets` comes to, where `rules` are served: the rule and its arguments, or the
/// status.
async fn check(rules: &[&'static str], targets: &[(&str, &str)]) {
    let app = rules.iter().fold(App::new("routing"), |app, rule| tell(app, rule));
    with_app(app, async |client: Client| {
        for (target, expected) in targets {
            let answer = client.get(target).await;
            let found = match answer.status.as_u16() {
                200 => answer.text,
                308 => format!("308 {}", answer.header("location")),
                status => status.to_string(),
            };
            assert_eq!(found, *expected, "{target}");
        }
    })
    .await;
}

#[carafe_rt::test(crate = carafe_rt, smol)]
async fn b022_converters_take_what_they_say() {
    check(
        &[
            "/string/<name>",
            "/short/<string(length=2):lang>",
            "/range/<string(minlength=2, maxlength=3):text>",
            "/int/<int:n>",
            "/signed/<int(signed=true):n>",
            "/month/<int(min=1, max=12, fixed_digits=2):month>",
            "/float/<float:x>",
            "/signed-float/<float(signed=True, max=1.5):x>",
            "/uuid/<uuid:id>",
            "/any/<any(a,b):letter>",
            "/quoted/<any('two words', \"b\"):text>",
            "/path/<path:rest>",
        ],
        &[
            ("/string/abc", "/string/<name> name=abc"),
            ("/string/a/b", "404"),
            ("/string/", "404"),
            ("/short/de", "/short/<string(length=2):lang> lang=de"),
            ("/short/deu", "404"),
            ("/short/%C3%A9%C3%A8", "/short/<string(length=2):lang> lang=éè"),
            ("/range/a", "404"),
            ("/range/abc", "/range/<string(minlength=2, maxlength=3):text> text=abc"),
            ("/range/abcd", "404"),
            ("/int/42", "/int/<int:n> n=42"),
            ("/int/-1", "404"),
            ("/int/+1", "404"),
            ("/int/4x", "404"),
            ("/int/%34%32", "/int/<int:n> n=42"),
            ("/signed/-1", "/signed/<int(signed=true):n> n=-1"),
            ("/signed/--1", "404"),
            ("/month/07", "/month/<int(min=1, max=12, fixed_digits=2):month> month=07"),
            ("/month/7", "404"),
            ("/month/13", "404"),
            ("/float/1.5", "/float/<float:x> x=1.5"),
            ("/float/1", "404"),
            ("/float/.5", "404"),
            ("/float/nan", "404"),
            ("/signed-float/-2.5", "/signed-float/<float(signed=True, max=1.5):x> x=-2.5"),
            ("/signed-float/2.5", "404"),
            (
                "/uuid/0f8fad5b-d9cb-469f-a165-70867728950e",
                "/uuid/<uuid:id> id=0f8fad5b-d9cb-469f-a165-70867728950e",
            ),
            ("/uuid/0f8fad5bd9cb469fa16570867728950e", "404"),
            ("/any/a", "/any/<any(a,b):letter> letter=a"),
            ("/any/c", "404"),
            ("/quoted/two%20words", "/quoted/<any('two words', \"b\"):text> text=two words"),
            ("/path/a/b/c", "/path/<path:rest> rest=a/b/c"),
            ("/path/a/b/", "/path/<path:rest> rest=a/b/"),
            ("/path/", "404"),
            ("/path//a", "404"),
        ],
    )
    .await;
}

#[carafe_rt::test(crate = carafe_rt, smol)]
async fn the_more_specific_rule_wins_whatever_the_order() {
    let rules = [
        "/<path:everything>",
        "/<name>",
        "/<float:x>",
        "/<int:n>",
        "/<uuid:id>",
        "/<any(one,two):word>",
        "/v<int:version>",
        "/fixed",
        "/fixed/<name>/end",
        "/<name>/tail",
    ];
    let targets = [
        ("/fixed", "/fixed"),
        ("/one", "/<any(one,two):word> word=one"),
        ("/12", "/<int:n> n=12"),
        ("/1.5", "/<float:x> x=1.5"),
        ("/v2", "/v<int:version> version=2"),
        ("/vx", "/<name> name=vx"),
        (
            "/0f8fad5b-d9cb-469f-a165-70867728950e",
            "/<uuid:id> id=0f8fad5b-d9cb-469f-a165-70867728950e",
        ),
        ("/other", "/<name> name=other"),
        ("/a/b", "/<path:everything> everything=a/b"),
        ("/fixed/x/end", "/fixed/<name>/end name=x"),
        // The literal way leads nowhere here: the search comes back.
        ("/fixed/tail", "/<name>/tail name=fixed"),
        ("/fixed/x/other", "/<path:everything> everything=fixed/x/other"),
    ];
    check(&rules, &targets).await;
    let mut reversed = rules;
    reversed.reverse();
    check(&reversed, &targets).await;
}

#[carafe_rt::test(crate = carafe_rt, smol)]
async fn texts_and_arguments_mix_in_a_segment() {
    check(
        &["/<name>.<any(json,xml):format>", "/page-<int:n>", "/<int:from>-<int:to>", "/@<name>"],
        &[
            ("/a.json", "/<name>.<any(json,xml):format> name=a format=json"),
            ("/a.b.xml", "/<name>.<any(json,xml):format> name=a.b format=xml"),
            ("/a.txt", "404"),
            ("/.json", "404"),
            ("/page-7", "/page-<int:n> n=7"),
            ("/page-", "404"),
            ("/1-22", "/<int:from>-<int:to> from=1 to=22"),
            ("/@%C3%A9t%C3%A9", "/@<name> name=été"),
        ],
    )
    .await;
}

#[carafe_rt::test(crate = carafe_rt, smol)]
async fn a_path_may_be_followed_by_more() {
    check(
        &["/<path:page>/edit", "/<path:a>/to/<path:b>", "/dir/<path:p>/"],
        &[
            ("/a/b/edit", "/<path:page>/edit page=a/b"),
            ("/edit", "404"),
            ("/a/to/b/c", "/<path:a>/to/<path:b> a=a b=b/c"),
            ("/a/to/to/b", "/<path:a>/to/<path:b> a=a b=to/b"),
            ("/dir/a/b/", "/dir/<path:p>/ p=a/b"),
            ("/dir/a/b", "308 /dir/a/b/"),
        ],
    )
    .await;
}

/// Each `<path>` may end anywhere, and none of the ways fits; tried one by one there are more of them
/// than anybody can wait for.
#[carafe_rt::test(crate = carafe_rt, smol)]
async fn many_paths_in_a_rule_do_not_multiply() {
    let rule = "/<path:a>/x/<path:b>/x/<path:c>/x/<path:d>/x/<path:e>/end";
    let target = "/x".repeat(400);
    check(&[rule], &[(&target, "404")]).await;
}

#[carafe_rt::test(crate = carafe_rt, smol)]
async fn b002_a_path_is_decoded_after_it_was_split() {
    check(
        &["/❤️", "/<name>", "/<path:rest>"],
        &[
            ("/%E2%9D%A4%EF%B8%8F", "/❤️"),
            ("/a%20b", "/<name> name=a b"),
            ("/a%2Fb", "/<name> name=a/b"),
            ("/a+b", "/<name> name=a+b"),
            ("/100%", "/<name> name=100%"),
            ("/x/a%20b", "/<path:rest> rest=x/a b"),
            ("/%FF", "400"),
        ],
    )
    .await;
}

#[carafe_rt::test(crate = carafe_rt, smol)]
async fn b023_a_missing_slash_is_added_and_a_superfluous_one_is_not_found() {
    check(
        &["/slash/", "/noslash", "/<name>/in/"],
        &[
            ("/slash/", "/slash/"),
            ("/slash", "308 /slash/"),
            ("/slash?a=b&c", "308 /slash/?a=b&c"),
            ("/noslash", "/noslash"),
            ("/noslash/", "404"),
            ("/a%20b/in", "308 /a%20b/in/"),
            // Not "/\host/in/", which a browser takes for another host.
            ("/\\host/in", "308 /%5Chost/in/"),
        ],
    )
    .await;
}

#[carafe_rt::test(crate = carafe_rt, smol)]
async fn b023_a_slash_is_not_added_where_the_method_would_not_do() {
    with_app(App::new("slash").get("/slash/", async || "here"), async |client: Client| {
        assert_eq!(client.send(Method::POST, "/slash").await.status, 404);
        assert_eq!(client.send(Method::POST, "/slash/").await.status, 405);
        assert_eq!(client.send(Method::HEAD, "/slash").await.status, 308);
    })
    .await;
}

#[carafe_rt::test(crate = carafe_rt, smol)]
async fn another_method_is_405_and_says_which_would_do() {
    let app = App::new("methods")
        .get("/a", async || "got")
        .put("/a", async || "put")
        .post("/<name>", async |args: PathArgs| format!("posted {}", args.get("name").unwrap()))
        .delete("/b", async || "deleted");
    with_app(app, async |client: Client| {
        let cases = [
            (Method::GET, "/a", 200, "got", ""),
            (Method::PUT, "/a", 200, "put", ""),
            // Another rule takes the method as well as the path.
            (Method::POST, "/a", 200, "posted a", ""),
            (Method::DELETE, "/a", 405, "", "GET, HEAD, OPTIONS, POST, PUT"),
            (Method::GET, "/b", 405, "", "DELETE, OPTIONS, POST"),
            (Method::OPTIONS, "/b", 200, "", "DELETE, OPTIONS, POST"),
            (Method::OPTIONS, "/a/b", 404, "", ""),
            (Method::from_bytes(b"BREW").unwrap(), "/b", 405, "", "DELETE, OPTIONS, POST"),
        ];
        for (method, target, status, text, allow) in cases {
            let answer: Answer = client.send(method.clone(), target).await;
            assert_eq!(answer.status, status, "{method} {target}");
            assert_eq!(answer.header("allow"), allow, "{method} {target}");
            if status == 200 {
                assert_eq!(answer.text, text, "{method} {target}");
            }
        }
    })
    .await;
}

#[carafe_rt::test(crate = carafe_rt, smol)]
async fn b025_head_is_get_without_the_body() {
    let app = App::new("head")
        .get("/", async || "hello")
        .get("/own", async || "got")
        .route_methods("/own", [Method::HEAD], async || ([("x-own", "yes")], ""));
    with_app(app, async |client: Client| {
        let answer = client.send(Method::HEAD, "/").await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
        assert_eq!(answer.header("content-length"), "5");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(client.send(Method::HEAD, "/own").await.header("x-own"), "yes");
        assert_eq!(client.send(Method::HEAD, "/none").await.status, 404);
    })
    .await;
}

#[carafe_rt::test(crate = carafe_rt, smol)]
async fn b026_an_explicit_options_handler_wins() {
    let app = App::new("options").get("/", async || "").route_methods(
        "/",
        [Method::OPTIONS],
        async || "mine",
    );
    with_app(app, async |client: Client| {
        let answer = client.send(Method::OPTIONS, "/").await;
        assert_eq!((answer.text.as_str(), answer.header("allow")), ("mine", ""));
    })
    .await;
}

/// What is wrong with an app that has `rule`.
fn mistake(rule: &str) -> String {
    async fn view(_: PathArgs) {}
    App::new("mistakes").get(rule, view).into_service().unwrap_err().to_string()
}

#[test]
fn a_rule_that_is_none_is_told_with_its_function() {
    let cases = [
        ("users", "a rule starts with a slash"),
        ("", "a rule starts with a slash"),
        ("/<name", "`<` is not closed"),
        ("/name>", "`>` without a `<`"),
        ("/<>", "`` in `<>` is not a name"),
        ("/<int:>", "is not a name"),
        ("/<1st>", "`1st` in `<1st>` is not a name"),
        ("/<a>/<a>", "`a` is there twice"),
        ("/<a><b>", "two arguments need a text between them"),
        ("/a//b", "two slashes stand side by side"),
        ("/x<path:p>", "a `path` stands alone"),
        ("/<regex:x>", "there is no converter `regex`"),
        ("/<int(max=many):n>", "`max=many` is not a number"),
        ("/<int(size=3):n>", "`int` has no option `size`"),
        ("/<int(3):n>", "takes options by name, not `3`"),
        ("/<int(max=3:n>", "the parenthesis is not closed"),
        ("/<any:x>", "`any` takes a list of words"),
        ("/<any(a/b):x>", "holds a slash"),
        ("/<string(length=1, maxlength=2):x>", "`length` goes without"),
    ];
    for (rule, expected) in cases {
        let error = mistake(rule);
        assert!(error.starts_with(&format!("rule \"{rule}\" (web::routing::")), "{error}");
        assert!(error.contains("::view"), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn two_handlers_for_the_same_requests_are_a_mistake() {
    async fn first(_: PathArgs) {}
    async fn second(_: PathArgs) {}
    let app = App::new("twice").get("/<a>", first).post("/<b>", second).get("/<c>", second);
    let error = app.into_service().unwrap_err();
    let mistakes: Vec<_> = error.mistakes().collect();
    assert_eq!(mistakes.len(), 1);
    assert!(mistakes[0].starts_with("rule \"/<c>\""), "{error}");
    assert!(mistakes[0].contains("the rule \"/<a>\"") && mistakes[0].contains("first"), "{error}");
}
