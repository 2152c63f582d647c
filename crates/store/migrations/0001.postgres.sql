CREATE TABLE tenant (
    id TEXT NOT NULL,
    sessions_gen BIGINT NOT NULL,
    trust_gen BIGINT NOT NULL,
    fenced_at BIGINT,
    policy TEXT NOT NULL,
    policy_revision BIGINT NOT NULL,
    past_limits TEXT NOT NULL,
    last_event BIGINT NOT NULL,
    feed_epoch BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE api_key (
    id BYTEA NOT NULL,
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    hash BYTEA NOT NULL,
    former_hash BYTEA,
    former_until BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    last_used_at BIGINT,
    requests BYTEA,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX api_key_by_hash ON api_key (hash);
CREATE UNIQUE INDEX api_key_by_former_hash ON api_key (former_hash);

CREATE TABLE server_key (
    id BIGINT NOT NULL,
    check_value BYTEA NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE meta (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE account (
    shard BIGINT NOT NULL,
    id BYTEA NOT NULL,
    tenant TEXT NOT NULL,
    user_id TEXT NOT NULL,
    disabled_at BIGINT,
    sessions_gen BIGINT NOT NULL,
    trust_gen BIGINT NOT NULL,
    sign_ins_gen BIGINT NOT NULL,
    factors_changed_at BIGINT,
    credentials_changed_at BIGINT,
    last_event BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (shard, id)
);
CREATE UNIQUE INDEX account_of_user ON account (shard, tenant, user_id);

CREATE TABLE device (
    shard BIGINT NOT NULL,
    account BYTEA NOT NULL,
    id BYTEA NOT NULL,
    tokens BYTEA,
    generation BIGINT NOT NULL,
    trust_given_at BIGINT,
    trust_until BIGINT,
    trust_binding BIGINT,
    trust_gen BIGINT,
    tenant_trust_gen BIGINT,
    trust_granted_on BYTEA,
    trust_ended_at BIGINT,
    trust_ended_cause BIGINT,
    factor_method BIGINT,
    factor_verified_at BIGINT,
    looks_like BYTEA,
    declined_at BIGINT,
    hijacked_at BIGINT,
    released_at BIGINT,
    forgotten_at BIGINT,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (shard, account, id)
);

CREATE TABLE session (
    shard BIGINT NOT NULL,
    account BYTEA NOT NULL,
    id BYTEA NOT NULL,
    device BYTEA NOT NULL,
    identified_by BIGINT NOT NULL,
    token BYTEA NOT NULL,
    former BYTEA,
    sessions_gen BIGINT NOT NULL,
    tenant_sessions_gen BIGINT NOT NULL,
    device_gen BIGINT NOT NULL,
    login_method TEXT NOT NULL,
    amr TEXT NOT NULL,
    factor_method BIGINT,
    factor_verified_at BIGINT,
    skipped_factor BIGINT NOT NULL,
    trust_refused BIGINT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    unused_until BIGINT,
    ended_at BIGINT,
    ended_cause BIGINT,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (shard, account, id)
);
CREATE INDEX session_standing ON session (shard, account, sessions_gen, id) WHERE ended_at IS NULL;

CREATE TABLE activity (
    shard BIGINT NOT NULL,
    account BYTEA NOT NULL,
    session BYTEA NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (shard, account, session)
);

CREATE TABLE offer (
    shard BIGINT NOT NULL,
    account BYTEA NOT NULL,
    id BYTEA NOT NULL,
    device BYTEA NOT NULL,
    session BYTEA NOT NULL,
    token BYTEA NOT NULL,
    trust_gen BIGINT NOT NULL,
    tenant_trust_gen BIGINT NOT NULL,
    state BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    settled_at BIGINT,
    PRIMARY KEY (shard, account, id)
);

CREATE TABLE sign_in (
    shard BIGINT NOT NULL,
    account BYTEA NOT NULL,
    id BYTEA NOT NULL,
    second_factor BIGINT NOT NULL,
    factor_method BIGINT,
    factor_verified_at BIGINT,
    require_mfa BIGINT NOT NULL,
    login_method TEXT NOT NULL,
    amr TEXT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    decision BIGINT NOT NULL,
    reasons TEXT NOT NULL,
    presented BIGINT NOT NULL,
    device BYTEA,
    device_gen BIGINT NOT NULL,
    looks_like BYTEA,
    sessions_gen BIGINT NOT NULL,
    trust_gen BIGINT NOT NULL,
    sign_ins_gen BIGINT NOT NULL,
    tenant_sessions_gen BIGINT NOT NULL,
    tenant_trust_gen BIGINT NOT NULL,
    state BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    completed_at BIGINT,
    session BYTEA,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (id, shard)
);
CREATE INDEX sign_in_of_account ON sign_in (shard, account, id);

CREATE TABLE raise (
    shard BIGINT NOT NULL,
    account BYTEA NOT NULL,
    generation BIGINT NOT NULL,
    raised_to BIGINT NOT NULL,
    at BIGINT NOT NULL,
    cause BIGINT NOT NULL,
    actor TEXT NOT NULL,
    PRIMARY KEY (shard, account, generation, raised_to)
);

CREATE TABLE reported_event (
    shard BIGINT NOT NULL,
    account BYTEA NOT NULL,
    event_id TEXT NOT NULL,
    type BIGINT NOT NULL,
    at BIGINT NOT NULL,
    devices_untrusted BIGINT NOT NULL,
    sessions_ended BIGINT NOT NULL,
    activations_cancelled BIGINT NOT NULL,
    kept BYTEA,
    access_token BYTEA,
    PRIMARY KEY (shard, account, event_id, type)
);
CREATE INDEX reported_event_by_age ON reported_event (at);

CREATE TABLE event (
    shard BIGINT NOT NULL,
    account BYTEA NOT NULL,
    number BIGINT NOT NULL,
    id BYTEA NOT NULL,
    kind BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    cause BIGINT,
    device BYTEA,
    session BYTEA,
    sign_in BYTEA,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (shard, account, number)
);

CREATE TABLE feed (
    tenant TEXT NOT NULL,
    lane BIGINT NOT NULL,
    position BIGINT NOT NULL,
    chain BYTEA NOT NULL,
    at_shard BIGINT NOT NULL,
    at_account BYTEA NOT NULL,
    last_number BIGINT NOT NULL,
    events BIGINT NOT NULL,
    at BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    PRIMARY KEY (tenant, lane, position)
);

CREATE TABLE feed_head (
    tenant TEXT NOT NULL,
    lane BIGINT NOT NULL,
    position BIGINT NOT NULL,
    chain BYTEA NOT NULL,
    anchor_position BIGINT NOT NULL,
    anchor_chain BYTEA NOT NULL,
    PRIMARY KEY (tenant, lane)
);

CREATE TABLE once (
    hash BYTEA NOT NULL,
    tenant TEXT NOT NULL,
    request BYTEA NOT NULL,
    at_shard BIGINT NOT NULL,
    at_account BYTEA NOT NULL,
    sign_in BYTEA,
    session BYTEA,
    device BYTEA,
    offer BYTEA,
    access_token BYTEA,
    device_token BYTEA,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (hash)
);
CREATE INDEX once_by_age ON once (created_at);

CREATE TABLE budget (
    id BYTEA NOT NULL,
    full_at BIGINT NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX budget_by_full_at ON budget (full_at);

CREATE TABLE tombstone (
    shard BIGINT NOT NULL,
    account BYTEA NOT NULL,
    tenant TEXT NOT NULL,
    pseudonym BYTEA NOT NULL,
    sessions_gen BIGINT NOT NULL,
    trust_gen BIGINT NOT NULL,
    erased_at BIGINT NOT NULL,
    PRIMARY KEY (shard, account)
);
CREATE INDEX tombstone_by_age ON tombstone (erased_at);
