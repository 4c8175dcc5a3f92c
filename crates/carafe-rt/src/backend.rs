//! A recipe for a loop: which one, with what.

use std::fmt;
use std::io;
use std::pin::Pin;

use carafe_core::RunError;
use carafe_core::rt::{Enter, EnterError, Signals};

use crate::backends::{async_std, sim, smol, tokio};
use crate::handle::{Handle, Inner};
use crate::select::{self, Choice, Refusal};

/// Which event loop to run on, and how.
///
/// A recipe can be written down in every build; what is not compiled in is an error when it is run.
/// It implements [`Enter`] with the [`Handle`] as its runtime.
///
/// # Examples
///
/// ```
/// use carafe_rt::Backend;
///
/// carafe_rt::run_on(Backend::smol().threads(2), async {
///     println!("on {}", carafe_rt::Handle::current().name());
/// });
/// ```
#[derive(Debug)]
#[must_use = "a backend does nothing before `run_on`"]
pub struct Backend {
    recipe: Recipe,
    /// How many threads poll tasks, where the loop lets one say.
    threads: Option<usize>,
    /// What decides the schedule, where the loop has one to decide.
    seed: u64,
}

enum Recipe {
    BuiltIn(Choice),
    Boxed(Box<dyn ErasedEnter>),
}

impl Backend {
    /// tokio, with a thread per core.
    pub const fn tokio() -> Backend {
        Backend::built_in(Choice::Tokio)
    }

    /// tokio, on the calling thread alone.
    pub const fn tokio_current_thread() -> Backend {
        Backend::built_in(Choice::TokioCurrentThread)
    }

    /// smol's executor and reactor, with a thread per core.
    pub const fn smol() -> Backend {
        Backend::built_in(Choice::Smol)
    }

    /// async-std. Its threads are the process's: `ASYNC_STD_THREAD_COUNT` sets how many.
    pub const fn async_std() -> Backend {
        Backend::built_in(Choice::AsyncStd)
    }

    /// The simulator: virtual time, and a schedule that `seed` decides.
    pub const fn sim(seed: u64) -> Backend {
        Backend { recipe: Recipe::BuiltIn(Choice::Sim), threads: None, seed }
    }

    /// A loop that Carafe does not know.
    pub fn boxed<E>(entry: E) -> Backend
    where
        E: Enter + Send + 'static,
    {
        Backend::foreign(Foreign { entry, handle: Handle::boxed })
    }

    /// A loop that Carafe does not know, and that hears signals.
    pub fn boxed_with_signals<E>(entry: E) -> Backend
    where
        E: Enter<Runtime: Signals> + Send + 'static,
    {
        Backend::foreign(Foreign { entry, handle: Handle::boxed_with_signals })
    }

    const fn built_in(choice: Choice) -> Backend {
        Backend { recipe: Recipe::BuiltIn(choice), threads: None, seed: 0 }
    }

    fn foreign(entry: impl ErasedEnter + 'static) -> Backend {
        Backend { recipe: Recipe::Boxed(Box::new(entry)), threads: None, seed: 0 }
    }

    /// Sets how many threads poll tasks, where the loop has several and lets one say: tokio's
    /// multi-thread form and smol. The others ignore it.
    ///
    /// # Panics
    ///
    /// When `threads` is 0.
    pub fn threads(mut self, threads: usize) -> Backend {
        assert!(threads > 0, "a loop needs a thread");
        self.threads = Some(threads);
        self
    }

    /// The backend called `name`, as `CARAFE_RUNTIME` spells it: `tokio`, `tokio-current-thread`,
    /// `smol`, `async-std` or `sim`.
    ///
    /// # Errors
    ///
    /// [`RunError::NoBackend`] where none is called so, or it is not compiled in; the text says which
    /// are.
    pub fn named(name: &str) -> Result<Backend, RunError> {
        select::named(name, select::COMPILED).map(Backend::built_in).map_err(no_backend)
    }

