//! What a host says of a person who signs in: read and checked, every fault named.

use std::net::IpAddr;

use doorward_domain::{Completion, SecondFactor, UserId, is_plain_text};
use doorward_service::{DeviceInfo, Looks, SignInRequest};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::extract::user_fault;
use crate::object::Object;
use crate::problem::{FieldError, FieldFault, Problem};
use crate::wire::Mfa;
use crate::wire::device_name;

/// An attempt to sign in, after the first factor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Attempt {
    /// The host's own id of the person: 1 to 255 bytes, no control characters, not `.` or `..`.
    #[schema(min_length = 1, max_length = 255, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$", example = "user-1")]
    user_id: String,
    /// The person's address, as the host sees it.
    #[schema(schema_with = address)]
    ip: String,
    /// The person's user agent, as it came.
    #[schema(max_length = 8192, example = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0 Safari/537.36")]
    user_agent: String,
    /// `Sec-CH-UA…` headers by name, as they came; at most 32.
    #[schema(schema_with = headers)]
    client_hints: Option<Map<String, Value>>,
    /// What an app says of itself.
    #[schema(value_type = Option<AppInfo>)]
    device_info: Option<Object<AppInfo>>,
    /// Further attributes of the device: an object, or an opaque string of 1 to 512 characters.
    #[schema(schema_with = attributes_or_text)]
    fingerprint: Option<Value>,
    /// The device token, or the raw value of the cookie that holds several.
    #[schema(max_length = 4096, example = "dwd_…")]
    device_token: Option<String>,
    /// How the person signs in, in the host's words: 1 to 64 characters. `password`, if absent.
    #[schema(min_length = 1, max_length = 64, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$", example = "password")]
    login_method: Option<String>,
    /// References of the first factors alone (RFC 8176), at most 8; Doorward adds the second. From `login_method`, if absent.
    #[schema(schema_with = first_factors)]
    amr: Option<Vec<String>>,
    /// When the first factor was verified, RFC 3339; now, if absent.
    #[schema(format = DateTime)]
    authenticated_at: Option<String>,
    /// What is known of the person's second factor; `available`, if absent.
    second_factor: Option<SecondFactorWord>,
    /// The second factor, with `second_factor: "done"` alone.
    #[schema(value_type = Option<Mfa>)]
    mfa: Option<Object<Mfa>>,
    /// Always ask for the second factor here.
    #[serde(default)]
    #[schema(required = false)]
    require_mfa: bool,
}

/// A session to be opened without evaluation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// The host's own id of the person.
    #[schema(min_length = 1, max_length = 255, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$", example = "user-1")]
    user_id: String,
    /// The person's address, as the host sees it.
    #[schema(schema_with = address)]
    ip: String,
    /// The person's user agent, as it came.
    #[schema(max_length = 8192, example = "curl/8.5.0")]
    user_agent: String,
    /// The device token, or the raw value of the cookie that holds several.
    #[schema(max_length = 4096)]
    device_token: Option<String>,
    /// How the person signed in: 1 to 64 characters. `password`, if absent.
    #[schema(min_length = 1, max_length = 64, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    login_method: Option<String>,
    /// References of the first factors alone (RFC 8176), at most 8.
    #[schema(schema_with = first_factors)]
    amr: Option<Vec<String>>,
    /// The second factor, where one was verified.
    #[schema(value_type = Option<Mfa>)]
    mfa: Option<Object<Mfa>>,
    /// When the first factor was verified, RFC 3339; now, if absent.
    #[schema(format = DateTime)]
    authenticated_at: Option<String>,
    /// The host's own name for the session: 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    external_session_id: Option<String>,
}

/// What the host says when it is done.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Finish {
    /// The second factor, where one was verified since the sign-in began.
    #[schema(value_type = Option<Mfa>)]
    mfa: Option<Object<Mfa>>,
    /// The checkbox beside the code: trust the device in the same transaction.
    #[serde(default)]
    #[schema(required = false)]
    trust_device: bool,
    /// Whether trust may be given in this session at all; `true`, if absent.
    #[schema(default = true)]
    offer_trust: Option<bool>,
    /// A name of the person's own for the device: 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    device_name: Option<String>,
    /// What the host keeps with the device: an object of at most 4,096 bytes. Replaces what was there.
    #[schema(value_type = Option<Object>)]
    device_metadata: Option<Map<String, Value>>,
    /// The host's own name for the session: 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    external_session_id: Option<String>,
}

