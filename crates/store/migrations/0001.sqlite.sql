CREATE TABLE tenant (
    id TEXT NOT NULL,
    sessions_gen INTEGER NOT NULL,
    trust_gen INTEGER NOT NULL,
    fenced_at INTEGER,
    policy TEXT NOT NULL,
    policy_revision INTEGER NOT NULL,
    past_limits TEXT NOT NULL,
    last_event INTEGER NOT NULL,
    feed_epoch BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_key (
    id BLOB NOT NULL,
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    hash BLOB NOT NULL,
    former_hash BLOB,
    former_until INTEGER,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    last_used_at INTEGER,
    requests BLOB,
    PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX api_key_by_hash ON api_key (hash);
CREATE UNIQUE INDEX api_key_by_former_hash ON api_key (former_hash);

CREATE TABLE server_key (
    id INTEGER NOT NULL,
    check_value BLOB NOT NULL,
    PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (name)
) STRICT, WITHOUT ROWID;

CREATE TABLE account (
    shard INTEGER NOT NULL,
    id BLOB NOT NULL,
    tenant TEXT NOT NULL,
    user_id TEXT NOT NULL,
    disabled_at INTEGER,
    sessions_gen INTEGER NOT NULL,
    trust_gen INTEGER NOT NULL,
    sign_ins_gen INTEGER NOT NULL,
    factors_changed_at INTEGER,
    credentials_changed_at INTEGER,
    last_event INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (shard, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX account_of_user ON account (shard, tenant, user_id);

CREATE TABLE device (
    shard INTEGER NOT NULL,
    account BLOB NOT NULL,
    id BLOB NOT NULL,
    tokens BLOB,
    generation INTEGER NOT NULL,
    trust_given_at INTEGER,
    trust_until INTEGER,
    trust_binding INTEGER,
    trust_gen INTEGER,
    tenant_trust_gen INTEGER,
    trust_granted_on BLOB,
    trust_ended_at INTEGER,
    trust_ended_cause INTEGER,
    factor_method INTEGER,
    factor_verified_at INTEGER,
    looks_like BLOB,
    declined_at INTEGER,
    hijacked_at INTEGER,
    released_at INTEGER,
    forgotten_at INTEGER,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (shard, account, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    shard INTEGER NOT NULL,
    account BLOB NOT NULL,
    id BLOB NOT NULL,
    device BLOB NOT NULL,
    identified_by INTEGER NOT NULL,
    token BLOB NOT NULL,
    former BLOB,
    sessions_gen INTEGER NOT NULL,
    tenant_sessions_gen INTEGER NOT NULL,
    device_gen INTEGER NOT NULL,
    login_method TEXT NOT NULL,
    amr TEXT NOT NULL,
    factor_method INTEGER,
    factor_verified_at INTEGER,
    skipped_factor INTEGER NOT NULL,
    trust_refused INTEGER NOT NULL,
    authenticated_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    unused_until INTEGER,
    ended_at INTEGER,
    ended_cause INTEGER,
    sealed BLOB NOT NULL,
    PRIMARY KEY (shard, account, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_standing ON session (shard, account, sessions_gen, id) WHERE ended_at IS NULL;

CREATE TABLE activity (
    shard INTEGER NOT NULL,
    account BLOB NOT NULL,
    session BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (shard, account, session)
) STRICT, WITHOUT ROWID;

CREATE TABLE offer (
    shard INTEGER NOT NULL,
    account BLOB NOT NULL,
    id BLOB NOT NULL,
    device BLOB NOT NULL,
    session BLOB NOT NULL,
    token BLOB NOT NULL,
    trust_gen INTEGER NOT NULL,
    tenant_trust_gen INTEGER NOT NULL,
    state INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    settled_at INTEGER,
    PRIMARY KEY (shard, account, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE sign_in (
    shard INTEGER NOT NULL,
    account BLOB NOT NULL,
    id BLOB NOT NULL,
    second_factor INTEGER NOT NULL,
    factor_method INTEGER,
    factor_verified_at INTEGER,
    require_mfa INTEGER NOT NULL,
    login_method TEXT NOT NULL,
    amr TEXT NOT NULL,
    authenticated_at INTEGER NOT NULL,
    decision INTEGER NOT NULL,
    reasons TEXT NOT NULL,
    presented INTEGER NOT NULL,
    device BLOB,
    device_gen INTEGER NOT NULL,
    looks_like BLOB,
    sessions_gen INTEGER NOT NULL,
    trust_gen INTEGER NOT NULL,
    sign_ins_gen INTEGER NOT NULL,
    tenant_sessions_gen INTEGER NOT NULL,
    tenant_trust_gen INTEGER NOT NULL,
    state INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    completed_at INTEGER,
    session BLOB,
    sealed BLOB NOT NULL,
    PRIMARY KEY (id, shard)
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_in_of_account ON sign_in (shard, account, id);

CREATE TABLE raise (
    shard INTEGER NOT NULL,
    account BLOB NOT NULL,
    generation INTEGER NOT NULL,
    raised_to INTEGER NOT NULL,
    at INTEGER NOT NULL,
    cause INTEGER NOT NULL,
    actor TEXT NOT NULL,
    PRIMARY KEY (shard, account, generation, raised_to)
) STRICT, WITHOUT ROWID;

CREATE TABLE reported_event (
    shard INTEGER NOT NULL,
    account BLOB NOT NULL,
    event_id TEXT NOT NULL,
    type INTEGER NOT NULL,
    at INTEGER NOT NULL,
    devices_untrusted INTEGER NOT NULL,
    sessions_ended INTEGER NOT NULL,
    activations_cancelled INTEGER NOT NULL,
    kept BLOB,
    access_token BLOB,
    PRIMARY KEY (shard, account, event_id, type)
) STRICT, WITHOUT ROWID;
CREATE INDEX reported_event_by_age ON reported_event (at);

CREATE TABLE event (
    shard INTEGER NOT NULL,
    account BLOB NOT NULL,
    number INTEGER NOT NULL,
    id BLOB NOT NULL,
    kind INTEGER NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    cause INTEGER,
    device BLOB,
    session BLOB,
    sign_in BLOB,
    sealed BLOB NOT NULL,
    PRIMARY KEY (shard, account, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE feed (
    tenant TEXT NOT NULL,
    lane INTEGER NOT NULL,
    position INTEGER NOT NULL,
    chain BLOB NOT NULL,
    at_shard INTEGER NOT NULL,
    at_account BLOB NOT NULL,
    last_number INTEGER NOT NULL,
    events INTEGER NOT NULL,
    at INTEGER NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (tenant, lane, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE feed_head (
    tenant TEXT NOT NULL,
    lane INTEGER NOT NULL,
    position INTEGER NOT NULL,
    chain BLOB NOT NULL,
    anchor_position INTEGER NOT NULL,
    anchor_chain BLOB NOT NULL,
    PRIMARY KEY (tenant, lane)
) STRICT, WITHOUT ROWID;

CREATE TABLE once (
    hash BLOB NOT NULL,
    tenant TEXT NOT NULL,
    request BLOB NOT NULL,
    at_shard INTEGER NOT NULL,
    at_account BLOB NOT NULL,
    sign_in BLOB,
    session BLOB,
    device BLOB,
    offer BLOB,
    access_token BLOB,
    device_token BLOB,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX once_by_age ON once (created_at);

CREATE TABLE budget (
    id BLOB NOT NULL,
    full_at INTEGER NOT NULL,
    PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX budget_by_full_at ON budget (full_at);

CREATE TABLE tombstone (
    shard INTEGER NOT NULL,
    account BLOB NOT NULL,
    tenant TEXT NOT NULL,
    pseudonym BLOB NOT NULL,
    sessions_gen INTEGER NOT NULL,
    trust_gen INTEGER NOT NULL,
    erased_at INTEGER NOT NULL,
    PRIMARY KEY (shard, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX tombstone_by_age ON tombstone (erased_at);
