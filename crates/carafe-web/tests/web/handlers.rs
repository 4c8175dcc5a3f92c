//! How handlers run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;

use carafe_rt::{Handle, nursery};
use carafe_web::{
    App, AppHandle, Config, Path, Query, Result, SYNC_HANDLERS, State, current_app, try_current_app,
};
use serde::Deserialize;

use crate::kit::{Client, serving, with_app};
use crate::peer::Peer;

#[carafe_rt::test(crate = carafe_rt)]
async fn b001_a_view_is_async_or_plain() {
    let app = App::new("basic").get("/", async || "index").get("/sync/", || "index");
    with_app(app, async |client: Client| {
        for target in ["/", "/sync/"] {
            let answer = client.get(target).await;
            assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, "index"), "{target}");
        }
    })
    .await;
}

#[derive(Deserialize)]
struct Add {
    to: u32,
}

#[carafe_rt::test(crate = carafe_rt, smol)]
async fn a_handler_has_up_to_eight_arguments() {
    #[expect(clippy::too_many_arguments)]
    async fn eight(
        Path(a): Path<u32>,
        Query(b): Query<Add>,
        State(c): State<u32>,
        app: AppHandle,
        rt: Handle,
        _: http::Method,
        _: http::Uri,
        body: String,
    ) -> Result<String> {
        let _ = (app, rt);
        Ok((a + b.to + c + body.parse::<u32>()?).to_string())
    }
    with_app(App::new("eight").state(100_u32).post("/<int:a>", eight), async |client: Client| {
        assert_eq!(client.post("/1?to=10", "text/plain", "1000").await.text, "1111");
        assert_eq!(client.post("/1?to=10", "text/plain", "x").await.status, 500);
    })
    .await;
}

#[carafe_rt::test(crate = carafe_rt)]
async fn a_plain_handler_runs_on_another_thread_with_the_context() {
    fn view() -> String {
        format!("{:?} {}", thread::current().id(), Handle::current().name())
    }
    with_app(App::new("threads").get("/", view), async |client: Client| {
        let answer = client.get("/").await;
        let (thread, name) = answer.text.rsplit_once(' ').unwrap();
        assert_ne!(thread, format!("{:?}", thread::current().id()));
        assert_eq!(name, Handle::current().name());
    })
    .await;
}

/// Where plain handlers wait for each other.
#[derive(Default)]
struct Crowd {
    inside: Mutex<usize>,
    changed: Condvar,
    most: AtomicUsize,
}

/// Two handlers that block do not block the loop, nor each other: they meet.
#[carafe_rt::test(crate = carafe_rt, tokio, tokio_current_thread, smol, async_std)]
async fn plain_handlers_block_nobody() {
    fn meet(State(crowd): State<Arc<Crowd>>) {
        let mut inside = crowd.inside.lock().unwrap();
        *inside += 1;
        crowd.changed.notify_all();
        drop(crowd.changed.wait_while(inside, |inside| *inside < 2).unwrap());
    }
    let app = App::new("meet").state(Arc::new(Crowd::default())).get("/", meet);
    with_app(app, async |client: Client| {
        let met = nursery(async |n| {
            for client in [client.clone(), client.clone()] {
                n.spawn(async move {
                    assert_eq!(client.get("/").await.status, 200);
                    Ok::<_, std::convert::Infallible>(())
                });
            }
            Ok(())
        });
        met.await.unwrap();
    })
    .await;
}

#[carafe_rt::test(crate = carafe_rt, tokio, smol, async_std)]
async fn so_many_plain_handlers_run_at_a_time() {
    // Each leaves only when as many are inside as may be.
    fn view(State(crowd): State<Arc<Crowd>>) {
        let mut inside = crowd.inside.lock().unwrap();
        *inside += 1;
        crowd.most.fetch_max(*inside, Ordering::Relaxed);
        crowd.changed.notify_all();
        let full = |inside: &mut usize| {
            *inside < SYNC_HANDLERS && crowd.most.load(Ordering::Relaxed) < SYNC_HANDLERS
        };
        let mut inside = crowd.changed.wait_while(inside, full).unwrap();
        *inside -= 1;
        crowd.changed.notify_all();
    }
    let crowd = Arc::new(Crowd::default());
    let app = App::new("crowd").state(crowd.clone()).get("/", view);
    with_app(app, async |client: Client| {
        let served = nursery(async |n| {
            for _ in 0..3 * SYNC_HANDLERS {
                let client = client.clone();
                n.spawn(async move {
                    assert_eq!(client.get("/").await.status, 200);
                    Ok::<_, std::convert::Infallible>(())
                });
            }
            Ok(())
        });
        served.await.unwrap();
    })
    .await;
    assert_eq!(crowd.most.load(Ordering::Relaxed), SYNC_HANDLERS);
}

#[carafe_rt::test(crate = carafe_rt)]
async fn a_handler_opens_a_nursery() {
    async fn view() -> Result<String> {
        let sum = Arc::new(AtomicUsize::new(0));
        nursery(async |n| {
            for i in 1..=3 {
                let sum = sum.clone();
                n.spawn(async move {
                    carafe_rt::checkpoint().await;
                    sum.fetch_add(i, Ordering::Relaxed);
                    Ok::<_, std::io::Error>(())
                });
            }
            Ok(())
        })
        .await?;
        Ok(sum.load(Ordering::Relaxed).to_string())
    }
    with_app(App::new("nursery").get("/", view), async |client: Client| {
        assert_eq!(client.get("/").await.text, "6");
    })
    .await;
}

#[carafe_rt::test(crate = carafe_rt, smol)]
async fn outside_of_its_lifespan_an_app_answers_503() {
    let service = App::new("closed").get("/", async || "open").into_service().unwrap();
    let client = Client::of(service.clone());
    assert_eq!(client.get("/").await.status, 503);
    let during = service.lifespan(async { client.get("/").await.status }).await.unwrap();
    assert_eq!(during, 200);
    assert_eq!(client.get("/").await.status, 503);
}

/// Wherever the app's code runs, it knows whose code it is.
#[carafe_rt::test(crate = carafe_rt)]
async fn the_current_app_is_known_everywhere_inside() {
    fn plain() -> String {
        current_app().name().to_owned()
    }
    async fn nested() -> Result<String> {
        nursery(async |n| {
            n.spawn(async {
                carafe_rt::checkpoint().await;
                assert_eq!(current_app().name(), "current");
                Ok::<_, std::io::Error>(())
            });
            Ok(())
        })
        .await?;
        current_app().nursery().spawn(async { assert_eq!(current_app().name(), "current") });
        Ok(plain())
    }
    fn hook() {
        assert_eq!(current_app().name(), "current");
    }
    assert!(try_current_app().is_none());
    let app = App::new("current")
        .before_serving(hook)
        .before_serving(async || hook())
        .after_serving(hook)
        .get("/", async || current_app().name().to_owned());
    let app = app.get("/plain", plain).get("/nested", nested);
    let ((), ended) = serving(app, Config::new(), async |address| {
        let mut peer = Peer::connect(&Handle::current(), address).await;
        for target in ["/", "/plain", "/nested"] {
            peer.get(target).await;
            let reply = peer.reply().await;
            assert_eq!((reply.status, reply.body.as_str()), (200, "current"), "{target}");
        }
    })
    .await;
    ended.unwrap();
}
