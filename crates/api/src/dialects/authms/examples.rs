//! Worked examples of this API's bodies, for its description.

use serde_json::{Value, json};

const AT: &str = "2026-05-28T20:26:40.123456Z";

pub(super) fn posted() -> Value {
    json!({
        "user_id": "user-1",
        "device_fingerprint": "fp-7f3a",
        "browser": "Chrome",
        "device_type": "desktop",
        "ip": "203.0.113.7",
        "os": "Windows",
        "device_name": "Ana's laptop",
    })
}

pub(super) fn device() -> Value {
    let mut device = posted();
    device["id"] = json!("019aa0b2-3c4d-7e5f-8a6b-7c8d9e0f1a2b");
    device["tenant_id"] = json!("acme");
    device["created_at"] = json!(AT);
    device["trusted_until"] = json!("2026-06-04T20:26:40.123456Z");
    device
}

pub(super) fn devices() -> Value {
    json!({
        "code": 0,
        "message": "success",
        "timestamp": AT,
        "items": [device()],
        "total": 1,
        "pagination": { "page": 1, "page_size": 20, "total": 1, "total_pages": 1, "has_next": false, "has_prev": false },
    })
}

pub(super) fn done() -> Value {
    json!({ "code": 0, "message": "success", "timestamp": AT })
}
