//! Loading: the statements for what a need names, sent in one flight, and the account that their answers make.

use std::sync::{Arc, LazyLock};

use doorward_domain::{
    Account, AccountId, ApiKey, Device, Event, Head, KeyRing, NewAccount, Offer, Once, Raise, Reported, Session, SessionId, SessionRef, Shard, SignIn,
    SignInId, SignInState, Tenancy, Tenant, TenantId, UserId, first_uuid_at,
};
use uuid::Uuid;

use super::flight::{Answer, Ask, decode, parameter};
use crate::need::RAISES;
use crate::row::{Kind, Row, Table, ToCell as _, Value};
use crate::rows::STANDS;
use crate::seal::Seal;
use crate::{AccountKey, Kept, Need, Page, Rows, StoreError};

/// Whether the account is locked against other changes until the transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
    No,
    Yes,
}

/// The statements over one kind of account key, composed once from the tables' descriptions.
struct Statements {
    head: String,
    head_locked: String,
    tenant: String,
    devices_standing: String,
    devices_page: String,
    device: String,
    sessions_standing: String,
    sessions_page: String,
    session: String,
    devices_of_sessions_standing: String,
    devices_of_sessions_page: String,
    device_of_session: String,
    offers_since: String,
    sign_in: String,
    newer_sign_ins: String,
    sign_ins_page: String,
    raises: String,
    reported: String,
    events_page: String,
    kept_sign_ins: String,
    kept_sessions: String,
    kept_offers: String,
    kept_devices: String,
    husks: String,
}

impl Statements {
    /// `account` is a condition on the account's table `h` and `n` the first parameter after it.
    fn new(account: &str, tenant: &str, n: usize) -> Self {
        let m = n + 1;
        let of = |column: &str| format!("(SELECT h.{column} FROM account h WHERE {account})");
        let select = |table: &Table, rest: &str| format!("SELECT {} FROM {} t WHERE {rest}", table.select_list("t"), table.name);
        let mine = format!("t.shard = $1 AND t.account = {}", of("id"));
        let standing = format!("{mine} AND t.sessions_gen = {} AND t.ended_at IS NULL", of("sessions_gen"));
        let page = format!("{mine} AND t.id < ${n} ORDER BY t.id DESC LIMIT ${m}");
        let stretch = format!("{mine} AND t.id > ${n} ORDER BY t.id LIMIT ${m}");
        let one = format!("{mine} AND t.id = ${n}");
        let session = |rest: &str| {
            let own = Session::TABLE.select_list("t");
            format!("SELECT {own}, a.at FROM session t LEFT JOIN activity a ON a.shard = t.shard AND a.account = t.account AND a.session = t.id WHERE {rest}")
        };
        // Beside the standing devices, those of the sessions are few: the flag leaves out what is loaded anyway.
        let devices_of = |sessions: &str, flag: usize| {
            let rest = format!("{mine} AND t.id IN (SELECT s.device FROM (SELECT t.device FROM session t WHERE {sessions}) s)");
            select(Device::TABLE, &format!("{rest} AND (${flag}::bigint = 0 OR NOT {STANDS}) ORDER BY t.id"))
        };
        let head = format!("SELECT {} FROM account h WHERE {account}", Head::TABLE.select_list("h"));
        Self {
            head_locked: format!("{head} FOR UPDATE"),
            head,
            tenant: select(Tenant::TABLE, &format!("t.id = {}", if tenant.is_empty() { of("tenant") } else { tenant.to_owned() })),
            devices_standing: select(Device::TABLE, &format!("{mine} AND {STANDS} ORDER BY t.id")),
            devices_page: select(Device::TABLE, &format!("{mine} AND t.id < ${n} AND t.forgotten_at IS NULL ORDER BY t.id DESC LIMIT ${m}")),
            device: select(Device::TABLE, &one),
            sessions_standing: session(&format!("{standing} ORDER BY t.id")),
            sessions_page: session(&page),
            session: session(&one),
            devices_of_sessions_standing: devices_of(&standing, n),
            devices_of_sessions_page: devices_of(&page, m + 1),
            device_of_session: devices_of(&one, m),
            offers_since: select(Offer::TABLE, &format!("{mine} AND t.id >= ${n} ORDER BY t.id")),
            sign_in: select(SignIn::TABLE, &one),
            newer_sign_ins: format!("SELECT count(*) FROM (SELECT 1 FROM sign_in t WHERE {mine} AND t.id > ${n} AND t.state = ${m} LIMIT 100) t"),
            sign_ins_page: select(SignIn::TABLE, &page),
            raises: select(Raise::TABLE, &format!("{mine} ORDER BY t.raised_to DESC, t.generation LIMIT ${n}")),
            reported: select(Reported::TABLE, &format!("{mine} AND t.event_id = ${n}")),
            kept_sign_ins: select(SignIn::TABLE, &stretch),
            kept_sessions: session(&stretch),
            kept_offers: select(Offer::TABLE, &stretch),
            kept_devices: select(Device::TABLE, &stretch),
            husks: select(
                Device::TABLE,
                &format!(
                    "{mine} AND NOT {STANDS} AND NOT EXISTS \
                     (SELECT 1 FROM session s WHERE s.shard = t.shard AND s.account = t.account AND s.device = t.id) ORDER BY t.forgotten_at LIMIT ${n}"
                ),
            ),
            events_page: select(Event::TABLE, &format!("{mine} AND t.number < ${n} ORDER BY t.number DESC LIMIT ${m}")),
        }
    }
}

