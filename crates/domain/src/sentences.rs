//! Sentences for people: why a sign-in was decided as it was, and why something ended, in each language.

use crate::codes::closed_set;
use crate::{Cause, Reason};

closed_set! {
    /// A language that people are told things in.
    pub enum Language {
        /// English, which everybody gets who asks for none that is here.
        English = 1 "en",
        /// Spanish.
        Spanish = 2 "es",
    }
}

impl Language {
    fn of(self, english: &'static str, spanish: &'static str) -> &'static str {
        match self {
            Self::English => english,
            Self::Spanish => spanish,
        }
    }
}

impl Reason {
    /// The reason as a sentence for the person.
    #[must_use]
    pub fn sentence(self, language: Language) -> &'static str {
        let (english, spanish) = match self {
            Self::TrustedDevice => {
                ("This device is trusted, so the code was not asked for.", "Este dispositivo es de confianza, por eso no se pidió el código.")
            }
            Self::NoSecondFactor => ("No second factor is set up for this account.", "Esta cuenta no tiene configurado un segundo factor."),
            Self::MfaAlreadyVerified => ("The second factor was verified already.", "El segundo factor ya se había verificado."),
            Self::MfaRequiredByHost => ("This step always asks for the second factor.", "Este paso siempre pide el segundo factor."),
            Self::UnknownDevice => ("This device has not signed in to this account before.", "Este dispositivo no había iniciado sesión antes en esta cuenta."),
            Self::DeviceNotTrusted => ("This device is known, but it is not trusted.", "Este dispositivo es conocido, pero no es de confianza."),
            Self::TrustExpired => {
                ("The time for which this device was trusted is over.", "El tiempo durante el que este dispositivo era de confianza ha terminado.")
            }
            Self::TrustEnded => ("This device is no longer trusted.", "Este dispositivo ya no es de confianza."),
            Self::DeviceTokenMissing => ("The browser or app did not identify itself.", "El navegador o la aplicación no se identificó."),
            Self::DeviceTokenInvalid => (
                "The browser or app identified itself with something that is not valid.",
                "El navegador o la aplicación se identificó con algo que no es válido.",
            ),
            Self::DeviceTokenSuperseded => (
                "The browser or app identified itself with a value that has since been replaced.",
                "El navegador o la aplicación se identificó con un valor que ya ha sido reemplazado.",
            ),
            Self::DeviceTokenReused => (
                "A copy of this device's identity was used elsewhere, so its trust was ended.",
                "Se usó en otro lugar una copia de la identidad de este dispositivo, por eso dejó de ser de confianza.",
            ),
            Self::FingerprintChanged => ("This device looks different from before.", "Este dispositivo tiene un aspecto distinto al de antes."),
            Self::NetworkChanged => ("This device is on a different network from before.", "Este dispositivo está en una red distinta a la de antes."),
            Self::DeviceHijacked => ("This device was reported as not being yours.", "Se informó de que este dispositivo no es suyo."),
            Self::AccountDisabled => ("This account is disabled.", "Esta cuenta está desactivada."),
            Self::PolicyRequiresMfa => ("The rules of this service ask for a second factor.", "Las reglas de este servicio piden un segundo factor."),
            Self::NewCountry => (
                "No earlier sign-in to this account is known to come from this country.",
                "No consta ningún inicio de sesión anterior en esta cuenta desde este país.",
            ),
            Self::ImpossibleTravel => (
                "There was a sign-in from a place too far away for the time between the two.",
                "Hubo un inicio de sesión desde un lugar demasiado lejano para el tiempo entre ambos.",
            ),
        };
        language.of(english, spanish)
    }
}

