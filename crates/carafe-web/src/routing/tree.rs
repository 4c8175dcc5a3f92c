//! The rules as a tree of segments, and the search in it.
//!
//! A search walks down segment by segment, literal text first, then the dynamic segments in the order
//! of [`Segment::weight`], and comes back when a way leads nowhere. A rule that takes the path but not
//! the method is no end either: another rule may take both.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use http::Method;
use percent_encoding::percent_decode_str;

use super::captures::Captures;
use super::converter::Converter;
use super::rule::{Piece, Rule, Segment};

/// A place in the tree: what was read so far.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// The literal segments that may follow, sorted.
    literals: Vec<(String, Node)>,
    /// The dynamic segments that may follow, by weight.
    dynamics: Vec<(Segment, Node)>,
    /// The rules that end here, without and with a slash behind.
    plain: Ends,
    slashed: Ends,
}

/// The rules that end at one place, by what they serve.
#[derive(Debug, Default)]
pub(super) struct Ends {
    pub(super) methods: Vec<(Method, usize)>,
    pub(super) websocket: Option<usize>,
}

impl Ends {
    fn is_empty(&self) -> bool {
        self.methods.is_empty() && self.websocket.is_none()
    }

    fn of(&self, method: &Method) -> Option<usize> {
        self.methods.iter().find(|(served, _)| served == method).map(|(_, route)| *route)
    }
}

impl Node {
    /// Where `rule` ends; the way there is made.
    pub(super) fn ends_of(&mut self, rule: &Rule) -> &mut Ends {
        let mut node = self;
        for segment in &rule.segments {
            node = node.child(segment);
        }
        if rule.ends_with_slash { &mut node.slashed } else { &mut node.plain }
    }

    fn child(&mut self, segment: &Segment) -> &mut Node {
        if let Segment::Literal(text) = segment {
            let at = match self.literals.binary_search_by(|(key, _)| key.as_str().cmp(text)) {
                Ok(at) => at,
                Err(at) => {
                    self.literals.insert(at, (text.clone(), Node::default()));
                    at
                }
            };
            return &mut self.literals[at].1;
        }
        let at = match self.dynamics.iter().position(|(key, _)| key == segment) {
            Some(at) => at,
            None => {
                let at = self.dynamics.partition_point(|(key, _)| key.weight() <= segment.weight());
                self.dynamics.insert(at, (segment.clone(), Node::default()));
                at
            }
        };
        &mut self.dynamics[at].1
    }
}

/// What a request asks of the tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'m> {
    pub(super) method: &'m Method,
    pub(super) websocket: bool,
}

/// One walk through the tree.
pub(super) struct Search<'m, 'p> {
    wanted: Wanted<'m>,
    path: &'p str,
    pub(super) captures: Captures,
    /// The methods of the rules that take the path.
    pub(super) allowed: Vec<Method>,
    /// Whether a rule takes the path but speaks the other protocol.
    pub(super) other_protocol: bool,
    /// Whether a rule takes the path with a slash behind it.
    pub(super) slash_missing: bool,
    /// Whether a segment is not UTF-8 once it is decoded.
    pub(super) undecodable: bool,
    /// Places where a `path` argument was tried in vain, or several of them in one rule would be
    /// tried in every combination: the node and the position.
    dead_ends: HashSet<(*const Node, usize)>,
}

impl<'m, 'p> Search<'m, 'p> {
    pub(super) fn new(wanted: Wanted<'m>, path: &'p str) -> Self {
        Search {
            wanted,
            path,
            captures: Captures::default(),
            allowed: Vec::new(),
            other_protocol: false,
            slash_missing: false,
            undecodable: false,
            dead_ends: HashSet::new(),
        }
    }

    /// Walks, and says which route was found.
    pub(super) fn run(&mut self, root: &Node) -> Option<usize> {
        self.path.starts_with('/').then(|| self.after_slash(root, 1))?
    }