static BY_ID: LazyLock<Statements> = LazyLock::new(|| Statements::new("h.shard = $1 AND h.id = $2", "", 3));
static BY_USER: LazyLock<Statements> = LazyLock::new(|| Statements::new("h.shard = $1 AND h.tenant = $2 AND h.user_id = $3", "$1", 4));

/// What an answer holds.
#[derive(Clone, Copy)]
enum Part {
    Head,
    Tenant,
    Devices,
    Sessions,
    Offers,
    SignIns,
    NewerSignIns,
    Raises,
    Reported,
    Events,
    Once,
}

/// What was asked for, to be made an account of once it is answered.
#[derive(Clone)]
pub(super) struct Loading {
    parts: Vec<Part>,
    create: Option<(NewAccount, UserId)>,
}

/// What came.
pub(super) enum Loaded {
    /// The account.
    There(Account),
    /// There is none, and this is the one to make.
    New(Account),
    /// There is none.
    Missing,
}

/// Collects statements.
struct Asking {
    sql: &'static Statements,
    key: Vec<Value>,
    parts: Vec<Part>,
    asks: Vec<Ask>,
}

impl Asking {
    fn add(&mut self, part: Part, sql: fn(&'static Statements) -> &'static String, parameters: impl IntoIterator<Item = Value>) {
        let all = self.key.iter().cloned().chain(parameters).collect();
        self.parts.push(part);
        self.asks.push(Ask::new(sql(self.sql).as_str(), all));
    }
}

/// The statements that load as much of an account as is needed. The head comes first: where it is locked, the rest is read
/// by statements that begin after the lock is held, and so see what the last holder committed.
pub(super) fn asks(at: &AccountKey, need: &Need, lock: Lock) -> (Loading, Vec<Ask>) {
    let shard = i64::from(at.shard().0).cell();
    let (sql, key): (&'static Statements, _) = match at {
        AccountKey::Id(_, id) => (&BY_ID, vec![shard, id.0.cell()]),
        AccountKey::User(tenant, user) => (&BY_USER, vec![shard, tenant.as_str().cell(), user.as_str().cell()]),
    };
    let mut asking = Asking { sql, key, parts: vec![], asks: vec![] };
    match lock {
        Lock::No => asking.add(Part::Head, |sql| &sql.head, []),
        Lock::Yes => asking.add(Part::Head, |sql| &sql.head_locked, []),
    }
    asking.parts.push(Part::Tenant);
    let tenant = match at {
        AccountKey::Id(..) => asking.key.clone(),
        AccountKey::User(tenant, _) => vec![tenant.as_str().cell()],
    };
    asking.asks.push(Ask::new(sql.tenant.as_str(), tenant));
    devices_and_sessions(&mut asking, need);
    if let Some(since) = need.offers_since {
        asking.add(Part::Offers, |sql| &sql.offers_since, [first_uuid_at(since).cell()]);
    }
    if let Some(id) = need.sign_in {
        asking.add(Part::SignIns, |sql| &sql.sign_in, [id.0.cell()]);
        asking.add(Part::NewerSignIns, |sql| &sql.newer_sign_ins, [id.0.cell(), SignInState::Open.code().cell()]);
    }
    if let Some(page) = need.sign_ins {
        asking.add(Part::SignIns, |sql| &sql.sign_ins_page, stretch(page));
    }
    if need.raises {
        asking.add(Part::Raises, |sql| &sql.raises, [i64::from(RAISES).cell()]);
    }
    if let Some(event_id) = &need.reported {
        asking.add(Part::Reported, |sql| &sql.reported, [event_id.cell()]);
    }
    if let Some(page) = need.events {
        let before = page.before.map_or(i64::MAX, |before| i64::try_from(before.as_u128()).unwrap_or(i64::MAX));
        asking.add(Part::Events, |sql| &sql.events_page, [before.cell(), i64::from(page.limit).cell()]);
    }
    if let Some(Kept { after, limit }) = need.kept {
        let stretch = || [after.cell(), i64::from(limit).cell()];
        asking.add(Part::SignIns, |sql| &sql.kept_sign_ins, stretch());
        asking.add(Part::Sessions, |sql| &sql.kept_sessions, stretch());
        asking.add(Part::Offers, |sql| &sql.kept_offers, stretch());
        asking.add(Part::Devices, |sql| &sql.kept_devices, stretch());
    }
    if let Some(limit) = need.husks {
        asking.add(Part::Devices, |sql| &sql.husks, [i64::from(limit).cell()]);
    }
    for hash in &need.once {
        // Locked after the head, each transaction at most its own: a record whose day is over is taken over by one alone.
        static SQL: LazyLock<[String; 2]> = LazyLock::new(|| {
            let read = format!("SELECT {} FROM once t WHERE t.hash = $1", Once::TABLE.select_list("t"));
            [read.clone(), format!("{read} FOR UPDATE")]
        });
        asking.parts.push(Part::Once);
        asking.asks.push(Ask::new(SQL[usize::from(lock == Lock::Yes)].as_str(), vec![hash.cell()]));
    }
    let create = match at {
        AccountKey::User(_, user) => need.create.clone().map(|new| (new, user.clone())),
        AccountKey::Id(..) => None,
    };
    (Loading { parts: asking.parts, create }, asking.asks)
}

fn devices_and_sessions(asking: &mut Asking, need: &Need) {
    let standing = (need.devices == Rows::Standing).cell();
    match need.devices {
        Rows::None => {}
        Rows::Standing => asking.add(Part::Devices, |sql| &sql.devices_standing, []),
        Rows::Page(page) => asking.add(Part::Devices, |sql| &sql.devices_page, stretch(page)),
    }
    if let Some(id) = need.device {
        asking.add(Part::Devices, |sql| &sql.device, [id.0.cell()]);
    }
    match need.sessions {
        Rows::None => {}
        Rows::Standing => {
            asking.add(Part::Sessions, |sql| &sql.sessions_standing, []);
            asking.add(Part::Devices, |sql| &sql.devices_of_sessions_standing, [standing.clone()]);
        }
        Rows::Page(page) => {
            asking.add(Part::Sessions, |sql| &sql.sessions_page, stretch(page));
            asking.add(Part::Devices, |sql| &sql.devices_of_sessions_page, stretch(page).into_iter().chain([standing.clone()]));
        }
    }
    if let Some(SessionId(id)) = need.session {
        asking.add(Part::Sessions, |sql| &sql.session, [id.cell()]);
        asking.add(Part::Devices, |sql| &sql.device_of_session, [id.cell(), standing]);
    }
}

fn stretch(page: Page) -> [Value; 2] {
    [page.before.unwrap_or(Uuid::max()).cell(), i64::from(page.limit).cell()]
}

impl Loading {
    /// Makes the account of what came.
    pub(super) fn assemble(&self, keys: &KeyRing, answers: &[Answer]) -> Result<Loaded, StoreError> {
        let [head, tenant, rest @ ..] = answers else { return Err(StoreError::corrupt("account", "answers")) };
        let tenant = tenant.decode::<Tenant>(Seal::Open)?.pop().map(Arc::new);
        let Some(head) = head.decode::<Head>(Seal::Server(keys))?.pop() else {
            return match (&self.create, tenant) {
                (Some((new, user)), Some(tenant)) => {
                    let mut account = Account::new(tenant, user.clone(), new.clone());
                    for (_, answer) in self.parts[2..].iter().zip(rest).filter(|(part, _)| matches!(part, Part::Once)) {
                        add(&mut account.once, Seal::Open, answer)?;
                    }
                    Ok(Loaded::New(account))
                }
                (Some(_), None) => Err(StoreError::Misconfigured("there is no such tenant".to_owned())),
                (None, _) => Ok(Loaded::Missing),
            };
        };
        let tenant = tenant.ok_or_else(|| StoreError::corrupt("account", "tenant"))?;
        let data_key = head.data_key.clone();
        let seal = Seal::Account(&data_key);
        let mut account = bare(head, tenant);
        for (part, answer) in self.parts[2..].iter().zip(rest) {
            match part {
                Part::Head | Part::Tenant => {}
                Part::Devices => add(&mut account.devices, seal, answer)?,
                Part::Sessions => add(&mut account.sessions, seal, answer)?,
                Part::Offers => add(&mut account.offers, seal, answer)?,
                Part::SignIns => add(&mut account.sign_ins, seal, answer)?,
                Part::NewerSignIns => account.newer_sign_ins = count(answer)?,
                Part::Raises => add(&mut account.raises, seal, answer)?,
                Part::Reported => add(&mut account.reported, seal, answer)?,
                Part::Events => add(&mut account.events, seal, answer)?,
                Part::Once => add(&mut account.once, Seal::Open, answer)?,
            }
        }
        Ok(Loaded::There(account))
    }
}

fn bare(head: Head, tenant: Arc<Tenant>) -> Account {
    Account {
        tenant,
        head,
        devices: vec![],
        sessions: vec![],
        offers: vec![],
        sign_ins: vec![],
        newer_sign_ins: 0,
        raises: vec![],
        reported: vec![],
        events: vec![],
        once: vec![],
    }
}

/// Adds the rows that aren't there yet.
fn add<R: Row>(to: &mut Vec<R>, seal: Seal<'_>, answer: &Answer) -> Result<(), StoreError> {
    for row in answer.decode::<R>(seal)? {
        if !to.iter().any(|known| known.same_row(&row)) {
            to.push(row);
        }
    }
    Ok(())
}

fn count(answer: &Answer) -> Result<usize, StoreError> {
    let counted = answer.rows.first().and_then(|row| row.try_get::<_, i64>(0).ok());
    counted.and_then(|counted| usize::try_from(counted).ok()).ok_or_else(|| StoreError::corrupt("sign_in", "count"))
}

/// Locks an account that is there, and reads nothing of it.
pub(super) fn lock(shard: Shard, account: AccountId) -> Ask {
    Ask::new("SELECT 1 FROM account h WHERE h.shard = $1 AND h.id = $2 FOR UPDATE", vec![i64::from(shard.0).cell(), account.0.cell()])
}

/// A session with its device, its activity, its account and its tenant: one statement, and so one snapshot.
pub(super) fn session(at: SessionRef) -> Ask {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        let lists = [Head::TABLE.select_list("h"), Tenant::TABLE.select_list("n"), Device::TABLE.select_list("d"), Session::TABLE.select_list("t")].join(", ");
        // A session without the rest isn't unknown but unreadable, which no join may hide.
        format!(
            "SELECT {lists}, a.at FROM session t \
             LEFT JOIN account h ON h.shard = t.shard AND h.id = t.account \
             LEFT JOIN tenant n ON n.id = h.tenant \
             LEFT JOIN device d ON d.shard = t.shard AND d.account = t.account AND d.id = t.device \
             LEFT JOIN activity a ON a.shard = t.shard AND a.account = t.account AND a.session = t.id \
             WHERE t.shard = $1 AND t.account = $2 AND t.id = $3"
        )
    });
    Ask::new(SQL.as_str(), vec![i64::from(at.shard.0).cell(), at.account.0.cell(), at.id.0.cell()])
}

