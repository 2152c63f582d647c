//! Doorward's codes in words for people. A code that this host doesn't know is shown as it is.

/// Why the code was asked for, skipped, or the sign-in refused.
pub(crate) fn reason(code: &str) -> &str {
    match code {
        "trusted_device" => "this device is trusted",
        "no_second_factor" => "this person has no second factor",
        "mfa_already_verified" => "a second factor was already verified",
        "mfa_required_by_host" => "this host asked for it",
        "unknown_device" => "this device is new",
        "device_not_trusted" => "this device is known but not trusted",
        "trust_expired" => "the trust in this device has run out",
        "trust_ended" => "the trust in this device was ended",
        "device_token_missing" => "the browser showed no device token for this person",
        "device_token_invalid" => "the device token is not one of this person's",
        "device_token_superseded" => "the device token was replaced by a newer one",
        "device_token_reused" => "an old device token came back after its successor",
        "fingerprint_changed" => "the token fits, but the browser is another one",
        "network_changed" => "the token fits, but the network is another one",
        "device_hijacked" => "this device was reported",
        "account_disabled" => "the account is disabled",
        "policy_requires_mfa" => "the policy asks for the code each time",
        other => other,
    }
}

/// Why a session is over, as the end of "This session has ended: …".
pub(crate) fn ended(code: &str) -> String {
    let known = match code {
        "signed_out" | "sign_out" | "user_signed_out" | "logout" => "you signed out",
        "revoked" | "user_revoked" | "ended_by_user" | "session_ended" => "it was signed out from another page",
        "sign_out_everywhere" | "signed_out_everywhere" | "all_ended" | "everywhere" => "you signed out everywhere",
        "idle" | "idle_timeout" | "idle_expired" | "inactive" => "it was not used for too long",
        "expired" | "absolute" | "absolute_timeout" | "absolute_expired" => "it reached its longest time",
        "device_hijacked" | "hijacked" | "blocked" | "device_blocked" => "its device was reported as not yours",
        "device_forgotten" | "forgotten" | "device_removed" => "its device was removed",
        "device_untrusted" | "untrusted" | "trust_ended" => "its device is no longer trusted, and it had skipped the code",
        "device_signed_out" | "device_signout" => "everything on its device was signed out",
        "stepped_up" | "token_replaced" | "superseded" => "it was replaced by a newer one",
        "password_changed" | "password_reset" => "the password was changed",
        "session_cap" | "evicted" | "too_many_sessions" => "there were too many sessions",
        _ => "",
    };
    if known.is_empty() { code.replace('_', " ") } else { known.to_owned() }
}

/// Why trust is over, as the end of "Trust ended 20 Nov: …".
pub(crate) fn trust_ended(code: &str) -> String {
    let known = match code {
        "untrusted" | "user" | "person" | "user_untrusted" | "device_untrusted" | "ended_by_user" => "you stopped trusting it",
        "expired" | "trust_expired" => "its time ran out",
        "hijacked" | "device_hijacked" => "it was reported as not yours",
        "sign_out_everywhere" | "signed_out_everywhere" | "everywhere" | "sessions_ended" => "you signed out everywhere",
        "password_changed" | "password_reset" => "the password was changed",
        "device_token_reused" | "token_reused" => "an old copy of its token was used",
        _ => "",
    };
    if known.is_empty() { code.replace('_', " ") } else { known.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_codes_are_shown_rather_than_hidden() {
        assert_eq!(reason("brand_new"), "brand_new");
        assert_eq!(ended("solar_flare"), "solar flare");
        assert_eq!(trust_ended("solar_flare"), "solar flare");
        assert_eq!(ended("idle"), "it was not used for too long");
    }
}
