//! The `Date` header, written once a second.

use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;

/// The last `Date` of one connection.
///
/// It belongs to a connection, not to the server: a value that all share would have its reference
/// count fought over by all threads, to save each connection one formatting a second.
#[derive(Debug, Default)]
pub(crate) struct DateCache {
    last: Option<(u64, HeaderValue)>,
}

impl DateCache {
    /// The header's value at `now`.
    pub(crate) fn at(&mut self, now: SystemTime) -> HeaderValue {
        // A clock before 1970 is no clock that is set; it reads as 1970.
        let second = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if let Some((of, value)) = &self.last
            && *of == second
        {
            return value.clone();
        }
        let value = HeaderValue::try_from(httpdate::fmt_http_date(now.max(UNIX_EPOCH)))
            .expect("an HTTP date is visible ASCII");
        self.last = Some((second, value.clone()));
        value
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_date_is_written_as_http_wants_it_and_changes_with_the_second() {
        let mut cache = DateCache::default();
        let first = UNIX_EPOCH + Duration::from_millis(784_111_777_250);
        assert_eq!(cache.at(first), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(cache.at(first + Duration::from_millis(700)), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(cache.at(first + Duration::from_millis(750)), "Sun, 06 Nov 1994 08:49:38 GMT");
    }

    #[test]
    fn a_clock_before_1970_reads_as_1970() {
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(DateCache::default().at(before), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