/// The reverse of [`session`].
pub(super) fn session_answered(keys: &KeyRing, answer: &Answer) -> Result<Option<Account>, StoreError> {
    let Some(row) = answer.rows.first() else { return Ok(None) };
    let [head, tenant, device] = [Head::TABLE, Tenant::TABLE, Device::TABLE].map(|table| table.stored_columns().count());
    let account = bare(decode(row, Seal::Server(keys), 0, head)?, Arc::new(decode(row, Seal::Open, head, tenant)?));
    let seal = Seal::Account(&account.head.data_key);
    let devices = vec![decode(row, seal, head + tenant, device)?];
    let from = head + tenant + device;
    let sessions = vec![decode(row, seal, from, row.len() - from)?];
    Ok(Some(Account { devices, sessions, ..account }))
}

/// Which account a sign-in belongs to.
pub(super) fn account_of(sign_in: SignInId) -> Ask {
    Ask::new("SELECT account FROM sign_in WHERE shard = $1 AND id = $2", vec![i64::from(sign_in.shard().0).cell(), sign_in.0.cell()])
}

/// The reverse of [`account_of`].
pub(super) fn account_of_answered(shard: Shard, answer: &Answer) -> Result<Option<AccountKey>, StoreError> {
    let Some(row) = answer.rows.first() else { return Ok(None) };
    let account = row.try_get::<_, &[u8]>(0).ok().and_then(|bytes| Uuid::from_slice(bytes).ok());
    let account = account.ok_or_else(|| StoreError::corrupt("sign_in", "account"))?;
    Ok(Some(AccountKey::Id(shard, AccountId(account))))
}

