//! Loading: an account's rows, as much as is needed, from one snapshot.

use std::sync::{Arc, LazyLock};

use doorward_domain::{
    Account, AccountId, ApiKey, Device, DeviceId, Event, FeedCheck, FeedEvent, FeedHead, Head, KeyRing, Lane, Link, Offer, Once, Raise, Reported, Session,
    SessionId, Shard, SignIn, SignInState, Tenancy, Tenant, TenantId, first_uuid_at,
};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Params, ToSql, params};
use uuid::Uuid;

use crate::feed;
use crate::need::RAISES;
use crate::row::{Cells, Row, Table, ToCell as _, Value};
use crate::rows::{STANDS, of_accounts};
use crate::seal::Seal;
use crate::{AccountKey, Held, Need, Page, Rows, StoreError};

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

/// How a statement's parameter is written.
pub(super) fn parameter(at: usize) -> String {
    format!("?{at}")
}

/// The statements, composed once from the tables' descriptions.
struct Statements {
    head_by_user: String,
    head_by_id: String,
    device: String,
    devices_standing: String,
    devices_page: String,
    session: String,
    sessions_standing: String,
    sessions_page: String,
    offers_since: String,
    sign_in: String,
    sign_ins_page: String,
    raises: String,
    reported: String,
    events_page: String,
    kept: [String; 4],
    husks: String,
    once: String,
}

static SQL: LazyLock<Statements> = LazyLock::new(|| {
    let select = |table: &Table, rest: &str| format!("SELECT {} FROM {} t {rest}", table.select_list("t"), table.name);
    let session = |rest: &str| {
        let own = Session::TABLE.select_list("t");
        format!("SELECT {own}, a.at FROM session t LEFT JOIN activity a ON a.shard = t.shard AND a.account = t.account AND a.session = t.id {rest}")
    };
    const MINE: &str = "t.shard = ?1 AND t.account = ?2";
    Statements {
        head_by_user: select(Head::TABLE, "WHERE t.shard = ?1 AND t.tenant = ?2 AND t.user_id = ?3"),
        head_by_id: select(Head::TABLE, "WHERE t.shard = ?1 AND t.id = ?2"),
        device: select(Device::TABLE, &format!("WHERE {MINE} AND t.id = ?3")),
        devices_standing: select(Device::TABLE, &format!("WHERE {MINE} AND {STANDS} ORDER BY t.id")),
        devices_page: select(Device::TABLE, &format!("WHERE {MINE} AND t.id < ?3 AND t.forgotten_at IS NULL ORDER BY t.id DESC LIMIT ?4")),
        session: session(&format!("WHERE {MINE} AND t.id = ?3")),
        sessions_standing: session(&format!("WHERE {MINE} AND t.sessions_gen = ?3 AND t.ended_at IS NULL ORDER BY t.id")),
        sessions_page: session(&format!("WHERE {MINE} AND t.id < ?3 ORDER BY t.id DESC LIMIT ?4")),
        offers_since: select(Offer::TABLE, &format!("WHERE {MINE} AND t.id >= ?3 ORDER BY t.id")),
        sign_in: select(SignIn::TABLE, "WHERE t.shard = ?1 AND t.account = ?2 AND t.id = ?3"),
        sign_ins_page: select(SignIn::TABLE, &format!("WHERE {MINE} AND t.id < ?3 ORDER BY t.id DESC LIMIT ?4")),
        raises: select(Raise::TABLE, &format!("WHERE {MINE} ORDER BY t.raised_to DESC, t.generation LIMIT ?3")),
        reported: select(Reported::TABLE, &format!("WHERE {MINE} AND t.event_id = ?3")),
        events_page: select(Event::TABLE, &format!("WHERE {MINE} AND t.number < ?3 ORDER BY t.number DESC LIMIT ?4")),
        kept: {
            let rest = format!("WHERE {MINE} AND t.id > ?3 ORDER BY t.id LIMIT ?4");
            [select(SignIn::TABLE, &rest), session(&rest), select(Offer::TABLE, &rest), select(Device::TABLE, &rest)]
        },
        husks: select(
            Device::TABLE,
            &format!(
                "WHERE {MINE} AND NOT {STANDS} AND NOT EXISTS \
                 (SELECT 1 FROM session s WHERE s.shard = t.shard AND s.account = t.account AND s.device = t.id) ORDER BY t.forgotten_at LIMIT ?3"
            ),
        ),
        once: select(Once::TABLE, "WHERE t.hash = ?1"),
    }
});

