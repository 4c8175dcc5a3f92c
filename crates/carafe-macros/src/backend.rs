//! The backends, as attributes spell them.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Error, Path, Result};

/// A backend, or one of the forms of a backend that has several.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Tokio,
    TokioCurrentThread,
    Smol,
    AsyncStd,
    Sim,
}

impl Backend {
    pub(crate) const ALL: [Backend; 5] = [
        Backend::Tokio,
        Backend::TokioCurrentThread,
        Backend::Smol,
        Backend::AsyncStd,
        Backend::Sim,
    ];

    /// Reads a word of an attribute.
    pub(crate) fn from_word(word: &Ident) -> Result<Backend> {
        Backend::ALL.into_iter().find(|backend| word == backend.word()).ok_or_else(|| {
            let known = Backend::ALL.map(|backend| format!("`{}`", backend.word())).join(", ");
            Error::new(word.span(), format!("unknown backend `{word}`: there are {known}"))
        })
    }

    /// The word in an attribute, which is also the constructor's and the generated test's name.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Backend::Tokio => "tokio",
            Backend::TokioCurrentThread => "tokio_current_thread",
            Backend::Smol => "smol",
            Backend::AsyncStd => "async_std",
            Backend::Sim => "sim",
        }
    }

    /// The cargo feature that compiles it in.
    pub(crate) fn feature(self) -> &'static str {
        match self {
            Backend::Tokio | Backend::TokioCurrentThread => "tokio",
            Backend::Smol => "smol",
            Backend::AsyncStd => "async-std",
            Backend::Sim => "sim",
        }
    }

    /// The expression that makes the recipe.
    pub(crate) fn constructor(self, krate: &Path, seed: u64) -> TokenStream {
        let name = Ident::new(self.word(), Span::call_site());
        let seed = (self == Backend::Sim).then_some(seed);
        quote!(#krate::Backend::#name(#seed))
    }

    /// Writes `compiled` where the backend is compiled in, and `absent` where it is not.
    pub(crate) fn if_compiled(
        self,
        krate: &Path,
        compiled: TokenStream,
        absent: TokenStream,
    ) -> TokenStream {
        let door = format_ident!("if_{}", self.feature().replace('-', "_"));
        quote!(#krate::__private::#door! { { #compiled } else { #absent } })
    }
}