/// Adds a sign-in, unless its account was erased since it was read.
pub(super) fn append() -> &'static str {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        let columns: Vec<_> = SignIn::TABLE.all_columns().collect();
        let kind = |kind| match kind {
            Kind::Int => "bigint",
            Kind::Text => "text",
            Kind::Blob => "bytea",
        };
        let values = columns.iter().enumerate().map(|(at, column)| format!("{}::{}", parameter(at + 1), kind(column.kind)));
        let (names, values) = (columns.iter().map(|column| column.name).collect::<Vec<_>>(), values.collect::<Vec<_>>());
        let there = "EXISTS (SELECT 1 FROM account h WHERE h.shard = $1 AND h.id = $2)";
        format!("INSERT INTO sign_in ({}) SELECT {} WHERE {there}", names.join(", "), values.join(", "))
    });
    SQL.as_str()
}

/// A tenant, locked if it is to be changed.
pub(super) fn tenant(id: &TenantId, lock: Lock) -> Ask {
    static SQL: LazyLock<[String; 2]> = LazyLock::new(|| {
        let read = format!("SELECT {} FROM tenant t WHERE t.id = $1", Tenant::TABLE.select_list("t"));
        [read.clone(), format!("{read} FOR UPDATE")]
    });
    Ask::new(SQL[usize::from(lock == Lock::Yes)].as_str(), vec![id.as_str().cell()])
}