/// Every row that a statement gives.
pub(super) fn rows<R: Row>(connection: &Connection, seal: Seal<'_>, sql: &str, parameters: impl Params) -> Result<Vec<R>, StoreError> {
    let opened = opened(connection, seal, R::TABLE, sql, parameters)?;
    opened.into_iter().map(|values| R::decode(&mut Cells::new(R::TABLE, values))).collect()
}

/// The same, undecoded.
pub(super) fn opened(connection: &Connection, seal: Seal<'_>, table: &Table, sql: &str, parameters: impl Params) -> Result<Vec<Vec<Value>>, StoreError> {
    cells(connection, sql, parameters)?.into_iter().map(|values| seal.open(table, values)).collect()
}

/// The same, as cells.
pub(super) fn cells(connection: &Connection, sql: &str, parameters: impl Params) -> Result<Vec<Vec<Value>>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let width = statement.column_count();
    let mut found = statement.query(parameters)?;
    let mut all = Vec::new();
    while let Some(row) = found.next()? {
        let mut values = Vec::with_capacity(width);
        for at in 0..width {
            values.push(match row.get_ref(at)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(value) => Value::Int(value),
                ValueRef::Text(text) => Value::Text(std::str::from_utf8(text).map_err(|_| StoreError::corrupt(name(row, at), "text"))?.to_owned()),
                ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
                ValueRef::Real(_) => return Err(StoreError::corrupt(name(row, at), "a real number")),
            });
        }
        all.push(values);
    }
    Ok(all)
}

fn name<'a>(row: &'a rusqlite::Row<'_>, at: usize) -> &'a str {
    row.as_ref().column_name(at).unwrap_or("a column")
}

/// An account's head.
pub(super) fn head(connection: &Connection, keys: &KeyRing, at: &AccountKey) -> Result<Option<Head>, StoreError> {
    let found: Vec<Head> = match at {
        AccountKey::User(tenant, user) => rows(connection, Seal::Server(keys), &SQL.head_by_user, params![at.shard().0, tenant.as_str(), user.as_str()])?,
        AccountKey::Id(shard, id) => rows(connection, Seal::Server(keys), &SQL.head_by_id, params![shard.0, id.0.as_bytes()])?,
    };
    Ok(found.into_iter().next())
}

/// An account's id, without the rest of it.
pub(super) fn account_id(connection: &Connection, at: &AccountKey) -> Result<Option<AccountId>, StoreError> {
    match at {
        AccountKey::Id(_, id) => Ok(Some(*id)),
        AccountKey::User(tenant, user) => {
            let mut statement = connection.prepare_cached("SELECT id FROM account WHERE shard = ?1 AND tenant = ?2 AND user_id = ?3")?;
            let mut found = statement.query(params![at.shard().0, tenant.as_str(), user.as_str()])?;
            let id = found.next()?.map(|row| row.get::<_, [u8; 16]>(0)).transpose()?;
            Ok(id.map(|bytes| AccountId(Uuid::from_bytes(bytes))))
        }
    }
}

/// Whether an account is there.
pub(super) fn is_there(connection: &Connection, at: &AccountKey) -> Result<bool, StoreError> {
    let AccountKey::Id(shard, id) = at else { return Ok(account_id(connection, at)?.is_some()) };
    let mut statement = connection.prepare_cached("SELECT 1 FROM account WHERE shard = ?1 AND id = ?2")?;
    Ok(statement.exists(params![shard.0, id.0.as_bytes()])?)
}

