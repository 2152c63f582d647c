//! What a native app says of itself, as its host passes it on.

use serde::{Deserialize, Serialize};

/// What a native app says of the device that it runs on, and of itself.
///
/// It is stronger than the user agent string, since an app's string is often only that of its
/// HTTP library. Every part is free text of the caller; what [`crate::Description`] takes from it
/// is bounded and cleaned there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceInfo {
    /// What sort of device: `desktop`, `mobile`, `tablet`, `tv` … (`type` on the wire). Words that
    /// aren't known are passed over.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The device model: `Pixel 8`, `iPhone15,2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The platform: `iOS`, `Android`, `Windows` …, in any case of letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// The platform's version: `18.1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_version: Option<String>,
    /// The browser's name, where a host says it and has no user agent to pass on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
    /// The app's name, as people know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// The app's version: `3.2.1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_version: Option<String>,
}

impl DeviceInfo {
    /// How many bytes of text it holds.
    pub(crate) fn size(&self) -> usize {
        self.parts().into_iter().flatten().map(String::len).sum()
    }

    fn parts(&self) -> [Option<&String>; 7] {
        [
            self.kind.as_ref(),
            self.model.as_ref(),
            self.platform.as_ref(),
            self.platform_version.as_ref(),
            self.browser.as_ref(),
            self.app.as_ref(),
            self.app_version.as_ref(),
        ]
    }
}
