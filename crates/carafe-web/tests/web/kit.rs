//! What the tests of this crate share: an app that lives, and a client that calls it in memory.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};

use carafe_web::{App, AppService, Body, Config, Response, ServeError};
use futures_lite::future::zip;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use tower_service::Service;

use crate::gate::Gate;
use crate::log;

/// Calls an app in memory.
#[derive(Clone)]
pub(crate) struct Client(AppService);

/// A response that has arrived.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Client {
    pub(crate) fn of(service: AppService) -> Self {
        Client(service)
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.send(Method::GET, target).await
    }

    pub(crate) async fn send(&self, method: Method, target: &str) -> Answer {
        self.request(Request::builder().method(method).uri(target).body(Body::empty()).unwrap())
            .await
    }

    pub(crate) async fn post(
        &self,
        target: &str,
        content_type: &str,
        body: impl Into<Body>,
    ) -> Answer {
        let request = Request::post(target).header("content-type", content_type);
        self.request(request.body(body.into()).unwrap()).await
    }

    pub(crate) async fn request(&self, request: Request<Body>) -> Answer {
        let response: Response = self.0.clone().call(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.into()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }
}

/// Runs `test` while `app` lives.
pub(crate) async fn with_app<T>(app: App, test: impl AsyncFnOnce(Client) -> T) -> T {
    log::install();
    let service = app.into_service().unwrap_or_else(|error| panic!("{error}"));
    let client = Client(service.clone());
    service.lifespan(test(client)).await.unwrap()
}

/// A list that many write to.
#[derive(Clone, Default)]
pub(crate) struct Record(Arc<Mutex<Vec<String>>>);

impl Record {
    pub(crate) fn add(&self, entry: impl Into<String>) {
        self.0.lock().unwrap().push(entry.into());
    }

    pub(crate) fn entries(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Serves `app` on a socket while `test` runs, and then brings it to its end. Gives what both came to.
pub(crate) async fn serving<T>(
    app: App,
    config: Config,
    test: impl AsyncFnOnce(SocketAddr) -> T,
) -> (T, Result<(), ServeError>) {
    log::install();
    let (ready, address) = (Gate::new(), Arc::new(OnceLock::new()));
    let config = {
        let (ready, address) = (ready.clone(), address.clone());
        config.bind("127.0.0.1:0").no_signals().ready(move |addr| {
            address.set(addr).unwrap();
            ready.open();
        })
    };
    let handle = app.handle();
    let test = async {
        ready.wait().await;
        let value = test(*address.get().unwrap()).await;
        handle.shutdown();
        value
    };
    let serve = async {
        let ended = app.serve_with(config).await;
        assert!(ready.count() > 0, "the app does not listen: {ended:?}");
        ended
    };
    zip(test, serve).await
}