    /// The backend that `CARAFE_RUNTIME` names, or else the only compiled one.
    ///
    /// # Errors
    ///
    /// [`RunError::NoBackend`] where the variable names none that is compiled in, where several are
    /// compiled and it is not set, and where none is. The text is one line, and says what to do.
    pub fn from_env_or_only() -> Result<Backend, RunError> {
        let wanted = std::env::var_os(select::VARIABLE);
        let wanted = wanted.as_ref().map(|value| value.to_string_lossy());
        select::select(wanted.as_deref(), select::COMPILED)
            .map(Backend::built_in)
            .map_err(no_backend)
    }

    /// The names of the compiled backends, which are those of their cargo features.
    pub const fn compiled() -> &'static [&'static str] {
        select::COMPILED
    }

    /// Whether this can run, with the reason why not.
    pub(crate) fn check(&self) -> Result<(), RunError> {
        match self.recipe {
            Recipe::BuiltIn(choice) => {
                select::check(choice, select::COMPILED).map(drop).map_err(no_backend)
            }
            Recipe::Boxed(_) => Ok(()),
        }
    }
}

fn no_backend(refusal: Refusal) -> RunError {
    RunError::NoBackend(refusal.to_string())
}

impl Enter for Backend {
    type Runtime = Handle;

    /// A backend that is not compiled in is [`EnterError::System`] with
    /// [`io::ErrorKind::Unsupported`].
    fn block_on<M, F>(self, main: M) -> Result<F::Output, EnterError>
    where
        M: FnOnce(Handle) -> F,
        F: Future,
    {
        let Backend { recipe, threads, seed } = self;
        let choice = match recipe {
            Recipe::BuiltIn(choice) => choice,
            Recipe::Boxed(entry) => return block_on_erased(entry, main),
        };
        match choice {
            Choice::Tokio => enter(choice, tokio::entry(threads), Inner::Tokio, main),
            Choice::TokioCurrentThread => {
                enter(choice, tokio::current_thread_entry(), Inner::Tokio, main)
            }
            Choice::Smol => enter(choice, smol::entry(threads), Inner::Smol, main),
            Choice::AsyncStd => enter(choice, async_std::entry(), Inner::AsyncStd, main),
            Choice::Sim => enter(choice, sim::entry(seed), Inner::Sim, main),
        }
    }
}

fn enter<En, M, F>(
    choice: Choice,
    entry: Option<En>,
    inner: fn(En::Runtime) -> Inner,
    main: M,
) -> Result<F::Output, EnterError>
where
    En: Enter,
    M: FnOnce(Handle) -> F,
    F: Future,
{
    match entry {
        Some(entry) => entry.block_on(|rt| main(Handle::from(inner(rt)))),
        None => {
            let refusal = Refusal::compiled_out(choice, select::COMPILED);
            let error = io::Error::new(io::ErrorKind::Unsupported, refusal.to_string());
            Err(EnterError::System(error))
        }
    }
}

fn block_on_erased<M, F>(entry: Box<dyn ErasedEnter>, main: M) -> Result<F::Output, EnterError>
where
    M: FnOnce(Handle) -> F,
    F: Future,
{
    let mut output = None;
    let slot = &mut output;
    entry.block_on(Box::new(move |handle| {
        let main = main(handle);
        Box::pin(async move { *slot = Some(main.await) })
    }))?;
    Ok(output.expect("a loop that returns has polled its main future to the end"))
}

/// A main function without its types.
type ErasedMain<'a> = Box<dyn FnOnce(Handle) -> Pin<Box<dyn Future<Output = ()> + 'a>> + 'a>;

/// [`Enter`], in the form that a trait object can have.
trait ErasedEnter: Send {
    fn block_on(self: Box<Self>, main: ErasedMain<'_>) -> Result<(), EnterError>;
}

/// A loop that Carafe does not know, with the handle that fits its runtime.
struct Foreign<E: Enter> {
    entry: E,
    handle: fn(E::Runtime) -> Handle,
}

impl<E: Enter + Send> ErasedEnter for Foreign<E> {
    fn block_on(self: Box<Self>, main: ErasedMain<'_>) -> Result<(), EnterError> {
        let Foreign { entry, handle } = *self;
        entry.block_on(|rt| main(handle(rt)))
    }
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Recipe::BuiltIn(choice) => choice.name(),
            Recipe::Boxed(_) => "boxed",
        })
    }
}