/// What the description says of `fingerprint`, which is one of two.
fn attributes_or_text() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
    let of_type = |of| ObjectBuilder::new().schema_type(of);
    let text = of_type(Type::String).min_length(Some(1)).max_length(Some(512)).pattern(Some(NO_CONTROLS));
    let name = of_type(Type::String).min_length(Some(1)).max_length(Some(64)).pattern(Some(NO_CONTROLS));
    let attributes = of_type(Type::Object).property_names(Some(name));
    let either = OneOfBuilder::new().item(attributes).item(text).item(of_type(Type::Null));
    either.description(Some("What else is known of the device: an object of at most 64 attributes, each with a name of 1 to 64 characters and compared by itself (`null` marks one that differs from read to read), or an opaque string of 1 to 512 characters.")).into()
}

/// What a text looks like that holds no control characters.
const NO_CONTROLS: &str = r"^[^\x00-\x1f\x7f-\x9f]*$";

/// What the description says of an address, which is of one of two families.
fn address() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, Type};
    let family = |format| ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(format)));
    let either = OneOfBuilder::new().item(family(KnownFormat::Ipv4)).item(family(KnownFormat::Ipv6));
    either.description(Some("The person's address, as the host sees it.")).examples(["203.0.113.7"]).into()
}

/// What the description says of `amr`.
fn first_factors() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
    let reference = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^(?!mfa$)[A-Za-z0-9_.:-]{1,32}$"));
    let list = ArrayBuilder::new().schema_type(SchemaType::from_iter([Type::Array, Type::Null])).items(reference).max_items(Some(8));
    let text = "References of the first factors alone (RFC 8176), at most 8; Doorward adds the second. From `login_method`, if absent.";
    list.description(Some(text)).examples([serde_json::json!(["pwd"])]).into()
}

/// What the description says of `client_hints`.
fn headers() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, SchemaType, Type};
    let value = ObjectBuilder::new().schema_type(Type::String).max_length(Some(1_024)).build();
    let any = AdditionalProperties::RefOr(utoipa::openapi::RefOr::T(value.into()));
    let map = ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::Object, Type::Null])).additional_properties(Some(any)).max_properties(Some(32));
    map.description(Some("`Sec-CH-UA…` headers by name, as they came; at most 32.")).into()
}

/// What is known of the person's second factor.
#[derive(Deserialize, ToSchema, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum SecondFactorWord {
    /// The person has one, and it wasn't asked for yet.
    Available,
    /// The person has none.
    None,
    /// It was verified already.
    Done,
}

/// What an app says of itself; each at most 128 characters.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AppInfo {
    /// `desktop`, `mobile`, `tablet`, `tv` or `app`.
    #[schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    r#type: Option<String>,
    #[schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    model: Option<String>,
    #[schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    platform: Option<String>,
    #[schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    platform_version: Option<String>,
    #[schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    app: Option<String>,
    #[schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    app_version: Option<String>,
}

/// Faults, collected so that an answer names all of them.
struct Faults(Vec<FieldError>);

impl Faults {
    fn add(&mut self, field: &str, code: FieldFault, description: &str) {
        self.0.push(FieldError::new(field, code, description));
    }

    fn user(&mut self, text: &str) -> Option<UserId> {
        let user = UserId::new(text);
        if user.is_none() {
            self.0.push(user_fault(text));
        }
        user
    }

    fn ip(&mut self, text: &str) -> Option<IpAddr> {
        let ip = text.parse().ok();
        if ip.is_none() {
            self.add("ip", FieldFault::Format, "must be an IPv4 or IPv6 address");
        }
        ip
    }

    /// A text of so many characters at most, at least one, without control characters.
    fn text(&mut self, field: &str, text: &str, longest: usize) {
        if !(1..=longest).contains(&text.chars().count()) {
            self.add(field, FieldFault::Range, &format!("must be 1 to {longest} characters long"));
        } else if text.chars().any(char::is_control) {
            self.add(field, FieldFault::Format, "must hold no control characters");
        }
    }

