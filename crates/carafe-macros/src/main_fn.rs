//! `#[carafe::main]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, ItemFn, Result};

use crate::args::{Args, parse_function};

const ATTRIBUTE: &str = "carafe::main";

/// The function as it was, inside a synchronous one of the same name that runs it.
pub(crate) fn expand(args: TokenStream, item: &TokenStream) -> Result<TokenStream> {
    let args = Args::parse(ATTRIBUTE, &["threads", "seed", "hard_stop"], args)?;
    let function = parse_function(ATTRIBUTE, item)?;
    let (name, vis, krate) = (&function.sig.ident, &function.vis, &args.krate);
    let Choice { door, backend } = choose(&args)?;
    let hard_stop = args.hard_stop.as_ref().map(|limit| {
        let limit = limit.as_option();
        quote!(.hard_stop(#limit))
    });
    let mut inner = function.clone();
    inner.vis = syn::Visibility::Inherited;
    let attrs = std::mem::take(&mut inner.attrs);
    let cfg = attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
    let door = door.map(|door| quote!(#(#cfg)* #door));
    // A type that cannot be returned is then shown where it is written.
    let run = quote_spanned!(function.sig.output.span() => .run(#name()));
    Ok(quote! {
        #door
        #(#attrs)*
        #vis fn #name() -> ::std::process::ExitCode {
            #inner
            #krate::EntryPoint::new() #backend #hard_stop #run
        }
    })
}

/// The error, with a function in the place of the refused one: that `main` is missing would be a second
/// error, and not the reader's fault.
pub(crate) fn refuse(error: &Error, item: &TokenStream) -> TokenStream {
    let error = error.to_compile_error();
    let stub = syn::parse2::<ItemFn>(item.clone()).ok().map(|function| {
        let (name, vis) = (&function.sig.ident, &function.vis);
        quote!(#vis fn #name() {})
    });
    quote!(#error #stub)
}

/// What a named backend adds to the expansion; nothing where none is named.
struct Choice {
    /// The error where it is not compiled in.
    door: Option<TokenStream>,
    /// The builder call that chooses it.
    backend: TokenStream,
}

fn choose(args: &Args) -> Result<Choice> {
    let krate = &args.krate;
    let (backend, span) = match args.backends[..] {
        [] if args.threads.is_some() => {
            let text = "`threads` needs a backend beside it: `#[carafe::main(tokio, threads = 4)]`";
            return Err(Error::new(proc_macro2::Span::call_site(), text));
        }
        [] => return Ok(Choice { door: None, backend: TokenStream::new() }),
        [only] => only,
        [_, (_, second), ..] => {
            return Err(Error::new(second, "a program runs on one backend: name only one"));
        }
    };
    let text = format!(
        "the backend `{}` is not compiled in: add the cargo feature `{}` to the dependency on carafe",
        backend.word(),
        backend.feature(),
    );
    let absent = quote_spanned!(span => ::core::compile_error! { #text });
    let door = Some(backend.if_compiled(krate, TokenStream::new(), absent));
    let constructor = backend.constructor(krate, args.seed);
    let threads = args.threads.as_ref().map(|threads| quote!(.threads(#threads)));
    Ok(Choice { door, backend: quote!(.backend(#constructor #threads)) })
}
