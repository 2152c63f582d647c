//! What a request says: read field by field, so that all faults are told in one answer.

use doorward_domain::UserId;
use doorward_service::{DeviceInfo, VouchedDevice};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};

use crate::extract::{Json, user_fault};
use crate::problem::{FieldError, FieldFault, Problem};
use crate::query::{Given, Parameters};
use crate::wire::device_name;

/// The person that a query names.
pub(super) struct OfUser(pub(super) Option<UserId>);

impl Parameters for OfUser {
    const NAMES: &'static [&'static str] = &["user_id"];
    fn read(given: &mut Given) -> Self {
        let text = given.value("user_id").unwrap_or_default().to_owned();
        let user = UserId::new(&text);
        if user.is_none() {
            let fault = user_fault(&text);
            given.fault("user_id", fault.code, &fault.description);
        }
        Self(user)
    }
}

/// A page of a person's list, by number.
pub(super) struct OnPage {
    pub(super) user: Option<UserId>,
    pub(super) page: u32,
    pub(super) page_size: u16,
}

impl Parameters for OnPage {
    const NAMES: &'static [&'static str] = &["user_id", "page", "page_size"];
    fn read(given: &mut Given) -> Self {
        let OfUser(user) = OfUser::read(given);
        let page = given.number("page", u32::MAX).unwrap_or(1);
        let page_size = given.number("page_size", 100).and_then(|size| u16::try_from(size).ok()).unwrap_or(20);
        Self { user, page, page_size }
    }
}

/// A device that the host vouches for.
#[derive(Deserialize, ToSchema)]
#[schema(as = AuthmsTrustedDeviceCreate)]
pub(super) struct Posted {
    /// The host's own id of the person.
    #[schema(value_type = String, min_length = 1, max_length = 255, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$", example = "user-1")]
    user_id: Option<Value>,
    /// The host's own value for the device: kept, and shown here, exactly as it is given. A sign-in of which the host sends the
    /// same text as `fingerprint`, from the same network, is of this device where the policy allows that binding.
    #[schema(value_type = String, min_length = 1, max_length = 512, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$", example = "fp-7f3a")]
    device_fingerprint: Option<Value>,
    /// The browser's name.
    #[schema(value_type = Option<String>, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$", example = "Chrome")]
    browser: Option<Value>,
    /// `desktop`, `mobile`, `tablet`, `tv` or `app`; other words say nothing.
    #[schema(value_type = Option<String>, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$", example = "desktop")]
    device_type: Option<Value>,
    /// The person's address. Without one, no sign-in is recognised as of this device.
    #[schema(schema_with = address)]
    ip: Option<Value>,
    /// The operating system's name.
    #[schema(value_type = Option<String>, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$", example = "Windows")]
    os: Option<Value>,
    /// A name for the device, where it has none yet: at most 64 characters.
    #[schema(value_type = Option<String>, max_length = 64, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$", example = "Ana's laptop")]
    device_name: Option<Value>,
}

/// What the description says of an address: of one of two families, or left out in one of this API's ways.
fn address() -> RefOr<Schema> {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let family = |format| text().format(Some(SchemaFormat::KnownFormat(format)));
    let either = OneOfBuilder::new().item(family(KnownFormat::Ipv4)).item(family(KnownFormat::Ipv6));
    let either = either.item(text().max_length(Some(0))).item(ObjectBuilder::new().schema_type(Type::Null));
    either.description(Some("The person's address. Without one, no sign-in is recognised as of this device.")).examples(["203.0.113.7"]).into()
}

impl Posted {
    /// Whom and what it names, and what is at fault. A body that can't be taken apart is refused with what is known of it.
    pub(super) fn read(posted: Result<Json<Self>, Problem>) -> Result<(Option<UserId>, VouchedDevice, Vec<FieldError>), Problem> {
        let nothing = VouchedDevice { fingerprint: String::new(), ip: None, info: DeviceInfo::default(), name: None };
        let posted = match posted {
            Ok(Json(posted)) => posted,
            // A field that is given twice is one fault among others.
            Err(problem) if !problem.errors.is_empty() => return Ok((None, nothing, problem.errors)),
            Err(problem) => return Err(problem),
        };
        let mut faults = Faults(vec![]);
        let user = faults.required("user_id", posted.user_id);
        let known = user.as_deref().and_then(UserId::new);
        if let (Some(text), None) = (&user, &known) {
            faults.0.push(user_fault(text));
        }
        let fingerprint = faults.required("device_fingerprint", posted.device_fingerprint).unwrap_or_default();
        faults.within("device_fingerprint", &fingerprint, 512);
        if matches!(&*fingerprint, "." | "..") {
            faults.0.push(FieldError::new("device_fingerprint", FieldFault::Format, "must not be . or .., which no path can name"));
        }
        let info = DeviceInfo {
            kind: faults.bounded("device_type", posted.device_type, 128),
            platform: faults.bounded("os", posted.os, 128),
            browser: faults.bounded("browser", posted.browser, 128),
            ..DeviceInfo::default()
        };
        let ip = faults.text("ip", posted.ip).and_then(|text| {
            let ip = text.parse().ok();
            if ip.is_none() {
                faults.0.push(FieldError::new("ip", FieldFault::Format, "must be an IPv4 or IPv6 address"));
            }
            ip
        });
        let name = faults.text("device_name", posted.device_name);
        faults.0.extend(name.as_deref().and_then(|name| device_name("device_name", name).err()));
        Ok((known, VouchedDevice { fingerprint, ip, info, name }, faults.0))
    }
}

/// Faults, collected so that an answer names all of them.
struct Faults(Vec<FieldError>);

impl Faults {
    /// A text that must be there.
    fn required(&mut self, field: &str, value: Option<Value>) -> Option<String> {
        let (code, description) = match value {
            Some(Value::String(text)) if !text.is_empty() => return Some(text),
            None | Some(Value::String(_)) => (FieldFault::Required, "is required"),
            Some(_) => (FieldFault::Format, "must be a string"),
        };
        self.0.push(FieldError::new(field, code, description));
        None
    }

    /// A text; none where it is absent, `null` or empty, which is how these callers leave a field out.
    fn text(&mut self, field: &str, value: Option<Value>) -> Option<String> {
        match value {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text).filter(|text| !text.is_empty()),
            Some(_) => {
                self.0.push(FieldError::new(field, FieldFault::Format, "must be a string"));
                None
            }
        }
    }

    /// The same, within bounds.
    fn bounded(&mut self, field: &str, value: Option<Value>, longest: usize) -> Option<String> {
        let text = self.text(field, value)?;
        self.within(field, &text, longest);
        Some(text)
    }

    /// So many characters at most, none of them a control character.
    fn within(&mut self, field: &str, text: &str, longest: usize) {
        if text.chars().count() > longest {
            self.0.push(FieldError::new(field, FieldFault::Range, format!("must be at most {longest} characters long")));
        } else if text.chars().any(char::is_control) {
            self.0.push(FieldError::new(field, FieldFault::Format, "must hold no control characters"));
        }
    }
}
