//! Which handler a request goes to.
//!
//! Rules are Quart's: text, and arguments in angle brackets with a converter (see [`converter`]). The
//! most specific rule wins, whatever the order of registration: literal text before a converter, a
//! picky converter before a tolerant one, `path` last.
//!
//! A path is split at its slashes first and percent-decoded then, so an encoded slash never separates
//! and can be part of an argument.

mod captures;
mod converter;
mod rule;
mod tree;

use http::{Method, Uri};

pub(crate) use captures::Captures;
pub(crate) use rule::{Argument, Rule};
use tree::{Node, Search, Wanted};

/// The rules of an app, by number: the caller's routes lie in a list.
#[derive(Debug, Default)]
pub(crate) struct Router {
    root: Node,
}

/// What a rule serves.
#[derive(Debug, Clone)]
pub(crate) enum Serves {
    Methods(Vec<Method>),
    WebSocket,
}

/// What became of a search.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// This route, with these arguments.
    Found(usize, Captures),
    /// A rule takes the path with a slash behind it; here it is, with the query.
    SlashMissing(String),
    /// The path is served, with these methods only.
    MethodNotAllowed(Vec<Method>),
    /// The path is served, for WebSockets where the request is none or the other way round.
    OtherProtocol,
    /// The path is not UTF-8 once it is decoded.
    Undecodable,
    /// No rule takes the path.
    NotFound,
}

impl Router {
    /// Adds a rule. The error is the number of the route that is there already.
    pub(crate) fn add(&mut self, rule: &Rule, serves: Serves, route: usize) -> Result<(), usize> {
        let ends = self.root.ends_of(rule);
        match serves {
            Serves::WebSocket => match ends.websocket {
                Some(taken) => Err(taken),
                None => {
                    ends.websocket = Some(route);
                    Ok(())
                }
            },
            Serves::Methods(methods) => {
                for method in methods {
                    match ends.methods.iter().find(|(served, _)| *served == method) {
                        Some((_, taken)) if *taken != route => return Err(*taken),
                        Some(_) => {}
                        None => ends.methods.push((method, route)),
                    }
                }
                Ok(())
            }
        }
    }

    /// Finds the route of a request.
    pub(crate) fn find(&self, method: &Method, uri: &Uri, websocket: bool) -> Outcome {
        let mut search = Search::new(Wanted { method, websocket }, uri.path());
        if let Some(route) = search.run(&self.root) {
            return Outcome::Found(route, search.captures);
        }
        if !search.allowed.is_empty() {
            return Outcome::MethodNotAllowed(allow(search.allowed));
        }
        if search.other_protocol {
            return Outcome::OtherProtocol;
        }
        if search.slash_missing {
            return Outcome::SlashMissing(with_slash(uri));
        }
        if search.undecodable { Outcome::Undecodable } else { Outcome::NotFound }
    }
}

/// The methods of an `Allow` header: those of the rules, and those that come with them.
fn allow(mut methods: Vec<Method>) -> Vec<Method> {
    if methods.contains(&Method::GET) {
        methods.push(Method::HEAD);
    }
    methods.push(Method::OPTIONS);
    methods.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    methods.dedup();
    methods
}

/// The path with a slash behind it, and its query.
fn with_slash(uri: &Uri) -> String {
    // A browser reads a backslash as a slash: "/\host" would lead to another host.
    let mut target = uri.path().replace('\\', "%5C");
    target.push('/');
    if let Some(query) = uri.query() {
        target.push('?');
        target.push_str(query);
    }
    target
}