/// What rules judge by: the image that the index keeps.
pub(super) fn standing(connection: &Connection, head: Head, tenant: Arc<Tenant>) -> Result<Account, StoreError> {
    let (shard, id) = (head.shard.0, head.id);
    let account = id.0.as_bytes();
    let seal = Seal::Account(&head.data_key);
    let devices = rows(connection, seal, &SQL.devices_standing, params![shard, account])?;
    let sessions = rows(connection, seal, &SQL.sessions_standing, params![shard, account, head.sessions_gen])?;
    let raises = rows(connection, seal, &SQL.raises, params![shard, account, RAISES])?;
    let mut loaded = Account { devices, sessions, raises, ..bare(head, tenant) };
    load_devices_of_sessions(connection, &mut loaded)?;
    Ok(loaded)
}

/// As much of an account as is needed, all from the connection's snapshot.
pub(super) fn account(connection: &Connection, keys: &KeyRing, at: &AccountKey, need: &Need) -> Result<Option<Account>, StoreError> {
    let Some(head) = head(connection, keys, at)? else { return Ok(None) };
    let tenant = tenant(connection, &head.tenant)?.map(Arc::new).ok_or_else(|| StoreError::corrupt("account", "tenant"))?;
    let judges = need.devices == Rows::Standing || need.sessions == Rows::Standing || need.raises;
    let standing = if judges { standing(connection, head, tenant)? } else { bare(head, tenant) };
    narrow(connection, &standing, need).map(Some)
}

