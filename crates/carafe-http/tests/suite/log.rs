//! What is logged on this thread, as a test sees it.

use std::cell::RefCell;
use std::io::Write;
use std::sync::Once;

use tracing_subscriber::fmt::MakeWriter;

thread_local! {
    static TEXT: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Has every log line pass through this module; the first thing that every test does.
///
/// A subscriber of a test's own, set for its thread, would miss lines at times: a callsite that another
/// test's thread meets first, at that very moment, is taken to interest nobody.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .without_time()
            .with_ansi(false)
            .with_writer(Writer)
            .finish();
        tracing::subscriber::set_global_default(subscriber).expect("the only one");
    });
}

/// Everything that is logged on the thread that made it, until it is dropped: of use on loops of one
/// thread.
pub(crate) struct Log(());

impl Log {
    pub(crate) fn capture() -> Self {
        let before = TEXT.replace(Some(Vec::new()));
        assert!(before.is_none(), "one at a time");
        Log(())
    }

    /// The lines that contain `part`.
    pub(crate) fn lines(&self, part: &str) -> Vec<String> {
        TEXT.with_borrow(|text| {
            let text = str::from_utf8(text.as_deref().unwrap()).unwrap();
            text.lines().filter(|line| line.contains(part)).map(str::to_owned).collect()
        })
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        TEXT.set(None);
    }
}

struct Writer;

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // At a thread's end nobody captures any more.
        let _ = TEXT.try_with(|text| {
            if let Some(text) = text.borrow_mut().as_mut() {
                text.extend_from_slice(bytes);
            }
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Writer {
    type Writer = Writer;

    fn make_writer(&'w self) -> Writer {
        Writer
    }
}