    fn bytes(&mut self, field: &str, text: &str, longest: usize) {
        if text.len() > longest {
            self.add(field, FieldFault::Range, &format!("must be at most {longest} bytes long"));
        }
    }

    fn amr(&mut self, amr: Option<Vec<String>>, login_method: &str) -> Vec<String> {
        let Some(amr) = amr else { return if login_method == PASSWORD { vec!["pwd".to_owned()] } else { vec![] } };
        let plain = |word: &String| (1..=32).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-:".contains(&b));
        if amr.len() > 8 || !amr.iter().all(plain) {
            self.add("amr", FieldFault::Format, "must be at most 8 references of 1 to 32 letters, digits and _ . - :");
        } else if amr.iter().any(|word| word == "mfa") {
            self.add("amr", FieldFault::Conflict, "names first factors alone; state the second in mfa");
        }
        amr
    }

    fn hints(&mut self, hints: Option<Map<String, Value>>) -> Vec<(String, String)> {
        let hints = hints.unwrap_or_default();
        if hints.len() > 32 {
            self.add("client_hints", FieldFault::Range, "must hold at most 32 headers");
            return vec![];
        }
        let mut read = Vec::with_capacity(hints.len());
        for (name, value) in hints {
            match value {
                Value::String(value) if value.len() <= 1_024 => read.push((name, value)),
                _ => self.add("client_hints", FieldFault::Format, "must hold texts of at most 1024 bytes by header name"),
            }
        }
        read
    }

