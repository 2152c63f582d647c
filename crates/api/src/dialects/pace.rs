//! How often a person may act through a dialect: counted before anything else of the request is looked at, so that refused tries count too.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use doorward_domain::Quota;
use http::request::Parts;

use super::Dialects;
use crate::Surfaces;
use crate::extract::Person;
use crate::problem::{Kind, Problem};

/// What is counted together.
pub(super) trait Deed: Send {
    const NAME: &'static str;
    fn quota(dialects: &Dialects) -> Quota;
}

/// To have a device trusted.
pub(super) struct Trust;

impl Deed for Trust {
    const NAME: &'static str = "trust";
    fn quota(dialects: &Dialects) -> Quota {
        dialects.trusts
    }
}

/// Everything else that changes something.
pub(super) struct Write;

impl Deed for Write {
    const NAME: &'static str = "write";
    fn quota(dialects: &Dialects) -> Quota {
        dialects.writes
    }
}

/// A person who hasn't done this too often.
pub(super) struct Paced<D>(pub(super) Person, PhantomData<D>);

impl<D: Deed> FromRequestParts<Surfaces> for Paced<D> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, surfaces: &Surfaces) -> Result<Self, Problem> {
        let person = Person::from_request_parts(parts, surfaces).await?;
        let dialect = surfaces.dialects.at(parts.uri.path()).ok_or_else(|| Problem::new(Kind::NotFound))?;
        surfaces.service.pace(&person.access, &[dialect.name(), D::NAME], D::quota(&surfaces.dialects)).await?;
        Ok(Self(person, PhantomData))
    }
}
