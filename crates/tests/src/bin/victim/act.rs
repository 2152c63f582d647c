//! One act of the sign-in flow, named on the command line.

use std::sync::Arc;

use doorward_domain::{
    AccessToken, Account, ActivationToken, Cause, DeviceToken, Factor, MfaMethod, Moment, Opened, Refusal, SignInId, token::Locator, token::Token,
};
use doorward_store::{Need, Store};
use doorward_tests::once::{asked, opened_once};
use doorward_tests::{Person, after, attempt, is_in, with_code};

fn token<L: Locator>(text: &str) -> Token<L> {
    Token::parse(text).expect("a token")
}

fn told(opened: &Opened) -> String {
    let device = opened.device_token.as_ref().map_or_else(|| "-".to_owned(), DeviceToken::reveal);
    let activation = opened.activation.as_ref().map_or_else(|| "-".to_owned(), ActivationToken::reveal);
    format!("{} {device} {activation}", opened.access_token.reveal())
}

/// Does it, and says what came of it: `done …`, or `refused …`.
pub(crate) async fn run(store: &Arc<dyn Store>, second: u32, command: &[&str]) -> String {
    let now = after(second);
    let outcome = match command {
        ["begin"] => {
            Person::new(store, "acme", "ana").await;
            Ok(String::new())
        }
        ["evaluate", cookie] => {
            let ana = Person::known(store, "acme", "ana");
            let judged = ana.evaluate(now, attempt(now), Some(*cookie).filter(|cookie| *cookie != "-")).await;
            judged.map(|sign_in| format!("{} {}", sign_in.id, sign_in.judgement.decision))
        }
        ["complete", id, code] => {
            let id: SignInId = id.parse().expect("an id");
            let completion = if *code == "code" { with_code() } else { doorward_domain::Completion::default() };
            Person::known(store, "acme", "ana").complete(now, id, completion).await.map(|opened| told(&opened))
        }
        ["once", key] => {
            let asked = asked(key.parse().expect("a number"), 0);
            opened_once(&Person::known(store, "acme", "ana"), now, &asked).await.map(|(done, session)| format!("{done} {session}"))
        }
        ["verify", text] => Ok(is_in(store, &token(text), now).await.to_string()),
        ["touch", text] => {
            let access: AccessToken = token(text);
            Ok(store.touch(access.at, now, 0).await.expect("the store answers").is_some().to_string())
        }
        ["activate", text] => {
            let used: ActivationToken = token(text);
            act(store, second, move |account, moment| account.activate(moment, &used, None, None).map(|activated| activated.device_token.reveal())).await
        }
        ["decline", text] => {
            let used: ActivationToken = token(text);
            act(store, second, move |account, moment| account.decline(moment, &used, None).map(|_| String::new())).await
        }
        ["step-up", text] => {
            let access: AccessToken = token(text);
            let factor = Factor { method: MfaMethod::Totp, verified_at: now };
            act(store, second, move |account, moment| account.step_up(moment, access.at.id, factor).map(|stepped| stepped.access_token.reveal())).await
        }
        ["end", text] => {
            let access: AccessToken = token(text);
            act(store, second, move |account, moment| account.end_session(moment, access.at.id, Cause::SignedOut).map(|()| String::new())).await
        }
        ["untrust", text] => {
            let device: DeviceToken = token(text);
            act(store, second, move |account, moment| account.untrust(moment, device.at.id, None, false).map(|()| String::new())).await
        }
        ["hijack", text] => {
            let device: DeviceToken = token(text);
            act(store, second, move |account, moment| account.hijack(moment, device.at.id).map(|_| String::new())).await
        }
        _ => panic!("{command:?} is no command"),
    };
    match outcome {
        Ok(text) => format!("done {text}"),
        Err(refusal) => format!("refused {refusal:?}"),
    }
}

async fn act(
    store: &Arc<dyn Store>,
    second: u32,
    rule: impl Fn(&mut Account, &mut Moment<'_>) -> Result<String, Refusal> + Send + Sync + 'static,
) -> Result<String, Refusal> {
    Person::known(store, "acme", "ana").act_needing(Need::standing(after(second)), after(second), rule).await
}
