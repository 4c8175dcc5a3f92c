//! A rule such as `/users/<int:id>/files/<path:name>`, read.

use super::converter::Converter;

/// A rule, taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    /// As it was written.
    pub(crate) text: String,
    /// What stands between the slashes, in order.
    pub(crate) segments: Vec<Segment>,
    /// Whether it ends with a slash; `/` itself does.
    pub(crate) ends_with_slash: bool,
    /// The arguments, in the order of their places.
    pub(crate) arguments: Vec<Argument>,
}

/// An argument of a rule.
#[derive(Debug, Clone)]
pub(crate) struct Argument {
    pub(crate) name: String,
    pub(crate) converter: Converter,
}

/// What stands between two slashes. Names are not part of it: `/<a>` and `/<b>` are one place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Segment {
    /// Nothing but text, percent-decoded.
    Literal(String),
    /// One converter and nothing beside it. A `path` is always such a one.
    Whole(Converter),
    /// Texts and converters mixed: `<int:id>.json`.
    Mixed(Vec<Piece>),
}

/// A part of a [`Segment::Mixed`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Piece {
    Literal(String),
    Argument(Converter),
}

impl Rule {
    /// Reads a rule.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let Some(body) = text.strip_prefix('/') else {
            return Err("a rule starts with a slash".into());
        };
        let mut rule = Rule {
            text: text.to_owned(),
            segments: Vec::new(),
            ends_with_slash: body.is_empty() || body.ends_with('/'),
            arguments: Vec::new(),
        };
        let body = body.strip_suffix('/').unwrap_or(body);
        if !body.is_empty() {
            for segment in split_at_slashes(body) {
                let segment = rule.read_segment(segment)?;
                rule.segments.push(segment);
            }
        }
        Ok(rule)
    }

    fn read_segment(&mut self, text: &str) -> Result<Segment, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (literal, from) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
            if literal.contains('>') {
                return Err(format!("`>` without a `<` before it in `{text}`"));
            }
            if !literal.is_empty() {
                pieces.push(Piece::Literal(literal.to_owned()));
            }
            rest = from;
            if let Some(inside) = from.strip_prefix('<') {
                let (inside, behind) = inside
                    .split_once('>')
                    .ok_or_else(|| format!("`<` is not closed in `{text}`"))?;
                pieces.push(Piece::Argument(self.read_argument(inside)?));
                rest = behind;
            }
        }
        if pieces.is_empty() {
            return Err("two slashes stand side by side".into());
        }
        segment_of(pieces)
    }

    fn read_argument(&mut self, inside: &str) -> Result<Converter, String> {
        let (converter, name) = match inside.rsplit_once(':') {
            None => (Converter::DEFAULT, inside),
            Some((converter, name)) => {
                let (kind, options) = match converter.split_once('(') {
                    None => (converter, None),
                    Some((kind, options)) => {
                        let options = options.strip_suffix(')').ok_or_else(|| {
                            format!("the parenthesis is not closed in `<{inside}>`")
                        })?;
                        (kind, Some(options))
                    }
                };
                (Converter::parse(kind.trim(), options)?, name)
            }
        };
        let name = name.trim();
        let is_name = name.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && name.chars().all(|char| char.is_alphanumeric() || char == '_');
        if !is_name {
            return Err(format!("`{name}` in `<{inside}>` is not a name"));
        }
        if self.arguments.iter().any(|argument| argument.name == name) {
            return Err(format!("`{name}` is there twice"));
        }
        self.arguments.push(Argument { name: name.to_owned(), converter: converter.clone() });
        Ok(converter)
    }
}

impl Segment {
    /// The order in which segments are tried at one place: lesser first. The more literal text a
    /// segment has, the more it says; between equals the pickier converter goes first, and `path`,
    /// which takes everything, last.
    pub(crate) fn weight(&self) -> (bool, usize, u8) {
        let weight = |literal: usize, converter: u8| (false, usize::MAX - literal, converter);
        match self {
            Segment::Literal(text) => weight(text.len(), 0),
            Segment::Whole(Converter::Path) => (true, usize::MAX, Converter::Path.weight()),
            Segment::Whole(converter) => weight(0, converter.weight()),
            Segment::Mixed(pieces) => {
                let literal = pieces.iter().map(|piece| match piece {
                    Piece::Literal(text) => text.len(),
                    Piece::Argument(_) => 0,
                });
                weight(literal.sum(), 0)
            }
        }
    }
}

fn segment_of(mut pieces: Vec<Piece>) -> Result<Segment, String> {
    if pieces.len() == 1 {
        return Ok(match pieces.remove(0) {
            Piece::Literal(text) => Segment::Literal(text),
            Piece::Argument(converter) => Segment::Whole(converter),
        });
    }
    let side_by_side =
        pieces.windows(2).any(|pair| matches!(pair, [Piece::Argument(_), Piece::Argument(_)]));
    if side_by_side {
        return Err("two arguments need a text between them".into());
    }
    if pieces.contains(&Piece::Argument(Converter::Path)) {
        return Err("a `path` stands alone between its slashes".into());
    }
    Ok(Segment::Mixed(pieces))
}

/// Splits at the slashes that are not inside `<…>`.
fn split_at_slashes(text: &str) -> impl Iterator<Item = &str> {
    let mut is_inside = false;
    text.split(move |char| {
        match char {
            '<' => is_inside = true,
            '>' => is_inside = false,
            _ => {}
        }
        char == '/' && !is_inside
    })
}
