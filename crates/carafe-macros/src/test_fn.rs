//! `#[carafe::test]`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{Attribute, Error, Result};

use crate::args::{Args, parse_function};
use crate::backend::Backend;

const ATTRIBUTE: &str = "carafe::test";

/// The function as it was, beside a module of the same name with a test per backend.
///
/// A function and a module may share a name; so the body stays where it was written, and sees what it
/// saw there.
pub(crate) fn expand(args: TokenStream, item: &TokenStream) -> Result<TokenStream> {
    let args = Args::parse(ATTRIBUTE, &["timeout", "seed"], args)?;
    let mut function = parse_function(ATTRIBUTE, item)?;
    let name = &function.sig.ident;
    let attrs = Attributes::sort(std::mem::take(&mut function.attrs))?;
    let (of_all, of_tests) = (&attrs.of_all, &attrs.of_tests);
    function.attrs = attrs.of_function;
    let tests = Backend::ALL
        .into_iter()
        .filter(|backend| {
            args.backends.is_empty() || args.backends.iter().any(|(named, _)| named == backend)
        })
        .map(|backend| test_on(backend, name, of_tests, &args));
    Ok(quote! {
        #[cfg(test)]
        #(#of_all)*
        #[allow(dead_code)] // where none of the backends is compiled in
        #function

        #[cfg(test)]
        #(#of_all)*
        mod #name {
            #(#tests)*
        }
    })
}

fn test_on(backend: Backend, name: &Ident, attrs: &[Attribute], args: &Args) -> TokenStream {
    let krate = &args.krate;
    let word = Ident::new(backend.word(), Span::call_site());
    let recipe = backend.constructor(krate, args.seed);
    let limit = match &args.timeout {
        Some(limit) => limit.as_option(),
        None => quote!(#krate::__private::PATIENCE),
    };
    let test = quote! {
        #[test]
        #(#attrs)*
        fn #word() {
            #krate::__private::test(|| #recipe, #limit, super::#name)
        }
    };
    backend.if_compiled(krate, test, TokenStream::new())
}

/// The attributes of the function, by what they are about.
struct Attributes {
    /// About whether it exists at all.
    of_all: Vec<Attribute>,
    /// About the tests that are made of it.
    of_tests: Vec<Attribute>,
    /// About its code.
    of_function: Vec<Attribute>,
}

impl Attributes {
    fn sort(attrs: Vec<Attribute>) -> Result<Attributes> {
        let mut sorted =
            Attributes { of_all: Vec::new(), of_tests: Vec::new(), of_function: Vec::new() };
        for attr in attrs {
            let path = attr.path();
            if path.is_ident("test") {
                let text = "`#[carafe::test]` adds `#[test]` itself: remove this one";
                return Err(Error::new_spanned(&attr, text));
            }
            let group = if path.is_ident("cfg") {
                &mut sorted.of_all
            } else if ["ignore", "should_panic", "cfg_attr"].iter().any(|name| path.is_ident(name))
            {
                &mut sorted.of_tests
            } else {
                &mut sorted.of_function
            };
            group.push(attr);
        }
        Ok(sorted)
    }
}