    fn info(&mut self, info: Option<AppInfo>) -> Option<DeviceInfo> {
        let AppInfo { r#type, model, platform, platform_version, app, app_version } = info?;
        let given = [
            ("type", &r#type),
            ("model", &model),
            ("platform", &platform),
            ("platform_version", &platform_version),
            ("app", &app),
            ("app_version", &app_version),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                self.text(&format!("device_info.{name}"), value, 128);
            }
        }
        Some(DeviceInfo { kind: r#type, model, platform, platform_version, browser: None, app, app_version })
    }

    /// Attributes by name, each as canonical text: the order of keys makes no other device. `null` marks one that differs from
    /// read to read. A text is one without a name.
    fn attributes(&mut self, fingerprint: Option<Value>) -> Vec<(String, Option<String>)> {
        match fingerprint {
            None => vec![],
            Some(Value::String(text)) => {
                self.text("fingerprint", &text, 512);
                vec![(String::new(), Some(text))]
            }
            Some(Value::Object(attributes)) => {
                let canonical = |(name, value): (String, Value)| (name, (!value.is_null()).then(|| value.to_string()));
                let mut attributes: Vec<_> = attributes.into_iter().map(canonical).collect();
                attributes.sort_unstable();
                let length: usize = attributes.iter().map(|(name, value)| name.len() + value.as_ref().map_or(4, String::len)).sum();
                if attributes.len() > 64 || length > 8_192 {
                    self.add("fingerprint", FieldFault::Range, "must hold at most 64 attributes in 8192 bytes");
                }
                if !attributes.iter().all(|(name, _)| is_plain_text(name, 64)) {
                    self.add("fingerprint", FieldFault::Format, "must name each attribute in 1 to 64 characters, none of them a control character");
                }
                attributes
            }
            Some(_) => {
                self.add("fingerprint", FieldFault::Format, "must be an object of attributes, or a text");
                vec![]
            }
        }
    }

    fn finish<T>(self, read: Option<T>) -> Result<T, Problem> {
        match read {
            Some(read) if self.0.is_empty() => Ok(read),
            _ => Err(Problem::invalid(self.0)),
        }
    }
}

const PASSWORD: &str = "password";

impl Attempt {
    pub(super) fn read(self) -> Result<SignInRequest, Problem> {
        let mut faults = Faults(vec![]);
        let user = faults.user(&self.user_id);
        let ip = faults.ip(&self.ip);
        faults.bytes("user_agent", &self.user_agent, 8_192);
        if let Some(token) = &self.device_token {
            faults.bytes("device_token", token, 4_096);
        }
        let login_method = self.login_method.unwrap_or_else(|| PASSWORD.to_owned());
        faults.text("login_method", &login_method, 64);
        let second_factor = self.second_factor.unwrap_or(SecondFactorWord::Available);
        match (second_factor, &self.mfa) {
            (SecondFactorWord::Done, None) => faults.add("mfa", FieldFault::Required, "is required with second_factor done"),
            (SecondFactorWord::Available | SecondFactorWord::None, Some(_)) => {
                faults.add("mfa", FieldFault::Conflict, "goes with second_factor done alone; state it at completion");
            }
            _ => {}
        }
        if second_factor == SecondFactorWord::None && self.require_mfa {
            faults.add("require_mfa", FieldFault::Conflict, "can't be met by a person without a second factor");
        }
        let amr = faults.amr(self.amr, &login_method);
        let client_hints = faults.hints(self.client_hints);
        let device_info = faults.info(self.device_info.map(|Object(info)| info));
        let attributes = faults.attributes(self.fingerprint);
        let authenticated_at = crate::wire::time("authenticated_at", self.authenticated_at.as_deref(), &mut faults.0);
        let mfa = self.mfa.map(|Object(mfa)| mfa.read(&mut faults.0));
        let second_factor = match second_factor {
            SecondFactorWord::Available => SecondFactor::Available,
            SecondFactorWord::None => SecondFactor::None,
            SecondFactorWord::Done => SecondFactor::Done,
        };
        let user_agent = self.user_agent;
        faults.finish(user.zip(ip).map(|(user, ip)| SignInRequest {
            user,
            looks: Looks { ip, user_agent, client_hints, device_info, attributes },
            device_token: self.device_token,
            login_method,
            amr,
            authenticated_at,
            second_factor,
            mfa,
            require_mfa: self.require_mfa,
        }))
    }
}

impl Entry {
    /// The attempt, and the host's name for the session. The host answers for the second factor itself.
    pub(super) fn read(self) -> Result<(SignInRequest, Option<String>), Problem> {
        let mut faults = Faults(vec![]);
        if let Some(external) = &self.external_session_id {
            faults.text("external_session_id", external, 255);
        }
        let attempt = Attempt {
            user_id: self.user_id,
            ip: self.ip,
            user_agent: self.user_agent,
            client_hints: None,
            device_info: None,
            fingerprint: None,
            device_token: self.device_token,
            login_method: self.login_method,
            amr: self.amr,
            authenticated_at: self.authenticated_at,
            second_factor: Some(if self.mfa.is_some() { SecondFactorWord::Done } else { SecondFactorWord::None }),
            mfa: self.mfa,
            require_mfa: false,
        };
        match (attempt.read(), faults.0.is_empty()) {
            (Ok(request), true) => Ok((request, self.external_session_id)),
            (Ok(_), false) => Err(Problem::invalid(faults.0)),
            (Err(mut problem), _) => {
                problem.errors.extend(faults.0);
                Err(Problem::invalid(problem.errors))
            }
        }
    }
}

impl Finish {
    pub(super) fn read(self) -> Result<Completion, Problem> {
        let mut faults = Faults(vec![]);
        if let Some(external) = &self.external_session_id {
            faults.text("external_session_id", external, 255);
        }
        if let Some(name) = &self.device_name
            && let Err(fault) = device_name("device_name", name)
        {
            faults.0.push(fault);
        }
        if self.device_metadata.as_ref().is_some_and(|metadata| Value::Object(metadata.clone()).to_string().len() > 4_096) {
            faults.add("device_metadata", FieldFault::Range, "must be at most 4096 bytes of JSON");
        }
        let refuse_trust = self.offer_trust == Some(false);
        if refuse_trust && self.trust_device {
            faults.add("trust_device", FieldFault::Conflict, "contradicts offer_trust false");
        }
        let mfa = self.mfa.map(|Object(mfa)| mfa.read(&mut faults.0));
        faults.finish(Some(Completion {
            mfa,
            trust_device: self.trust_device,
            refuse_trust,
            device_name: self.device_name,
            device_metadata: self.device_metadata,
            external_session_id: self.external_session_id,
        }))
    }
}