/// Every tenant.
pub(super) fn tenants() -> Ask {
    static SQL: LazyLock<String> = LazyLock::new(|| format!("SELECT {} FROM tenant t ORDER BY t.id COLLATE \"C\"", Tenant::TABLE.select_list("t")));
    Ask::new(SQL.as_str(), vec![])
}

/// A tenant with its API keys, locked: the tenant's row first, so that whoever changes them waits for it.
pub(super) fn tenancy(id: &TenantId) -> Vec<Ask> {
    static SQL: LazyLock<String> = LazyLock::new(|| format!("SELECT {} FROM api_key t WHERE t.tenant = $1 ORDER BY t.id", ApiKey::TABLE.select_list("t")));
    vec![tenant(id, Lock::Yes), Ask::new(SQL.as_str(), vec![id.as_str().cell()])]
}

/// Every tenant with its API keys, locked.
pub(super) fn tenancies() -> Vec<Ask> {
    static SQL: LazyLock<[String; 2]> = LazyLock::new(|| {
        [
            format!("SELECT {} FROM tenant t ORDER BY t.id COLLATE \"C\" FOR UPDATE", Tenant::TABLE.select_list("t")),
            format!("SELECT {} FROM api_key t ORDER BY t.id", ApiKey::TABLE.select_list("t")),
        ]
    });
    SQL.iter().map(|sql| Ask::new(sql.as_str(), vec![])).collect()
}

/// The reverse of [`tenancies`].
pub(super) fn tenancies_answered(answers: &[Answer]) -> Result<Vec<Tenancy>, StoreError> {
    let [tenants, keys] = answers else { return Err(StoreError::corrupt("tenant", "answers")) };
    let mut tenancies: Vec<Tenancy> = tenants.decode::<Tenant>(Seal::Open)?.into_iter().map(Tenancy::from).collect();
    for key in keys.decode::<ApiKey>(Seal::Open)? {
        if let Some(tenancy) = tenancies.iter_mut().find(|tenancy| tenancy.tenant.id == key.tenant) {
            tenancy.keys.push(key);
        }
    }
    Ok(tenancies)
}

/// The reverse of [`tenancy`].
pub(super) fn tenancy_answered(answers: &[Answer]) -> Result<Option<Tenancy>, StoreError> {
    let [tenant, keys] = answers else { return Err(StoreError::corrupt("tenant", "answers")) };
    let keys = keys.decode(Seal::Open)?;
    Ok(tenant.decode(Seal::Open)?.pop().map(|tenant| Tenancy { tenant, keys, events: vec![] }))
}