/// An account with nothing loaded.
pub(super) fn bare(head: Head, tenant: Arc<Tenant>) -> Account {
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

/// As much of a standing image as is needed, and the rest of the need beside it.
pub(super) fn narrow(connection: &Connection, standing: &Account, need: &Need) -> Result<Account, StoreError> {
    let mut account = Account {
        devices: if need.devices == Rows::Standing { standing.devices.clone() } else { vec![] },
        sessions: if need.sessions == Rows::Standing { standing.sessions.clone() } else { vec![] },
        raises: if need.raises { standing.raises.clone() } else { vec![] },
        ..bare(standing.head.clone(), Arc::clone(&standing.tenant))
    };
    let (shard, id) = (account.head.shard.0, *account.head.id.0.as_bytes());
    let seal = Seal::Account(&standing.head.data_key);
    if let Rows::Page(page) = need.devices {
        account.devices = rows(connection, seal, &SQL.devices_page, params![shard, id, below(page), page.limit])?;
    }
    if let Some(device) = need.device {
        load_device(connection, &mut account, device)?;
    }
    if let Rows::Page(page) = need.sessions {
        account.sessions = rows(connection, seal, &SQL.sessions_page, params![shard, id, below(page), page.limit])?;
    }
    if let Some(session) = need.session.filter(|session| account.session(*session).is_err()) {
        account.sessions.extend(rows::<Session>(connection, seal, &SQL.session, params![shard, id, session.0.as_bytes()])?);
    }
    load_devices_of_sessions(connection, &mut account)?;
    if let Some(since) = need.offers_since {
        account.offers = rows(connection, seal, &SQL.offers_since, params![shard, id, first_uuid_at(since).as_bytes()])?;
    }
    if let Some(sign_in) = need.sign_in {
        account.sign_ins = rows(connection, seal, &SQL.sign_in, params![shard, id, sign_in.0.as_bytes()])?;
        account.newer_sign_ins = newer_sign_ins(connection, &account, sign_in.0)?;
    }
    if let Some(page) = need.sign_ins {
        account.sign_ins = rows(connection, seal, &SQL.sign_ins_page, params![shard, id, below(page), page.limit])?;
    }
    if let Some(event_id) = &need.reported {
        account.reported = rows(connection, seal, &SQL.reported, params![shard, id, event_id])?;
    }
    if let Some(page) = need.events {
        let before = page.before.map_or(i64::MAX, |before| i64::try_from(before.as_u128()).unwrap_or(i64::MAX));
        account.events = rows(connection, seal, &SQL.events_page, params![shard, id, before, page.limit])?;
    }
    if let Some(kept) = need.kept {
        let [sign_ins, sessions, offers, devices] = &SQL.kept;
        let stretch = params![shard, id, kept.after.as_bytes(), kept.limit];
        account.sign_ins = rows(connection, seal, sign_ins, stretch)?;
        account.sessions = rows(connection, seal, sessions, stretch)?;
        account.offers = rows(connection, seal, offers, stretch)?;
        account.devices = rows(connection, seal, devices, stretch)?;
    }
    if let Some(limit) = need.husks {
        account.devices = rows(connection, seal, &SQL.husks, params![shard, id, limit])?;
    }
    account.once = once(connection, need)?;
    Ok(account)
}

/// All that is kept in an account.
pub(super) fn held(connection: &Connection, keys: &KeyRing, shard: Shard, id: AccountId) -> Result<Option<Vec<Held>>, StoreError> {
    let Some(head) = head(connection, keys, &AccountKey::Id(shard, id))? else { return Ok(None) };
    let all = of_accounts().map(|(table, account)| {
        let seal = if table.name == Head::TABLE.name { Seal::Server(keys) } else { Seal::Account(&head.data_key) };
        let rows = opened(connection, seal, table, &table.of_account(account, parameter), params![shard.0, id.0.as_bytes()])?;
        Ok(Held { table, rows })
    });
    all.collect::<Result<_, _>>().map(Some)
}

/// The records of requests that are needed.
pub(super) fn once(connection: &Connection, need: &Need) -> Result<Vec<Once>, StoreError> {
    let mut records = vec![];
    for hash in &need.once {
        records.extend(rows::<Once>(connection, Seal::Open, &SQL.once, [hash.cell()])?);
    }
    Ok(records)
}

fn below(page: Page) -> [u8; 16] {
    page.before.unwrap_or(Uuid::max()).into_bytes()
}

fn newer_sign_ins(connection: &Connection, account: &Account, than: Uuid) -> Result<usize, StoreError> {
    const COUNT: &str = "SELECT count(*) FROM (SELECT 1 FROM sign_in WHERE shard = ?1 AND account = ?2 AND id > ?3 AND state = ?4 LIMIT 100)";
    let mut statement = connection.prepare_cached(COUNT)?;
    let parameters = params![account.head.shard.0, account.head.id.0.as_bytes(), than.as_bytes(), SignInState::Open.code()];
    Ok(statement.query_row(parameters, |row| row.get::<_, i64>(0))?.try_into().unwrap_or(0))
}

fn load_device(connection: &Connection, account: &mut Account, id: DeviceId) -> Result<(), StoreError> {
    if !account.devices.iter().any(|device| device.id == id) {
        let seal = Seal::Account(&account.head.data_key);
        let found: Vec<Device> = rows(connection, seal, &SQL.device, params![account.head.shard.0, account.head.id.0.as_bytes(), id.0.as_bytes()])?;
        account.devices.extend(found);
    }
    Ok(())
}

fn load_devices_of_sessions(connection: &Connection, account: &mut Account) -> Result<(), StoreError> {
    let on: Vec<DeviceId> = account.sessions.iter().map(|session| session.device).collect();
    on.into_iter().try_for_each(|device| load_device(connection, account, device))
}

/// One session in whatever state, with its device.
pub(super) fn session(connection: &Connection, standing: &Account, id: SessionId) -> Result<Option<Account>, StoreError> {
    let need = Need { session: Some(id), ..Need::default() };
    let account = narrow(connection, standing, &need)?;
    Ok((!account.sessions.is_empty()).then_some(account))
}

/// Which account a sign-in belongs to.
pub(super) fn account_of(connection: &Connection, sign_in: doorward_domain::SignInId) -> Result<Option<AccountKey>, StoreError> {
    let shard = sign_in.shard();
    let mut statement = connection.prepare_cached("SELECT account FROM sign_in WHERE shard = ?1 AND id = ?2")?;
    let mut found = statement.query(params![shard.0, sign_in.0.as_bytes()])?;
    let account = found.next()?.map(|row| row.get::<_, [u8; 16]>(0)).transpose()?;
    Ok(account.map(|bytes| AccountKey::Id(Shard(shard.0), AccountId(Uuid::from_bytes(bytes)))))
}

/// Every tenant.
pub(super) fn tenants(connection: &Connection) -> Result<Vec<Tenant>, StoreError> {
    rows(connection, Seal::Open, &format!("SELECT {} FROM tenant t", Tenant::TABLE.select_list("t")), [])
}

/// A tenant by its id's cell, as it stands in the transaction.
pub(super) fn tenant(connection: &Connection, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
    let sql = format!("SELECT {} FROM tenant t WHERE t.id = ?1", Tenant::TABLE.select_list("t"));
    Ok(rows(connection, Seal::Open, &sql, [id.as_str().cell()])?.into_iter().next())
}

/// A tenant with its API keys, as they stand in the transaction.
pub(super) fn tenancy(connection: &Connection, id: &TenantId) -> Result<Option<Tenancy>, StoreError> {
    let Some(tenant) = tenant(connection, id)? else { return Ok(None) };
    let sql = format!("SELECT {} FROM api_key t WHERE t.tenant = ?1 ORDER BY t.id", ApiKey::TABLE.select_list("t"));
    Ok(Some(Tenancy { tenant, keys: rows(connection, Seal::Open, &sql, [id.as_str().cell()])?, events: vec![] }))
}

/// Where a lane of a tenant's feed stands.
pub(super) fn feed_head(connection: &Connection, tenant: &TenantId, lane: Lane) -> Result<Option<FeedHead>, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| feed::head_sql(parameter));
    Ok(rows(connection, Seal::Open, &SQL, [tenant.as_str().cell(), lane.cell()])?.pop())
}

