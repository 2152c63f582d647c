//! The documents whose APIs Doorward serves, each walked from top to bottom.

#[path = "1_trusted_devices.rs"]
mod trusted_devices;

#[path = "2_flashback_trust.rs"]
mod flashback_trust;

#[path = "3_internal_trusted_devices.rs"]
mod internal_trusted_devices;

#[path = "4_laravel_devices.rs"]
mod laravel_devices;

#[path = "5_flashback_index.rs"]
mod flashback_index;
