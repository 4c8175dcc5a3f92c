//! What the cases are written with: a log, an event, a few futures.

mod event;
mod futures;
mod log;
mod streams;

pub(crate) use event::Event;
pub(crate) use futures::{Counted, OnlyWoken, catch, forever, sleep, text};
pub(crate) use log::Log;
pub(crate) use streams::{
    accept, any_port, connected, end_writing, port_of_our_own, read, read_to_end, write_all,
};

use carafe_core::{Cause, NurseryError};

/// The error of most cases' children.
pub(crate) type Oops = &'static str;

/// The errors that a nursery ended with.
#[track_caller]
pub(crate) fn errors<T>(ended: Result<T, NurseryError<Oops>>) -> Vec<Oops> {
    match ended {
        Err(NurseryError::Failed(errors)) => errors.iter().copied().collect(),
        Err(NurseryError::Cancelled(cause)) => panic!("the nursery was cancelled: {cause}"),
        Ok(_) => panic!("the nursery has not failed"),
    }
}

/// Why a nursery was cancelled.
#[track_caller]
pub(crate) fn cause<T>(ended: Result<T, NurseryError<Oops>>) -> Cause {
    match ended {
        Err(NurseryError::Cancelled(cause)) => cause,
        Err(NurseryError::Failed(errors)) => panic!("the nursery has failed: {errors:?}"),
        Ok(_) => panic!("the nursery was not cancelled"),
    }
}
