//! The texts that a path gave for a rule's arguments.

/// Where the arguments lie in the path, in the order of the rule.
///
/// Nothing is allocated for up to four arguments that need no percent-decoding: the path itself is
/// shared with the request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Captures {
    near: [Capture; NEAR],
    far: Vec<Capture>,
    len: usize,
}

/// How many captures are kept in place.
const NEAR: usize = 4;

/// One argument.
#[derive(Debug, Clone)]
enum Capture {
    /// As it stands in the path.
    Span(u32, u32),
    /// Percent-decoded.
    Text(Box<str>),
}

impl Default for Capture {
    fn default() -> Self {
        Capture::Span(0, 0)
    }
}

impl Captures {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The arguments as texts; `path` is what was searched.
    pub(crate) fn texts<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a str> {
        self.near.iter().chain(&self.far).take(self.len).map(move |capture| match capture {
            Capture::Span(from, to) => &path[*from as usize..*to as usize],
            Capture::Text(text) => text,
        })
    }

    pub(super) fn push_span(&mut self, from: usize, to: usize) {
        match (u32::try_from(from), u32::try_from(to)) {
            (Ok(from), Ok(to)) => self.push(Capture::Span(from, to)),
            // A `Uri` is shorter than 64 KiB.
            _ => unreachable!("a path of more than 4 GiB"),
        }
    }

    pub(super) fn push_text(&mut self, text: &str) {
        self.push(Capture::Text(text.into()));
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.far.truncate(len.saturating_sub(NEAR));
        self.len = len;
    }

    fn push(&mut self, capture: Capture) {
        match self.near.get_mut(self.len) {
            Some(place) => *place = capture,
            None => self.far.push(capture),
        }
        self.len += 1;
    }
}
