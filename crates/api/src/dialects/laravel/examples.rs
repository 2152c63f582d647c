//! Worked examples of this API's answers, for its description: the document's own device.

use serde_json::{Value, json};

fn device() -> Value {
    json!({
        "uuid": "019aa0b2-3c4d-7e5f-8a6b-7c8d9e0f1a2b",
        "status": "verified",
        "verified_at": "2024-10-27T14:30:00Z",
        "browser": {
            "name": "Chrome",
            "version": { "major": "118", "minor": "0", "patch": "0", "label": "118.0" },
            "family": "Chrome",
            "engine": "Blink",
            "type": "browser",
            "label": "Chrome",
        },
        "platform": { "name": "Windows", "version": { "major": "", "minor": "", "patch": "", "label": "" }, "family": "Windows", "label": "Windows" },
        "device": { "family": "Desktop", "model": "PC", "type": "desktop" },
        "is_current": true,
        "source": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/118.0.0.0 Safari/537.36",
        "ip_address": "192.168.1.1",
        "metadata": {},
    })
}

pub(super) fn devices() -> Value {
    json!({ "data": [device()] })
}

pub(super) fn one_device() -> Value {
    let mut detail = device();
    detail["sessions"] = json!([{
        "uuid": "019aa0b2-3c4d-7e5f-9b7c-8d9e0f1a2b3c",
        "status": "active",
        "started_at": "2024-10-27T14:30:00Z",
        "last_activity_at": "2024-10-27T15:45:00Z",
    }]);
    json!({ "data": detail })
}
