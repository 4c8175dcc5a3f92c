//! Which backend runs: a pure function of what was asked for and what was compiled.
//!
//! In this order: what the entry point names; `CARAFE_RUNTIME`; the only compiled backend. There is
//! no priority among backends, because then adding one, perhaps by a dependency's feature, would
//! change what a program runs on.

use std::fmt;

/// The environment variable that chooses, where the entry point does not.
pub(crate) const VARIABLE: &str = "CARAFE_RUNTIME";

/// A way to run: a backend, or one of the forms of a backend that has several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    Tokio,
    TokioCurrentThread,
    Smol,
    AsyncStd,
    Sim,
}

impl Choice {
    const ALL: [Choice; 5] =
        [Choice::Tokio, Choice::TokioCurrentThread, Choice::Smol, Choice::AsyncStd, Choice::Sim];

    /// As `CARAFE_RUNTIME` spells it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Choice::Tokio => "tokio",
            Choice::TokioCurrentThread => "tokio-current-thread",
            Choice::Smol => "smol",
            Choice::AsyncStd => "async-std",
            Choice::Sim => "sim",
        }
    }

    /// The cargo feature that compiles it in.
    pub(crate) fn feature(self) -> &'static str {
        match self {
            Choice::TokioCurrentThread => Choice::Tokio.name(),
            other => other.name(),
        }
    }

    /// Reads a name; `async_std` is as good as `async-std`, since attributes spell it like that.
    fn from_name(name: &str) -> Option<Choice> {
        Choice::ALL.into_iter().find(|choice| choice.name() == name.replace('_', "-"))
    }
}

/// The features that are on, which are the names of the compiled backends.
pub(crate) const COMPILED: &[&str] = &[
    #[cfg(feature = "tokio")]
    "tokio",
    #[cfg(feature = "smol")]
    "smol",
    #[cfg(feature = "async-std")]
    "async-std",
    #[cfg(feature = "sim")]
    "sim",
];