    /// Goes on at `node` with what stands from `at` on, right behind a slash.
    fn after_slash(&mut self, node: &Node, at: usize) -> Option<usize> {
        if at == self.path.len() {
            return self.end(&node.slashed);
        }
        let rest = &self.path[at..];
        let end = at + rest.find('/').unwrap_or(rest.len());
        if end == at {
            return None;
        }
        let section = self.section(at, end)?;
        let literal = node.literals.binary_search_by(|(key, _)| key.as_str().cmp(&section.text));
        if let Ok(child) = literal
            && let Some(route) = self.after_segment(&node.literals[child].1, end)
        {
            return Some(route);
        }
        for (segment, child) in &node.dynamics {
            let found = match segment {
                Segment::Whole(Converter::Path) => self.along_path(child, at),
                Segment::Whole(converter) => self.through_whole(converter, child, &section),
                Segment::Mixed(pieces) => self.through_mixed(pieces, child, &section),
                Segment::Literal(_) => None,
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Goes on at `node` behind a segment that ends at `end`.
    fn after_segment(&mut self, node: &Node, end: usize) -> Option<usize> {
        if end < self.path.len() {
            return self.after_slash(node, end + 1);
        }
        if let Some(route) = self.end(&node.plain) {
            return Some(route);
        }
        // Whether the redirect leads anywhere depends on the method, as if the slash were there.
        self.slash_missing |= self.serves(&node.slashed).is_some();
        None
    }

    fn through_whole(
        &mut self,
        converter: &Converter,
        child: &Node,
        section: &Section<'p>,
    ) -> Option<usize> {
        if !converter.takes(&section.text) {
            return None;
        }
        let mark = self.captures.len();
        self.capture(section, 0..section.text.len());
        self.or_forget(mark, |search| search.after_segment(child, section.end))
    }

    fn through_mixed(
        &mut self,
        pieces: &[Piece],
        child: &Node,
        section: &Section<'p>,
    ) -> Option<usize> {
        let mut found = Vec::new();
        if !match_pieces(pieces, &section.text, 0, &mut found) {
            return None;
        }
        let mark = self.captures.len();
        for range in found {
            self.capture(section, range);
        }
        self.or_forget(mark, |search| search.after_segment(child, section.end))
    }

    /// Tries every end for a `path` argument that starts at `at`, the nearest first.
    fn along_path(&mut self, child: &Node, at: usize) -> Option<usize> {
        if self.dead_ends.contains(&(std::ptr::from_ref(child), at)) {
            return None;
        }
        let slashes = self.path[at..].match_indices('/').map(|(from, _)| at + from);
        for end in slashes.chain([self.path.len()]) {
            let section = self.section(at, end)?;
            let mark = self.captures.len();
            self.capture(&section, 0..section.text.len());
            let found = self.or_forget(mark, |search| search.after_segment(child, end));
            if found.is_some() {
                return found;
            }
        }
        self.dead_ends.insert((std::ptr::from_ref(child), at));
        None
    }

    /// The path from `from` to `end`, percent-decoded; `None` if that is not UTF-8.
    fn section(&mut self, from: usize, end: usize) -> Option<Section<'p>> {
        let raw = &self.path[from..end];
        if !raw.as_bytes().contains(&b'%') {
            return Some(Section { from, end, text: Cow::Borrowed(raw) });
        }
        let Ok(text) = percent_decode_str(raw).decode_utf8() else {
            self.undecodable = true;
            return None;
        };
        // Owned also if nothing was there to decode ("100%"): `capture` tells by this whether places
        // in the text are places in the path.
        Some(Section { from, end, text: Cow::Owned(text.into_owned()) })
    }

    /// Takes down a part of a section as an argument.
    fn capture(&mut self, section: &Section<'_>, range: Range<usize>) {
        match &section.text {
            Cow::Borrowed(_) => {
                self.captures.push_span(section.from + range.start, section.from + range.end);
            }
            Cow::Owned(text) => self.captures.push_text(&text[range]),
        }
    }

    fn or_forget(
        &mut self,
        mark: usize,
        walk: impl FnOnce(&mut Self) -> Option<usize>,
    ) -> Option<usize> {
        let found = walk(self);
        if found.is_none() {
            self.captures.truncate(mark);
        }
        found
    }

    /// The route among `ends` that serves the request; if there is none, takes down why.
    fn end(&mut self, ends: &Ends) -> Option<usize> {
        if ends.is_empty() {
            return None;
        }
        let found = self.serves(ends);
        if found.is_none() {
            if self.wanted.websocket || ends.methods.is_empty() {
                self.other_protocol = true;
            } else {
                self.allowed.extend(ends.methods.iter().map(|(method, _)| method.clone()));
            }
        }
        found
    }

    fn serves(&self, ends: &Ends) -> Option<usize> {
        if self.wanted.websocket {
            return ends.websocket;
        }
        let head = || ends.of(&Method::GET).filter(|_| self.wanted.method == Method::HEAD);
        ends.of(self.wanted.method).or_else(head)
    }
}

/// A part of the path, decoded.
struct Section<'p> {
    from: usize,
    end: usize,
    text: Cow<'p, str>,
}

/// Matches texts and converters against `text` from `at` on, and takes down where the arguments lie.
/// An argument ends at the nearest place from which the rest matches.
fn match_pieces(pieces: &[Piece], text: &str, at: usize, found: &mut Vec<Range<usize>>) -> bool {
    match pieces.split_first() {
        None => at == text.len(),
        Some((Piece::Literal(literal), rest)) => {
            text[at..].starts_with(literal.as_str())
                && match_pieces(rest, text, at + literal.len(), found)
        }
        Some((Piece::Argument(converter), rest)) => {
            let ends = text[at..].char_indices().map(|(from, _)| at + from).skip(1);
            for end in ends.chain([text.len()]) {
                if !converter.takes(&text[at..end]) {
                    continue;
                }
                let mark = found.len();
                found.push(at..end);
                if match_pieces(rest, text, end, found) {
                    return true;
                }
                found.truncate(mark);
            }
            false
        }
    }
}
