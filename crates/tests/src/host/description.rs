//! Holds answers to the OpenAPI description: each status is described, and each body is exactly as described.

use std::sync::LazyLock;

use doorward_api::{Description, Dialect, Dialects};
use serde_json::{Map, Value};

/// Members that are left out where there is nothing to say; every other described member is always there.
const SPARSE: [&str; 5] = ["device_token", "activation", "more", "retry_after", "value"];

/// The same in the flashback dialect.
const SPARSE_IN_FLASHBACK: [&str; 6] = ["ipAddress", "country", "city", "location", "trustExpiresAt", "deviceFingerprint"];

/// The same in the answers to operations whose ids begin so.
const SPARSE_AT: [(&str, &str); 2] = [("report_security_event", "access_token"), ("laravel_", "reason")];

/// Paths that also work with a slash at their end, which the description doesn't repeat.
const SLASHED: [&str; 2] = ["/api/v1/devices/", "/api/v1/sessions/"];

/// The whole description.
#[must_use]
pub fn description() -> &'static Value {
    static DESCRIPTION: LazyLock<Value> =
        LazyLock::new(|| serde_json::from_str(&Description::whole(Dialects::default()).json()).expect("the description is JSON"));
    &DESCRIPTION
}

/// One operation of the description.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// Its id.
    pub id: &'static str,
    /// Its method, in capitals.
    pub method: &'static str,
    /// Its path, with names of parameters in braces.
    pub path: &'static str,
    /// All that is said of it.
    pub said: &'static Value,
}

/// Every operation, in the order of their paths.
///
/// # Panics
/// If the description lacks what each operation has.
#[must_use]
pub fn operations() -> Vec<Operation> {
    let paths = description()["paths"].as_object().expect("paths");
    let methods = [("get", "GET"), ("post", "POST"), ("put", "PUT"), ("patch", "PATCH"), ("delete", "DELETE")];
    let of_path = |(path, item): (&'static String, &'static Value)| {
        methods.into_iter().filter_map(move |(key, method)| {
            let said = item.get(key)?;
            Some(Operation { id: said["operationId"].as_str().expect("an id"), method, path, said })
        })
    };
    paths.iter().flat_map(of_path).collect()
}

impl Operation {
    /// Whether it is the host's or an operator's, and not a person's.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        let schemes = self.said["security"].as_array().map(Vec::as_slice).unwrap_or_default();
        schemes.iter().any(|scheme| ["api_key", "authms_key"].iter().any(|name| scheme.get(name).is_some()))
    }

    /// The dialect that it is of, if it isn't of the own APIs.
    #[must_use]
    pub fn dialect(&self) -> Option<Dialect> {
        self.said["tags"][0].as_str()?.parse().ok()
    }

    /// Whether it takes a form, as other protocols want it.
    #[must_use]
    pub fn takes_form(&self) -> bool {
        self.said.pointer("/requestBody/content/application~1x-www-form-urlencoded").is_some()
    }

    /// Whether it takes a JSON body.
    #[must_use]
    pub fn takes_body(&self) -> bool {
        self.said.pointer("/requestBody/content/application~1json").is_some()
    }

    /// The names of its query parameters.
    #[must_use]
    pub fn query(&self) -> Vec<&'static str> {
        let parameters = self.said["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        parameters.iter().filter(|parameter| parameter["in"] == "query").filter_map(|parameter| parameter["name"].as_str()).collect()
    }

    fn is_at(&self, path: &str) -> bool {
        let path = SLASHED.iter().find(|slashed| **slashed == path).map_or(path, |slashed| &slashed[..slashed.len() - 1]);
        let (mut described, mut asked) = (self.path.split('/'), path.split('/'));
        loop {
            match (described.next(), asked.next()) {
                (None, None) => return true,
                (Some(name), Some(given)) if name == given || (name.starts_with('{') && !given.is_empty()) => {}
                _ => return false,
            }
        }
    }
}

/// The schema of an operation's body.
///
/// # Panics
/// If it takes none.
#[must_use]
pub fn request_schema(operation: &Operation) -> &'static Value {
    let body = operation.said.pointer("/requestBody/content/application~1json/schema");
    resolve(body.unwrap_or_else(|| panic!("{} takes no body", operation.id)))
}

/// Whether a value of this kind may stand where the schema says, as far as kinds go; words of a list are looked up.
#[must_use]
pub fn accepts(schema: &'static Value, value: &Value) -> bool {
    let schema = resolve(schema);
    if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
        return choices.iter().any(|choice| accepts(choice, value));
    }
    let listed = schema.get("enum").and_then(Value::as_array).is_none_or(|words| words.contains(value));
    let items = value.as_array().is_none_or(|items| items.iter().all(|item| accepts(&schema["items"], item)));
    listed && is_of_type(schema, value) && items
}

