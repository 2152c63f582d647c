//! The steps that settle an offer, give trust by hand, step up, and end things; and what must hold after each.

use super::*;

impl<D: Door> Run<D> {
    pub(super) fn settle(&mut self, number: usize, caller: Option<usize>, activate: bool) {
        let (now, caller) = (self.now, caller.and_then(|caller| self.session(caller)));
        let Some((token, browser)) = pick(&self.offers, number) else { return };
        let of = self.model.offers.iter().find(|offer| offer.id == token.at.id).expect("it was made");
        let (device, session) = (of.device, of.session);
        let open = !of.settled
            && now < of.ends_at
            && now < of.made_at.plus_s(self.model.policy.activation_ttl_s)
            && self.model.is_active(session, now)
            && caller.is_none_or(|caller| caller == session);
        let expected = open && (!activate || self.model.session_gate(session, device, now));
        let used = token.clone();
        let outcome = self.act(
            self.need_session(session),
            rule(move |account, moment| {
                if activate {
                    account.activate(moment, &used, caller, None).map(Answer::Activated)
                } else {
                    account.decline(moment, &used, caller).map(Answer::Device)
                }
            }),
        );
        assert_eq!(outcome.is_ok(), expected, "{outcome:?}");
        match outcome {
            Ok(Answer::Activated(activated)) => {
                self.model.give_trust(device, Some(session), self.model.session(session).factor, now);
                self.model.settle(|offer| offer.device == device);
                self.model.replace_token(device, activated.device_token.reveal());
                self.browsers[browser].keep(activated.device_token.reveal());
            }
            Ok(_) => {
                self.model.settle(|offer| offer.id == token.at.id);
                self.model.device_mut(device).declined_at = Some(now);
            }
            Err(_) => {}
        }
    }

    pub(super) fn trust(&mut self, session: usize, device: usize) {
        let (Some(token), Some(own), Some(device)) = (self.token(Some(session)), self.session(session), self.device(device)) else { return };
        let expected = self.model.is_active(own, self.now) && self.model.session_gate(own, device, self.now);
        let outcome = self.act(
            Need { device: Some(device), ..self.need_session(own) },
            rule(move |account, moment| {
                let caller = account.caller(moment, &token)?.clone();
                account.trust(moment, Voucher::Session(&caller), device).map(Answer::Until)
            }),
        );
        assert_eq!(outcome.is_ok(), expected, "{outcome:?}");
        if outcome.is_ok() {
            let factor = self.model.session(own).factor;
            self.model.give_trust(device, Some(own), factor, self.now);
            assert!(self.model.is_trusted(device, self.now), "whoever is told so is told the truth");
        }
    }

    pub(super) fn trust_as_host(&mut self, device: usize, factor: Factor) {
        let Some(device) = self.device(device) else { return };
        let expected = self.model.gate(None, Some(factor), device, self.now);
        let need = self.need_device(device);
        let outcome = self.act(need, rule(move |account, moment| account.trust_for_host(moment, device, factor).map(|()| Answer::Done)));
        assert_eq!(outcome.is_ok(), expected, "{outcome:?}");
        if outcome.is_ok() {
            self.model.give_trust(device, None, Some(factor), self.now);
        }
    }

    pub(super) fn step_up(&mut self, number: usize, factor: Factor) {
        let Some(own) = self.session(number) else { return };
        let need = self.need_session(own);
        let outcome = self.act(need, rule(move |account, moment| account.step_up(moment, own, factor).map(Answer::Stepped)));
        assert_eq!(outcome.is_ok(), self.model.is_active(own, self.now), "{outcome:?}");
        let Ok(Answer::Stepped(SteppedUp { access_token, activation })) = outcome else { return };
        let now = self.now;
        let session = self.model.session_mut(own);
        session.factor = later(session.factor, Some(factor));
        session.skipped = false;
        session.last_activity_at = session.last_activity_at.max(now);
        let device = session.device;
        self.model.note_factor(device, Some(factor), self.now);
        let at = self.model.sessions.iter().position(|session| session.id == own).expect("it is there");
        self.tokens[at] = access_token;
        let browser = self.offers.iter().zip(&self.model.offers).find(|(_, offer)| offer.session == own).map_or(0, |((_, browser), _)| *browser);
        self.offer(own, activation.as_ref(), browser);
    }

    pub(super) fn touch(&mut self, number: usize) {
        let (Some(token), Some(id), now) = (self.token(Some(number)), self.session(number), self.now) else { return };
        let touched = self.door.touch(token.at, now);
        assert_eq!(touched, self.model.is_active(id, now), "a touch is answered exactly while the session lives");
        if touched {
            let session = self.model.session_mut(id);
            session.last_activity_at = session.last_activity_at.max(now);
        }
    }

