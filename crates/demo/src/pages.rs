//! The pages, each a function from what it shows to markup. Everything is escaped by `maud`.

pub(crate) mod code;
pub(crate) mod dev_strip;
pub(crate) mod device_card;
pub(crate) mod devices;
pub(crate) mod home;
pub(crate) mod icons;
pub(crate) mod layout;
pub(crate) mod notice;
pub(crate) mod register;
pub(crate) mod sign_in;
pub(crate) mod step_up;
pub(crate) mod trust;
pub(crate) mod words;
