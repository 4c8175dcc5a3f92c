use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

/// Something that happens once, which tasks wait for; set from a task or from any thread.
#[derive(Debug, Clone, Default)]
pub(crate) struct Event {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    is_set: bool,
    waiting: Vec<Waker>,
}

impl Event {
    pub(crate) fn new() -> Self {
        Event::default()
    }

    pub(crate) fn set(&self) {
        let waiting = {
            let mut state = self.state.lock().expect("nothing panics under this lock");
            state.is_set = true;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    pub(crate) async fn wait(&self) {
        poll_fn(|cx| {
            let mut state = self.state.lock().expect("nothing panics under this lock");
            if state.is_set {
                return Poll::Ready(());
            }
            if !state.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.waiting.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}