    pub(super) fn end_something(&mut self, op: &Op) {
        let now = self.now;
        match *op {
            Op::Untrust { device, caller, all } => {
                let Some(device) = self.device(device) else { return };
                let caller = caller.and_then(|caller| self.session(caller));
                let need = self.need_device(device);
                let outcome = self.act(need, rule(move |account, moment| account.untrust(moment, device, caller, all).map(|()| Answer::Done)));
                assert_eq!(outcome.is_ok(), !self.model.device(device).forgotten);
                if outcome.is_ok() {
                    self.model.take_trust(device);
                    self.model.end(|session| session.device == device && (all || (session.skipped && Some(session.id) != caller)));
                }
            }
            Op::Hijack(device) => {
                let Some(device) = self.device(device) else { return };
                let need = self.need_device(device);
                let outcome = self.act(need, rule(move |account, moment| account.hijack(moment, device).map(Answer::Count)));
                assert_eq!(outcome.is_ok(), !self.model.device(device).forgotten);
                if outcome.is_ok() && !self.model.device(device).hijacked {
                    let given: Vec<DeviceId> =
                        self.model.devices.iter().filter(|other| other.trust.is_some_and(|trust| trust.by == Some(device))).map(|other| other.id).collect();
                    for other in given {
                        self.model.take_trust(other);
                    }
                    self.model.take_trust(device);
                    self.model.end(|session| session.device == device);
                    self.model.device_mut(device).hijacked = true;
                }
            }
            Op::Release(device) => {
                let Some(device) = self.device(device) else { return };
                let need = self.need_device(device);
                let outcome = self.act(need, rule(move |account, moment| account.release(moment, device).map(|()| Answer::Done)));
                let device = self.model.device_mut(device);
                assert_eq!(outcome.is_ok(), device.hijacked);
                if outcome.is_ok() {
                    (device.released, device.token, device.superseded) = (true, None, vec![]);
                }
            }
            Op::Forget(device) => {
                let Some(device) = self.device(device) else { return };
                let need = self.need_device(device);
                let outcome = self.act(need, rule(move |account, moment| account.forget(moment, device, Cause::DeviceForgotten).map(Answer::Count)));
                assert_eq!(outcome.is_ok(), !self.model.device(device).forgotten);
                if outcome.is_ok() {
                    self.forgotten(device);
                }
            }
            Op::ForgetOthers(device) => {
                let Some(kept) = self.device(device) else { return };
                let need = self.standing();
                let outcome = self.act(need, rule(move |account, moment| account.forget_others(moment, kept).map(|(_, count)| Answer::Count(count))));
                assert!(outcome.is_ok());
                let others: Vec<DeviceId> = self.model.devices.iter().map(|device| device.id).filter(|device| *device != kept).collect();
                for other in others {
                    self.forgotten(other);
                }
            }
            Op::SignOutDevice(device) => {
                let Some(device) = self.device(device) else { return };
                let need = self.need_device(device);
                let outcome = self.act(need, rule(move |account, moment| account.sign_out_device(moment, device).map(Answer::Count)));
                assert_eq!(outcome.is_ok(), !self.model.device(device).forgotten);
                if outcome.is_ok() {
                    self.model.end(|session| session.device == device);
                    self.model.settle(|offer| offer.device == device);
                }
            }
            Op::EndSession(number) => {
                let Some(id) = self.session(number) else { return };
                let need = self.need_session(id);
                let outcome = self.act(need, rule(move |account, moment| account.end_session(moment, id, Cause::Revoked).map(|()| Answer::Done)));
                assert_eq!(outcome, Ok(Answer::Done));
                self.model.end(|session| session.id == id);
            }
            Op::EndAll { caller, keep } => {
                let (token, own) = (self.token(caller), caller.and_then(|caller| self.session(caller)));
                let live = own.is_none_or(|own| self.model.is_active(own, now));
                let spared = own.map(|own| self.model.session(own).device).filter(|device| self.model.is_trusted(*device, now));
                let outcome = self.act(
                    own.map_or_else(|| self.standing(), |own| self.need_session(own)),
                    rule(move |account, moment| {
                        let caller = token.as_ref().map(|token| account.caller(moment, token).map(|session| session.id)).transpose()?;
                        account.end_all_sessions(moment, caller, keep).map(Answer::Count)
                    }),
                );
                assert_eq!(outcome.is_ok(), live, "{outcome:?}");
                if outcome.is_ok() {
                    let kept = own.filter(|_| keep);
                    self.end_everything(spared, false);
                    if let Some(kept) = kept {
                        self.model.session_mut(kept).over = false;
                    }
                }
            }
            _ => unreachable!("the others are done elsewhere"),
        }
    }

    pub(super) fn forgotten(&mut self, device: DeviceId) {
        if self.model.device(device).forgotten {
            return;
        }
        self.model.take_trust(device);
        self.model.end(|session| session.device == device);
        let device = self.model.device_mut(device);
        device.forgotten = true;
        if !device.hijacked {
            (device.token, device.superseded) = (None, vec![]);
        }
    }

    pub(super) fn end_everything(&mut self, spared: Option<DeviceId>, _: bool) {
        self.model.end(|_| true);
        self.model.settle(|_| true);
        self.model.cancel_sign_ins();
        for device in &mut self.model.devices {
            if Some(device.id) != spared {
                device.trust = None;
            }
        }
    }
}
