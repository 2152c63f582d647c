//! Worked examples of this API's answers, for its description.

use serde_json::{Value, json};

fn device() -> Value {
    json!({
        "id": "019aa0b2-3c4d-7e5f-8a6b-7c8d9e0f1a2b",
        "deviceName": "Chrome on Windows",
        "deviceType": "DESKTOP",
        "os": "Windows",
        "browser": "Chrome",
        "ipAddress": "203.0.113.7",
        "country": "AT",
        "city": "Vienna",
        "isTrusted": true,
        "trustLevel": "MEDIUM",
        "lastSeen": "2019-08-24T15:45:00Z",
        "createdAt": "2019-08-24T14:15:22Z",
        "trustExpiresAt": "2019-09-23T14:15:22Z",
    })
}

fn session() -> Value {
    json!({
        "id": "019aa0b2-3c4d-7e5f-9b7c-8d9e0f1a2b3c",
        "deviceName": "Chrome on Windows",
        "ipAddress": "203.0.113.7",
        "location": "Vienna, AT",
        "startedAt": "2019-08-24T14:15:22Z",
        "lastActivity": "2019-08-24T15:45:00Z",
        "expiresAt": "2019-08-31T15:45:00Z",
        "loginMethod": "password",
    })
}

/// An answer with its main value, which stands under two names.
fn with(name: &str, value: &Value) -> Value {
    json!({ "success": true, name: value, "data": value })
}

pub(super) fn devices() -> Value {
    with("devices", &json!([device()]))
}

pub(super) fn one_device() -> Value {
    let mut detail = device();
    detail["userAgent"] = json!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0 Safari/537.36");
    detail["deviceFingerprint"] = json!("7d0c5a1e9b3f42688a6b7c8d9e0f1a2b");
    detail["sessions"] = json!([session()]);
    with("device", &detail)
}

pub(super) fn sessions() -> Value {
    with("sessions", &json!([session()]))
}

pub(super) fn heartbeat() -> Value {
    let end = "2019-08-31T15:45:00Z";
    json!({ "success": true, "message": "Session updated successfully", "newExpiry": end, "data": end })
}
