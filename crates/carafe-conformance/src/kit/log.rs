use std::fmt::Display;
use std::sync::{Arc, Mutex};

/// What happened, in order; shared by its clones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    entries: Arc<Mutex<Vec<String>>>,
}

impl Log {
    pub(crate) fn new() -> Self {
        Log::default()
    }

    pub(crate) fn note(&self, entry: impl Display) {
        self.entries.lock().expect("no case panics while it notes").push(entry.to_string());
    }

    /// A value that notes `entry` when it is dropped.
    pub(crate) fn on_drop(&self, entry: impl Display) -> OnDrop {
        OnDrop { log: self.clone(), entry: entry.to_string() }
    }

    pub(crate) fn entries(&self) -> Vec<String> {
        self.entries.lock().expect("no case panics while it notes").clone()
    }

    pub(crate) fn count(&self, entry: &str) -> usize {
        self.entries().iter().filter(|noted| *noted == entry).count()
    }

    pub(crate) fn has(&self, entry: &str) -> bool {
        self.count(entry) > 0
    }
}

pub(crate) struct OnDrop {
    log: Log,
    entry: String,
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.log.note(&self.entry);
    }
}
