//! Arguments that axum-core's traits make.

use std::any::TypeId;
use std::marker::PhantomData;

use axum_core::extract::{FromRequest, FromRequestParts, Request};
use axum_core::response::IntoResponse;

use super::spec::Needs;
use super::{Arg, ArgSpec, Call};
use crate::{AppHandle, Error};

/// The marker of arguments that axum-core's traits make; `Via` says which of the two.
#[derive(Debug)]
pub struct Foreign<Via>(PhantomData<Via>);

/// Made by `FromRequestParts`.
#[derive(Debug)]
pub enum Parts {}

/// Made by `FromRequest`, which takes the body.
#[derive(Debug)]
pub enum Whole {}

impl<T> Arg<Foreign<Parts>> for T
where
    T: FromRequestParts<AppHandle> + Send + 'static,
{
    fn spec() -> ArgSpec {
        ArgSpec::free::<T>()
    }

    async fn extract(call: &mut Call) -> Result<Self, Error> {
        call.show_path_args();
        let (parts, app) = call.parts_and_app();
        let made = T::from_request_parts(parts, app).await;
        made.map_err(|rejection| Error::from_response(rejection.into_response()))
    }
}

impl<T> Arg<Foreign<Whole>> for T
where
    T: FromRequest<AppHandle> + Send + 'static,
{
    fn spec() -> ArgSpec {
        let is_request = TypeId::of::<T>() == TypeId::of::<Request>();
        ArgSpec::of::<T>(if is_request { Needs::Request } else { Needs::Body })
    }

    async fn extract(call: &mut Call) -> Result<Self, Error> {
        call.show_path_args();
        let request = call.take_request()?;
        let made = T::from_request(request, call.app()).await;
        made.map_err(|rejection| Error::from_response(rejection.into_response()))
    }
}
