//! What stands in an attribute's parentheses.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Error, ItemFn, Lit, Path, Result, Token, parse_quote};

use crate::backend::Backend;

/// The arguments of either attribute. An option that was not given is `None`.
pub(crate) struct Args {
    /// The named backends, with where they were named.
    pub(crate) backends: Vec<(Backend, Span)>,
    /// Where the items of `carafe` are.
    pub(crate) krate: Path,
    pub(crate) threads: Option<TokenStream>,
    pub(crate) seed: u64,
    pub(crate) hard_stop: Option<Limit>,
    pub(crate) timeout: Option<Limit>,
}

/// A limit in seconds, or none.
pub(crate) enum Limit {
    Seconds(TokenStream),
    None,
}

impl Args {
    /// Reads the arguments of `attribute`, which has the given options besides the common ones.
    pub(crate) fn parse(attribute: &str, options: &[&str], tokens: TokenStream) -> Result<Args> {
        let mut args = Args {
            backends: Vec::new(),
            krate: parse_quote!(::carafe),
            threads: None,
            seed: 0,
            hard_stop: None,
            timeout: None,
        };
        let read = |input: ParseStream<'_>| {
            while !input.is_empty() {
                args.read_one(attribute, options, input)?;
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        read.parse2(tokens)?;
        Ok(args)
    }

    fn read_one(
        &mut self,
        attribute: &str,
        options: &[&str],
        input: ParseStream<'_>,
    ) -> Result<()> {
        // `crate` is a keyword, and an option here.
        let word = Ident::parse_any(input)?;
        if !input.peek(Token![=]) {
            if options.contains(&word.to_string().as_str()) || word == "crate" {
                return Err(Error::new(word.span(), format!("`{word}` needs a value")));
            }
            self.backends.push((Backend::from_word(&word)?, word.span()));
            return Ok(());
        }
        input.parse::<Token![=]>()?;
        if word != "crate" && !options.contains(&word.to_string().as_str()) {
            let known = options.iter().chain(&["crate"]).map(|option| format!("`{option}`"));
            let known = known.collect::<Vec<_>>().join(", ");
            let text = format!("`#[{attribute}]` has no option `{word}`: there are {known}");
            return Err(Error::new(word.span(), text));
        }
        match word.to_string().as_str() {
            "crate" => self.krate = input.call(Path::parse_mod_style)?,
            "threads" => self.threads = Some(threads(input)?),
            "seed" => self.seed = input.parse::<syn::LitInt>()?.base10_parse()?,
            "hard_stop" => self.hard_stop = Some(limit(input)?),
            "timeout" => self.timeout = Some(limit(input)?),
            other => unreachable!("`{other}` is an option without a reader"),
        }
        Ok(())
    }
}

fn threads(input: ParseStream<'_>) -> Result<TokenStream> {
    let literal = input.parse::<syn::LitInt>()?;
    if literal.base10_parse::<usize>()? == 0 {
        return Err(Error::new(literal.span(), "a loop needs a thread"));
    }
    Ok(quote!(#literal))
}

fn limit(input: ParseStream<'_>) -> Result<Limit> {
    match input.parse::<Lit>()? {
        Lit::Int(seconds) => {
            seconds.base10_parse::<u64>()?;
            Ok(Limit::Seconds(quote!(::core::time::Duration::from_secs(#seconds))))
        }
        Lit::Bool(flag) if !flag.value => Ok(Limit::None),
        other => Err(Error::new(other.span(), "expected a number of seconds, or `false` for none")),
    }
}

impl Limit {
    /// The expression of an `Option<Duration>`.
    pub(crate) fn as_option(&self) -> TokenStream {
        match self {
            Limit::Seconds(duration) => quote!(::core::option::Option::Some(#duration)),
            Limit::None => quote!(::core::option::Option::None),
        }
    }
}

/// Reads the function below `attribute`, and refuses what cannot be run.
pub(crate) fn parse_function(attribute: &str, item: &TokenStream) -> Result<ItemFn> {
    let at = item.span();
    let function: ItemFn = syn::parse2(item.clone()).map_err(|_| {
        Error::new(at, format!("`#[{attribute}]` belongs above an `async fn` with a body"))
    })?;
    let signature = &function.sig;
    if signature.asyncness.is_none() {
        let text = format!("`#[{attribute}]` needs an `async fn`: write `async` before `fn`");
        return Err(Error::new(signature.fn_token.span(), text));
    }
    if !signature.inputs.is_empty() {
        let text = format!("the function below `#[{attribute}]` takes no arguments");
        return Err(Error::new(signature.inputs.span(), text));
    }
    if !signature.generics.params.is_empty() {
        let text = format!("the function below `#[{attribute}]` is not generic");
        return Err(Error::new(signature.generics.span(), text));
    }
    Ok(function)
}
