//! Wrong uses of the attributes, and what the compiler says to them.

use proc_macro2::TokenStream;
use quote::quote;

use crate::{main_fn, test_fn};

/// Checks that the attribute with `args` over `item` is refused with the text `expected`.
#[track_caller]
fn check(
    expand: fn(TokenStream, &TokenStream) -> syn::Result<TokenStream>,
    args: TokenStream,
    item: TokenStream,
    expected: &str,
) {
    let refused = expand(args, &item).expect_err("it is refused");
    assert_eq!(refused.to_string(), expected);
}

fn works() -> TokenStream {
    quote!(
        async fn f() {}
    )
}

#[test]
fn a_function_that_is_not_async() {
    check(
        main_fn::expand,
        quote!(),
        quote!(
            fn main() {}
        ),
        "`#[carafe::main]` needs an `async fn`: write `async` before `fn`",
    );
}

#[test]
fn a_function_with_arguments() {
    check(
        test_fn::expand,
        quote!(),
        quote!(
            async fn f(x: u8) {}
        ),
        "the function below `#[carafe::test]` takes no arguments",
    );
}

#[test]
fn a_generic_function() {
    check(
        test_fn::expand,
        quote!(),
        quote!(
            async fn f<T>() {}
        ),
        "the function below `#[carafe::test]` is not generic",
    );
}

#[test]
fn something_that_is_no_function() {
    check(
        main_fn::expand,
        quote!(),
        quote!(
            struct Main;
        ),
        "`#[carafe::main]` belongs above an `async fn` with a body",
    );
}

#[test]
fn an_unknown_backend() {
    check(
        main_fn::expand,
        quote!(twisted),
        works(),
        "unknown backend `twisted`: there are `tokio`, `tokio_current_thread`, `smol`, `async_std`, \
         `sim`",
    );
}

#[test]
fn an_unknown_option() {
    check(
        main_fn::expand,
        quote!(flavor = "current_thread"),
        works(),
        "`#[carafe::main]` has no option `flavor`: there are `threads`, `seed`, `hard_stop`, `crate`",
    );
    check(
        test_fn::expand,
        quote!(hard_stop = 3),
        works(),
        "`#[carafe::test]` has no option `hard_stop`: there are `timeout`, `seed`, `crate`",
    );
}

#[test]
fn an_option_without_a_value() {
    check(main_fn::expand, quote!(tokio, threads), works(), "`threads` needs a value");
}

#[test]
fn a_loop_without_threads() {
    check(main_fn::expand, quote!(tokio, threads = 0), works(), "a loop needs a thread");
}

#[test]
fn threads_without_a_backend() {
    check(
        main_fn::expand,
        quote!(threads = 4),
        works(),
        "`threads` needs a backend beside it: `#[carafe::main(tokio, threads = 4)]`",
    );
}

#[test]
fn two_backends_for_one_program() {
    check(
        main_fn::expand,
        quote!(tokio, smol),
        works(),
        "a program runs on one backend: name only one",
    );
}

#[test]
fn a_limit_that_is_no_number() {
    check(
        main_fn::expand,
        quote!(hard_stop = "5s"),
        works(),
        "expected a number of seconds, or `false` for none",
    );
}

#[test]
fn a_test_that_is_one_already() {
    check(
        test_fn::expand,
        quote!(),
        quote!(
            #[test]
            async fn f() {}
        ),
        "`#[carafe::test]` adds `#[test]` itself: remove this one",
    );
}