/// The operation that a request was for. The path goes without its query.
#[must_use]
pub fn operation_at(method: &str, path: &str) -> Option<Operation> {
    static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(operations);
    let fitting = || OPERATIONS.iter().filter(|operation| operation.is_at(path));
    // A path of fixed words wins over one with parameters, as in the router.
    let at = fitting().min_by_key(|operation| operation.path.matches('{').count())?.path;
    fitting().copied().find(|operation| operation.method == method && operation.path == at)
}

/// What is wrong with an answer to an operation: nothing, if it is as described.
#[must_use]
pub fn faults(operation: &Operation, status: u16, body: &Value) -> Vec<String> {
    let Some(response) = operation.said["responses"].get(status.to_string()) else {
        return vec![format!("{} doesn't say that it may answer {status}", operation.id)];
    };
    let Some(content) = response.get("content").and_then(Value::as_object) else {
        return if body.is_null() { vec![] } else { vec![format!("{} describes no body for {status}", operation.id)] };
    };
    let schema = content.values().next().map_or(&Value::Null, |content| &content["schema"]);
    let mut faults = vec![];
    check(schema, body, &format!("{} {status}", operation.id), &mut faults);
    faults
}

fn resolve(schema: &'static Value) -> &'static Value {
    let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { return schema };
    let name = reference.rsplit('/').next().unwrap_or_default();
    description()["components"]["schemas"].get(name).unwrap_or_else(|| panic!("the description lacks {name}"))
}

fn is_of_type(schema: &Value, value: &Value) -> bool {
    let Some(types) = schema.get("type") else { return true };
    let named = |name: &str| types == name || types.as_array().is_some_and(|types| types.iter().any(|given| given == name));
    kind(value).iter().any(|kind| named(kind))
}

fn check(schema: &'static Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    let schema = resolve(schema);
    if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
        let tries = choices.iter().map(|choice| {
            let mut faults = vec![];
            check(choice, value, at, &mut faults);
            faults
        });
        let tries: Vec<_> = tries.collect();
        if tries.iter().filter(|faults| faults.is_empty()).count() != 1 {
            faults.push(format!("{at} isn't exactly one of {} choices: {tries:?}", choices.len()));
        }
        return;
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array)
        && !words.contains(value)
    {
        faults.push(format!("{at} is {value}, which isn't listed"));
    }
    if !is_of_type(schema, value) {
        faults.push(format!("{at} is {value}, not of type {}", schema["type"]));
    }
    if let (Some(format), Some(text)) = (schema.get("format").and_then(Value::as_str), value.as_str()) {
        let fits = match format {
            "uuid" => text.parse::<uuid::Uuid>().is_ok_and(|id| id.to_string() == text && id.get_version_num() == 7),
            "date-time" => doorward_domain::Timestamp::parse(text).is_some_and(|at| at.to_string() == text),
            other => panic!("what is the format {other}?"),
        };
        if !fits {
            faults.push(format!("{at} is {text}, not of format {format}"));
        }
    }
    match value {
        Value::Object(members) => check_members(schema, members, at, faults),
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                check(&schema["items"], item, &format!("{at}[{number}]"), faults);
            }
        }
        _ => {}
    }
}

fn check_members(schema: &'static Value, members: &Map<String, Value>, at: &str, faults: &mut Vec<String>) {
    let mut described = vec![];
    properties(schema, &mut described);
    if described.is_empty() {
        // An object of the host's own, or details by name.
        return;
    }
    for (name, schema) in &described {
        match members.get(*name) {
            Some(member) => check(schema, member, &format!("{at}.{name}"), faults),
            None if SPARSE.contains(name)
                || SPARSE_IN_FLASHBACK.contains(name)
                || SPARSE_AT.iter().any(|(operation, member)| member == name && at.starts_with(operation)) => {}
            None => faults.push(format!("{at} lacks {name}")),
        }
    }
    let unknown = members.keys().filter(|name| !described.iter().any(|(known, _)| known == name));
    faults.extend(unknown.map(|name| format!("{at} has {name}, which isn't described")));
}

/// The members of an object, with those of the objects that it is made of.
fn properties(schema: &'static Value, found: &mut Vec<(&'static str, &'static Value)>) {
    let schema = resolve(schema);
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        properties(part, found);
    }
    found.extend(schema.get("properties").and_then(Value::as_object).into_iter().flatten().map(|(name, schema)| (name.as_str(), schema)));
}

fn kind(value: &Value) -> &'static [&'static str] {
    match value {
        Value::Null => &["null"],
        Value::Bool(_) => &["boolean"],
        Value::Number(number) if number.is_f64() => &["number"],
        Value::Number(_) => &["integer", "number"],
        Value::String(_) => &["string"],
        Value::Array(_) => &["array"],
        Value::Object(_) => &["object"],
    }
}