impl Cause {
    /// The cause as a sentence for the person.
    #[must_use]
    pub fn sentence(self, language: Language) -> &'static str {
        let (english, spanish) = match self {
            Self::SignedOut => ("You signed out.", "Cerró la sesión."),
            Self::Revoked => ("The session was ended from elsewhere.", "La sesión se cerró desde otro lugar."),
            Self::SignedOutEverywhere => ("All sessions were signed out.", "Se cerraron todas las sesiones."),
            Self::DeviceSignedOut => ("All sessions on the device were ended.", "Se cerraron todas las sesiones del dispositivo."),
            Self::DeviceForgotten => ("The device was removed.", "El dispositivo se eliminó."),
            Self::DeviceHijacked => ("The device was reported as not being yours.", "Se informó de que el dispositivo no es suyo."),
            Self::DeviceUntrusted => ("The device was taken off the trusted ones.", "El dispositivo se quitó de los de confianza."),
            Self::DeviceLimit => ("The account has as many devices as are allowed.", "La cuenta tiene tantos dispositivos como se permiten."),
            Self::SessionLimit => ("The account has as many sessions as are allowed.", "La cuenta tiene tantas sesiones como se permiten."),
            Self::Expired => ("Its time was over.", "Su tiempo terminó."),
            Self::Idle => ("It was not used for too long.", "No se usó durante demasiado tiempo."),
            Self::DeviceTokenReused => {
                ("A copy of the device's identity was used elsewhere.", "Se usó en otro lugar una copia de la identidad del dispositivo.")
            }
            Self::PolicyChanged => ("The rules of this service became stricter.", "Las reglas de este servicio son ahora más estrictas."),
            Self::ServerKeyRetired => ("The service changed its keys.", "El servicio cambió sus claves."),
            Self::TenantFenced => {
                ("The service signed everyone out as a precaution.", "El servicio cerró todas las sesiones de todos como medida de precaución.")
            }
            Self::PasswordChanged => ("The password was changed.", "La contraseña se cambió."),
            Self::PasswordReset => ("The password was reset.", "La contraseña se restableció."),
            Self::CredentialCompromised => {
                ("Somebody else may know a password or key of the account.", "Otra persona puede conocer una contraseña o clave de la cuenta.")
            }
            Self::RecoveryUsed => ("The account was recovered.", "La cuenta se recuperó."),
            Self::MfaEnrolled => ("A second factor was added.", "Se añadió un segundo factor."),
            Self::PasskeyAdded => ("A passkey was added.", "Se añadió una llave de acceso."),
            Self::RecoveryCodesRegenerated => ("New recovery codes were made.", "Se generaron nuevos códigos de recuperación."),
            Self::MfaRemoved => ("A second factor was removed.", "Se quitó un segundo factor."),
            Self::MfaDisabled => ("The second factor was switched off.", "El segundo factor se desactivó."),
            Self::PasskeyRemoved => ("A passkey was removed.", "Se quitó una llave de acceso."),
            Self::MfaReset => ("The second factors were reset.", "Los segundos factores se restablecieron."),
            Self::EmailChanged => ("The mail address was changed.", "La dirección de correo se cambió."),
            Self::PhoneChanged => ("The phone number was changed.", "El número de teléfono se cambió."),
            Self::LoginLinked => ("Another way to sign in was linked.", "Se vinculó otra forma de iniciar sesión."),
            Self::LoginUnlinked => ("A way to sign in was unlinked.", "Se desvinculó una forma de iniciar sesión."),
            Self::RoleElevated => ("The account got more rights.", "La cuenta recibió más permisos."),
            Self::AccountDisabled => ("The account was disabled.", "La cuenta se desactivó."),
            Self::AccountEnabled => ("The account was enabled again.", "La cuenta se activó de nuevo."),
            Self::AccountDeleted => ("The account was deleted.", "La cuenta se eliminó."),
        };
        language.of(english, spanish)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_and_cause_has_a_sentence_of_its_own_in_each_language() {
        let reasons = Reason::ALL.iter().flat_map(|reason| Language::ALL.iter().map(|language| reason.sentence(*language)));
        let causes = Cause::ALL.iter().flat_map(|cause| Language::ALL.iter().map(|language| cause.sentence(*language)));
        let told: Vec<&str> = reasons.chain(causes).collect();
        for sentence in &told {
            assert!(sentence.ends_with('.') && sentence.len() > 10 && sentence.chars().next().is_some_and(char::is_uppercase), "{sentence}");
        }
        assert_eq!(told.iter().collect::<BTreeSet<_>>().len(), told.len());
    }
}
