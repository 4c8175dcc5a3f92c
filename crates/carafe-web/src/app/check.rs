//! What is wrong with an app, told before it serves anything.

use std::any::TypeId;
use std::fmt;

use super::route::Route;
use crate::arg::{ArgSpec, Needs, Shape};
use crate::routing::Serves;

/// Why an app cannot serve: every mistake that was found, each with the rule and the function that it
/// is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartupError {
    mistakes: Vec<String>,
}

impl StartupError {
    /// The mistakes, a sentence each.
    pub fn mistakes(&self) -> impl Iterator<Item = &str> {
        self.mistakes.iter().map(String::as_str)
    }
}

impl fmt::Display for StartupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mistakes.join("\n"))
    }
}

impl std::error::Error for StartupError {}

/// Collects mistakes.
#[derive(Debug, Default)]
pub(super) struct Mistakes(Vec<String>);

impl Mistakes {
    /// Notes a mistake in the rule `rule` of `function`.
    pub(super) fn note(&mut self, rule: &str, function: &str, mistake: impl fmt::Display) {
        self.0.push(format!("rule \"{rule}\" ({function}): {mistake}"));
    }

    fn of(&mut self, route: &Route, mistake: impl fmt::Display) {
        self.note(route.rule(), route.function(), mistake);
    }

    pub(super) fn into_result(self) -> Result<(), StartupError> {
        if self.0.is_empty() { Ok(()) } else { Err(StartupError { mistakes: self.0 }) }
    }
}

/// Compares a route's handler with its rule and with what the app has.
pub(super) fn check(route: &Route, has_state: impl Fn(TypeId) -> bool, mistakes: &mut Mistakes) {
    let is_websocket = matches!(route.serves, Serves::WebSocket);
    if is_websocket && route.handler.blocks {
        mistakes.of(route, "a WebSocket's handler is an `async fn`");
    }
    let mut readers = 0;
    let mut bodies = Vec::new();
    for (place, arg) in route.handler.args.iter().enumerate() {
        let argument = format!("argument {} (`{}`)", place + 1, short(arg.type_name));
        match arg.needs {
            Needs::Nothing => {}
            Needs::AnyPath => readers += 1,
            Needs::Path { shape, missing } => {
                readers += 1;
                if let Some(mistake) = misfit(route, shape, missing) {
                    mistakes.of(route, format_args!("{argument}: {mistake}"));
                }
            }
            Needs::State { id, name } => {
                if !has_state(id) {
                    let name = short(name);
                    mistakes.of(
                        route,
                        format_args!(
                            "{argument}: the app has no `{name}`; give it one with `App::state`"
                        ),
                    );
                }
            }
            Needs::WebSocket if !is_websocket => {
                mistakes.of(
                    route,
                    format_args!("{argument} is there on a rule of `App::websocket` only"),
                );
            }
            Needs::WebSocket => {}
            Needs::Body | Needs::Request => {
                readers += usize::from(matches!(arg.needs, Needs::Request));
                bodies.push(arg);
            }
        }
    }
    check_bodies(route, is_websocket, &bodies, mistakes);
    if readers == 0 && !route.rule.arguments.is_empty() {
        let names: Vec<_> =
            route.rule.arguments.iter().map(|argument| format!("<{}>", argument.name)).collect();
        mistakes.of(
            route,
            format_args!(
                "the handler does not take {}; a `Path<T>` does (a bare `String` is the request's body)",
                names.join(" and ")
            ),
        );
    }
}

fn check_bodies(route: &Route, is_websocket: bool, bodies: &[&ArgSpec], mistakes: &mut Mistakes) {
    match bodies {
        [body, ..] if is_websocket => mistakes.of(
            route,
            format_args!("`{}` takes the body, and a WebSocket has none", short(body.type_name)),
        ),
        [first, second, ..] => mistakes.of(
            route,
            format_args!(
                "`{}` and `{}` both take the body, which is there once",
                short(first.type_name),
                short(second.type_name)
            ),
        ),
        _ => {}
    }
}

/// Why a `Path` of this shape does not fit the rule.
fn misfit(
    route: &Route,
    shape: Shape,
    missing: fn(&[crate::routing::Argument]) -> Option<&'static str>,
) -> Option<String> {
    let arguments = &route.rule.arguments;
    let count = match arguments.len() {
        1 => "1 argument".to_owned(),
        n => format!("{n} arguments"),
    };
    match shape {
        Shape::Any => None,
        Shape::One if arguments.len() == 1 => None,
        Shape::One => Some(format!("it takes one argument, and the rule has {count}")),
        Shape::Tuple(len) if len == arguments.len() => None,
        Shape::Tuple(len) => Some(format!("it takes {len} arguments, and the rule has {count}")),
        Shape::Struct => {
            missing(arguments).map(|name| format!("the rule has no argument `{name}`"))
        }
    }
}

/// A type without the paths before its names: `carafe_web::arg::path::Path<alloc::string::String>` is
/// `Path<String>`.
fn short(type_name: &str) -> String {
    let mut short = String::new();
    let mut word_at = 0;
    for (at, char) in type_name.char_indices() {
        if char.is_alphanumeric() || char == '_' || char == ':' {
            continue;
        }
        short.push_str(last(&type_name[word_at..at]));
        short.push(char);
        word_at = at + char.len_utf8();
    }
    short.push_str(last(&type_name[word_at..]));
    short
}

fn last(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}