/// Where all of them stand.
pub(super) fn feed_heads(connection: &Connection, tenant: &TenantId) -> Result<Vec<FeedHead>, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| feed::heads_sql(parameter));
    rows(connection, Seal::Open, &SQL, [tenant.as_str().cell()])
}

/// Events of a lane after a position.
pub(super) fn feed_events(
    connection: &Connection,
    keys: &KeyRing,
    tenant: &TenantId,
    (lane, after): (Lane, i64),
    limit: u16,
) -> Result<Vec<FeedEvent>, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| feed::events_sql(parameter));
    let rows = cells(connection, &SQL, [tenant.as_str().cell(), lane.cell(), after.cell(), i64::from(limit).cell()])?;
    feed::events(lane, after, rows, keys)
}

/// Compares entries of a lane with what was written.
pub(super) fn check_feed(
    connection: &Connection,
    keys: &KeyRing,
    tenant: &TenantId,
    lane: Lane,
    links: (Link, Option<Link>),
    limit: u16,
) -> Result<FeedCheck, StoreError> {
    static SQL: LazyLock<String> = LazyLock::new(|| feed::entries_sql(parameter));
    let head = feed_head(connection, tenant, lane)?;
    let rows = cells(connection, &SQL, [tenant.as_str().cell(), lane.cell(), links.0.position.cell(), i64::from(limit).cell()])?;
    feed::check(tenant, links, head, rows, limit, keys)
}

/// How many events lie in a lane's trails, and how many the feeds know of.
pub(super) fn count_events(connection: &Connection, lane: Lane) -> Result<(i64, i64), StoreError> {
    // All shards are in the first lane, which is the only one that is used.
    let (first, last) = if lane == Lane::first() { (0, u16::MAX) } else { (1, 0) };
    let mut statement = connection.prepare_cached(&feed::counts_sql(parameter))?;
    Ok(statement.query_row(params![lane.number(), first, last], |row| Ok((row.get(0)?, row.get(1)?)))?)
}
