//! The `Date` header, written once a second.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use carafe_core::rt::Clock;
use http::HeaderValue;

/// The last `Date` of one connection.
///
/// It belongs to a connection, not to the server: a value that all share would have its reference
/// count fought over by all threads, to save each connection one formatting a second. The time of day
/// is asked for once a second, too; in between the loop's clock tells that it is the same second.
#[derive(Debug, Default)]
pub(crate) struct DateCache {
    last: Option<(Instant, HeaderValue)>,
}

impl DateCache {
    /// The header's value now, by the clocks of `rt`.
    pub(crate) fn now(&mut self, rt: &impl Clock) -> HeaderValue {
        let now = rt.now();
        if let Some((until, value)) = &self.last
            && now < *until
        {
            return value.clone();
        }
        let (value, left) = format(rt.wall_now());
        self.last = Some((now + left, value.clone()));
        value
    }
}

/// The header's value at `wall`, and for how long it is right.
fn format(wall: SystemTime) -> (HeaderValue, Duration) {
    // A clock before 1970 is no clock that is set; it reads as 1970.
    let wall = wall.max(UNIX_EPOCH);
    let nanos = wall.duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    let value = HeaderValue::try_from(httpdate::fmt_http_date(wall))
        .expect("an HTTP date is visible ASCII");
    (value, Duration::from_secs(1) - Duration::from_nanos(nanos.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_written_as_http_wants_it_and_is_right_for_the_rest_of_its_second() {
        let (value, left) = format(UNIX_EPOCH + Duration::from_millis(784_111_777_250));
        assert_eq!(value, "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(left, Duration::from_millis(750));
    }

    #[test]
    fn a_clock_before_1970_reads_as_1970() {
        let (value, _) = format(UNIX_EPOCH - Duration::from_secs(1));
        assert_eq!(value, "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
