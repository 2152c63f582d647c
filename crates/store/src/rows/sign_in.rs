//! A sign-in's row.

use doorward_domain::{Attempt, Decision, DeviceId, Generations, Judgement, Presented, Reason, SecondFactor, SessionId, SignIn, SignInId, SignInState};

use super::device::{SEEN, decode_factor, decode_fingerprint, decode_seen, encode_factor, encode_seen};
use crate::StoreError;
use crate::row::{Cells, Row, Scope, Table, ToCell, Value, blob, int, maybe, private, text};

impl Row for SignIn {
    const TABLE: &'static Table = &Table {
        name: "sign_in",
        scope: Scope::Account,
        key: 1,
        // Its id carries the shard alone, so that is how it is found. The id comes first, since it begins with the time:
        // rows are then appended side by side, where keys that begin with the shard would scatter them over the table.
        primary_key: Some("id, shard"),
        columns: &[
            blob("id"),
            SEEN[0],
            SEEN[1],
            SEEN[2],
            SEEN[3],
            private(blob("fingerprint")),
            int("second_factor"),
            maybe(int("factor_method")),
            maybe(int("factor_verified_at")),
            int("require_mfa"),
            text("login_method"),
            text("amr"),
            int("authenticated_at"),
            int("decision"),
            text("reasons"),
            private(maybe(text("details"))),
            int("presented"),
            maybe(blob("device")),
            int("device_gen"),
            maybe(blob("looks_like")),
            private(maybe(blob("travelled_from"))),
            int("sessions_gen"),
            int("trust_gen"),
            int("sign_ins_gen"),
            int("tenant_sessions_gen"),
            int("tenant_trust_gen"),
            int("state"),
            int("created_at"),
            maybe(int("completed_at")),
            maybe(blob("session")),
        ],
        indexes: &[("sign_in_of_account", false, "(shard, account, id)")],
    };

    fn encode(&self) -> Vec<Value> {
        let Attempt { seen, parts: _, fingerprint, second_factor, factor, require_mfa, login_method, amr, authenticated_at } = &self.attempt;
        let mut cells = vec![self.id.0.cell()];
        cells.extend(encode_seen(seen));
        cells.extend([fingerprint.to_bytes()[..].cell(), second_factor.code().cell()]);
        cells.extend(encode_factor(*factor));
        let reasons = self.judgement.reasons.iter().map(|reason| reason.as_str()).collect::<Vec<_>>();
        cells.extend([
            require_mfa.cell(),
            login_method.cell(),
            amr.join(" ").cell(),
            authenticated_at.cell(),
            self.judgement.decision.code().cell(),
            reasons.join(" ").cell(),
            self.judgement.details.cell(),
            self.presented.code().cell(),
            self.device.map(|device| device.0).cell(),
            self.device_gen.cell(),
            self.looks_like.map(|device| device.0).cell(),
            self.travelled_from.cell(),
            self.generations.sessions.cell(),
            self.generations.trust.cell(),
            self.generations.sign_ins.cell(),
            self.generations.tenant_sessions.cell(),
            self.generations.tenant_trust.cell(),
            self.state.code().cell(),
            self.created_at.cell(),
            self.completed_at.cell(),
            self.session.map(|session| session.0).cell(),
        ]);
        cells
    }

    fn decode(cells: &mut Cells) -> Result<Self, StoreError> {
        let id = SignInId(cells.uuid()?);
        let seen = decode_seen(cells)?;
        let fingerprint = decode_fingerprint(cells)?;
        let second_factor = cells.code(SecondFactor::from_code)?;
        let factor = decode_factor(cells)?;
        let attempt = Attempt {
            seen,
            parts: doorward_domain::Parts::default(),
            fingerprint,
            second_factor,
            factor,
            require_mfa: cells.flag()?,
            login_method: cells.text()?,
            amr: cells.words()?,
            authenticated_at: cells.time()?,
        };
        let decision = cells.code(Decision::from_code)?;
        let reasons = cells.words()?.iter().map(|word| Reason::from_word(word)).collect::<Option<Vec<_>>>().ok_or_else(|| cells.corrupt())?;
        Ok(Self {
            id,
            attempt,
            judgement: Judgement { decision, reasons, details: cells.map()? },
            presented: cells.code(Presented::from_code)?,
            device: cells.maybe(Cells::uuid)?.map(DeviceId),
            device_gen: cells.int()?,
            looks_like: cells.maybe(Cells::uuid)?.map(DeviceId),
            travelled_from: cells.maybe(Cells::ip)?,
            generations: Generations {
                sessions: cells.int()?,
                trust: cells.int()?,
                sign_ins: cells.int()?,
                tenant_sessions: cells.int()?,
                tenant_trust: cells.int()?,
            },
            state: cells.code(SignInState::from_code)?,
            created_at: cells.time()?,
            completed_at: cells.maybe(Cells::time)?,
            session: cells.maybe(Cells::uuid)?.map(SessionId),
        })
    }

    fn same_row(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
