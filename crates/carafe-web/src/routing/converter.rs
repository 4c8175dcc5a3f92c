//! What stands between `<` and `:` in a rule: which texts an argument takes.
//!
//! | converter | takes | options |
//! |---|---|---|
//! | `string` (the default) | one segment, not empty | `minlength`, `maxlength`, `length` |
//! | `int` | digits | `min`, `max`, `signed`, `fixed_digits` |
//! | `float` | digits, a dot, digits | `min`, `max`, `signed` |
//! | `path` | one or more segments | |
//! | `uuid` | a hyphenated UUID | |
//! | `any(a,b)` | one of the words | |
//!
//! A text that a converter does not take is no match: the search goes on with the next rule, and a
//! request that no rule takes is a 404.

/// A converter with its options.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Converter {
    Text { min: usize, max: usize },
    Int { signed: bool, digits: Option<usize>, min: Option<i128>, max: Option<i128> },
    Float { signed: bool, min: Option<f64>, max: Option<f64> },
    Path,
    Uuid,
    Any(Vec<String>),
}

impl Converter {
    /// The converter of `<name>`.
    pub(crate) const DEFAULT: Converter = Converter::Text { min: 1, max: usize::MAX };

    /// Reads a converter: its name, and what stands in parentheses behind it.
    pub(crate) fn parse(name: &str, options: Option<&str>) -> Result<Self, String> {
        let options = Options::parse(options.unwrap_or(""))?;
        match name {
            "any" => return Self::any(options),
            "string" | "int" | "float" | "path" | "uuid" => {}
            _ => return Err(unknown(name)),
        }
        let mut options = options.only_named(name)?;
        let converter = match name {
            "string" => Self::text(&mut options)?,
            "int" => Converter::Int {
                signed: options.flag("signed")?,
                digits: options.number("fixed_digits")?,
                min: options.number("min")?,
                max: options.number("max")?,
            },
            "float" => Converter::Float {
                signed: options.flag("signed")?,
                min: options.number("min")?,
                max: options.number("max")?,
            },
            "path" => Converter::Path,
            _ => Converter::Uuid,
        };
        options.finish(name)?;
        Ok(converter)
    }

    fn text(options: &mut Options) -> Result<Self, String> {
        let length = options.number("length")?;
        let min = options.number("minlength")?;
        let max = options.number("maxlength")?;
        match (length, min, max) {
            (Some(length), None, None) => Ok(Converter::Text { min: length, max: length }),
            (Some(_), ..) => Err("`length` goes without `minlength` and `maxlength`".into()),
            (None, min, max) => {
                Ok(Converter::Text { min: min.unwrap_or(1).max(1), max: max.unwrap_or(usize::MAX) })
            }
        }
    }

    fn any(options: Options) -> Result<Self, String> {
        if options.named.is_empty() && !options.words.is_empty() {
            if let Some(word) = options.words.iter().find(|word| word.contains('/')) {
                return Err(format!("`{word}` holds a slash, which `any` does not cross"));
            }
            return Ok(Converter::Any(options.words));
        }
        Err("`any` takes a list of words: `any(a,b)`".into())
    }

    /// Whether it takes `text`, which is percent-decoded.
    pub(crate) fn takes(&self, text: &str) -> bool {
        match self {
            Converter::Text { min: 1, max: usize::MAX } => !text.is_empty(),
            Converter::Text { min, max } => (*min..=*max).contains(&text.chars().count()),
            Converter::Int { signed, digits, min, max } => {
                let magnitude = without_sign(text, *signed);
                is_digits(magnitude)
                    && digits.is_none_or(|digits| magnitude.len() == digits)
                    && in_bounds(text.parse::<i128>().ok(), *min, *max)
            }
            Converter::Float { signed, min, max } => {
                let magnitude = without_sign(text, *signed);
                magnitude.split_once('.').is_some_and(|(a, b)| is_digits(a) && is_digits(b))
                    && in_bounds(text.parse::<f64>().ok(), *min, *max)
            }
            Converter::Path => !text.is_empty() && !text.starts_with('/'),
            Converter::Uuid => is_uuid(text),
            Converter::Any(words) => words.iter().any(|word| word == text),
        }
    }

    /// The order in which converters are tried at one place: the pickier first.
    pub(crate) fn weight(&self) -> u8 {
        match self {
            Converter::Any(_) => 0,
            Converter::Uuid => 1,
            Converter::Int { .. } => 2,
            Converter::Float { .. } => 3,
            Converter::Text { min: 1, max: usize::MAX } => 5,
            Converter::Text { .. } => 4,
            Converter::Path => 6,
        }
    }

    /// A text that it takes, where options do not forbid it: for a look at what a handler's `Path`
    /// makes of the rule.
    pub(crate) fn sample(&self) -> String {
        match self {
            Converter::Text { min, .. } => "a".repeat((*min).min(64)),
            Converter::Int { digits, min, .. } => {
                let width = digits.unwrap_or(1).min(64);
                format!("{:0width$}", min.unwrap_or(1))
            }
            Converter::Float { min, .. } => format!("{:.1}", min.unwrap_or(1.0)),
            Converter::Path => "a/b".into(),
            Converter::Uuid => "00000000-0000-0000-0000-000000000000".into(),
            Converter::Any(words) => words.first().cloned().unwrap_or_default(),
        }
    }
}

/// What stands in a converter's parentheses.
struct Options {
    words: Vec<String>,
    named: Vec<(String, String)>,
}

impl Options {
    fn parse(text: &str) -> Result<Self, String> {
        let mut options = Options { words: Vec::new(), named: Vec::new() };
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            match item.split_once('=') {
                Some((name, value)) => {
                    options.named.push((name.trim().into(), unquoted(value.trim()).into()));
                }
                None => options.words.push(unquoted(item).into()),
            }
        }
        Ok(options)
    }

    fn only_named(self, converter: &str) -> Result<Self, String> {
        match self.words.first() {
            Some(word) => Err(format!("`{converter}` takes options by name, not `{word}`")),
            None => Ok(self),
        }
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.named.iter().position(|(key, _)| key == name)?;
        Some(self.named.swap_remove(at).1)
    }

    fn number<N: std::str::FromStr>(&mut self, name: &str) -> Result<Option<N>, String> {
        let Some(text) = self.take(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| format!("`{name}={text}` is not a number it can use"))
    }

    fn flag(&mut self, name: &str) -> Result<bool, String> {
        match self.take(name).as_deref() {
            None | Some("false" | "False") => Ok(false),
            Some("true" | "True") => Ok(true),
            Some(text) => Err(format!("`{name}={text}` is neither true nor false")),
        }
    }

    /// Refuses what nobody took.
    fn finish(self, converter: &str) -> Result<(), String> {
        match self.named.first() {
            Some((name, _)) => Err(format!("`{converter}` has no option `{name}`")),
            None => Ok(()),
        }
    }
}

fn unknown(name: &str) -> String {
    format!("there is no converter `{name}` (there are string, int, float, path, uuid and any)")
}

fn unquoted(text: &str) -> &str {
    let inner = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

fn without_sign(text: &str, signed: bool) -> &str {
    if signed { text.strip_prefix('-').unwrap_or(text) } else { text }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether `value` lies within the bounds. A number too long to be read has no value; it is in
/// bounds only where there are none, and the handler's type decides what becomes of it.
fn in_bounds<N: PartialOrd>(value: Option<N>, min: Option<N>, max: Option<N>) -> bool {
    match value {
        Some(value) => min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max),
        None => min.is_none() && max.is_none(),
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