/// Chooses where the entry point has not: `wanted` is the value of `CARAFE_RUNTIME`, an empty one
/// counts as none.
pub(crate) fn select(wanted: Option<&str>, compiled: &[&'static str]) -> Result<Choice, Refusal> {
    match wanted.map(str::trim) {
        Some(name) if !name.is_empty() => {
            named(name, compiled).map_err(|refusal| Refusal::Variable(Box::new(refusal)))
        }
        _ => only(compiled),
    }
}

/// What is called `name`, if it is compiled.
pub(crate) fn named(name: &str, compiled: &[&'static str]) -> Result<Choice, Refusal> {
    let Some(choice) = Choice::from_name(name) else {
        return Err(Refusal::Unknown { name: name.to_owned(), compiled: compiled.to_vec() });
    };
    check(choice, compiled)
}

/// `choice`, if it is compiled.
pub(crate) fn check(choice: Choice, compiled: &[&'static str]) -> Result<Choice, Refusal> {
    if compiled.contains(&choice.feature()) {
        Ok(choice)
    } else {
        Err(Refusal::compiled_out(choice, compiled))
    }
}

fn only(compiled: &[&'static str]) -> Result<Choice, Refusal> {
    match compiled {
        [] => Err(Refusal::NoneCompiled),
        [name] => named(name, compiled),
        _ => Err(Refusal::Ambiguous { compiled: compiled.to_vec() }),
    }
}

/// Why no backend was chosen. Its text is one line that names the fix.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No backend of that name exists.
    Unknown { name: String, compiled: Vec<&'static str> },
    /// The backend exists, and its feature is off.
    CompiledOut { choice: Choice, compiled: Vec<&'static str> },
    /// Several are compiled, and nobody chose.
    Ambiguous { compiled: Vec<&'static str> },
    /// Every feature is off.
    NoneCompiled,
    /// The name came from `CARAFE_RUNTIME`.
    Variable(Box<Refusal>),
}

impl Refusal {
    pub(crate) fn compiled_out(choice: Choice, compiled: &[&'static str]) -> Self {
        Refusal::CompiledOut { choice, compiled: compiled.to_vec() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Unknown { name, compiled } => {
                write!(f, "no backend is called {name:?} ({})", compiled_list(compiled))
            }
            Refusal::CompiledOut { choice, compiled } => write!(
                f,
                "the backend {} is not compiled in: add the cargo feature `{}` ({})",
                choice.name(),
                choice.feature(),
                compiled_list(compiled),
            ),
            Refusal::Ambiguous { compiled } => {
                let example = compiled.first().copied().unwrap_or("tokio");
                write!(
                    f,
                    "{} backends are compiled in ({}) and none is chosen: set {VARIABLE}={example}, \
                     or write `#[carafe::main({})]`, or compile only one",
                    count(compiled.len()),
                    compiled.join(", "),
                    example.replace('-', "_"),
                )
            }
            Refusal::NoneCompiled => f.write_str(
                "no backend is compiled in: add a cargo feature of carafe: `tokio`, `smol`, \
                 `async-std` or `sim`",
            ),
            Refusal::Variable(refusal) => write!(f, "{VARIABLE}: {refusal}"),
        }
    }
}

/// What is compiled in this program, for a message.
pub(crate) fn compiled_text() -> String {
    compiled_list(COMPILED)
}

fn compiled_list(compiled: &[&str]) -> String {
    match compiled {
        [] => "no backend is compiled in".to_owned(),
        names => format!("compiled in: {}", names.join(", ")),
    }
}

fn count(n: usize) -> String {
    match n {
        2 => "two".to_owned(),
        3 => "three".to_owned(),
        4 => "four".to_owned(),
        n => n.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The choice's name, or the whole message.
    fn check(wanted: Option<&str>, compiled: &[&'static str], expected: Result<&str, &str>) {
        let result = select(wanted, compiled).map(Choice::name).map_err(|error| error.to_string());
        assert_eq!(result.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn the_only_compiled_backend_needs_no_choice() {
        check(None, &["tokio"], Ok("tokio"));
        check(None, &["smol"], Ok("smol"));
        check(None, &["async-std"], Ok("async-std"));
        check(None, &["sim"], Ok("sim"));
    }

    #[test]
    fn the_variable_chooses_among_the_compiled_ones() {
        check(Some("smol"), &["tokio", "smol"], Ok("smol"));
        check(Some("tokio"), &["tokio", "smol"], Ok("tokio"));
        check(Some("sim"), &["tokio", "smol", "sim"], Ok("sim"));
    }

    #[test]
    fn tokio_brings_its_current_thread_form() {
        check(Some("tokio-current-thread"), &["tokio"], Ok("tokio-current-thread"));
        check(
            Some("tokio_current_thread"),
            &["smol"],
            Err(
                "CARAFE_RUNTIME: the backend tokio-current-thread is not compiled in: add the cargo feature \
                 `tokio` (compiled in: smol)",
            ),
        );
    }

    #[test]
    fn a_name_may_be_spelled_as_in_an_attribute() {
        check(Some("async_std"), &["async-std", "tokio"], Ok("async-std"));
        check(Some(" smol "), &["smol", "tokio"], Ok("smol"));
    }

    #[test]
    fn an_empty_variable_is_no_choice() {
        check(Some(""), &["tokio"], Ok("tokio"));
        check(Some("  "), &["tokio"], Ok("tokio"));
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_compiled_ones() {
        check(
            Some("twisted"),
            &["tokio", "smol"],
            Err("CARAFE_RUNTIME: no backend is called \"twisted\" (compiled in: tokio, smol)"),
        );
        check(
            Some("Tokio"),
            &[],
            Err("CARAFE_RUNTIME: no backend is called \"Tokio\" (no backend is compiled in)"),
        );
    }

    #[test]
    fn a_choice_that_is_not_compiled_names_its_feature() {
        check(
            Some("smol"),
            &["tokio"],
            Err(
                "CARAFE_RUNTIME: the backend smol is not compiled in: add the cargo feature `smol` (compiled in: \
                 tokio)",
            ),
        );
        check(
            Some("async-std"),
            &[],
            Err(
                "CARAFE_RUNTIME: the backend async-std is not compiled in: add the cargo feature `async-std` (no \
                 backend is compiled in)",
            ),
        );
    }

    #[test]
    fn several_backends_and_no_choice_name_all_and_the_three_fixes() {
        check(
            None,
            &["tokio", "smol"],
            Err("two backends are compiled in (tokio, smol) and none is chosen: set \
                 CARAFE_RUNTIME=tokio, or write `#[carafe::main(tokio)]`, or compile only one"),
        );
        check(
            None,
            &["async-std", "sim", "smol"],
            Err("three backends are compiled in (async-std, sim, smol) and none is chosen: set \
                 CARAFE_RUNTIME=async-std, or write `#[carafe::main(async_std)]`, or compile only \
                 one"),
        );
    }

    #[test]
    fn no_backend_at_all_names_the_features() {
        check(
            None,
            &[],
            Err("no backend is compiled in: add a cargo feature of carafe: `tokio`, `smol`, \
                 `async-std` or `sim`"),
        );
    }

    #[test]
    fn every_refusal_is_one_line() {
        for compiled in [&[][..], &["tokio"], &["tokio", "smol"]] {
            for wanted in [None, Some("nowhere"), Some("async-std"), Some("line\nbreak")] {
                if let Err(refusal) = select(wanted, compiled) {
                    assert!(!refusal.to_string().contains('\n'), "{refusal}");
                }
            }
        }
    }
}
