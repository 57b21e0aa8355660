-- AEGIS: the providers that are known, sealed credentials with their versions, and
-- what live checks said of them. Names and columns that the platform knows stay as
-- they are. No value of a secret is in clear in any of these tables.
create table aegis_providers (
  id                  integer generated always as identity primary key,
  provider_name       text not null unique check (provider_name <> ''),
  provider_type       text not null
    check (provider_type in ('api_key', 'oauth2', 'service_account', 'basic', 'connection_url')),
  base_url            text,
  auth_endpoint       text,
  token_endpoint      text,
  docs_url            text,
  required_scopes     text[],
  credential_fields   jsonb,
  validation_endpoint text,
  created_at          timestamptz not null default now(),
  updated_at          timestamptz not null default now(),
  -- The whole definition, and who gave it; a definition that is gone keeps its row.
  definition          jsonb not null,
  source              text not null check (source in ('built-in', 'configuration', 'api'))
);

-- `version` 0 has no value yet. `validation_status` is the last evidence; what gave
-- none is `attempt_verdict`. A dead verdict waits in `dead_*` for its confirmation.
create table aegis_credentials (
  id                     integer generated always as identity primary key,
  uid                    uuid not null unique default gen_random_uuid(),
  credential_name        text not null unique check (credential_name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$'),
  provider               text not null references aegis_providers (provider_name),
  environment            text not null default 'prod' check (environment in ('dev', 'prod', 'shared')),
  version                integer not null default 0 check (version >= 0),
  revision               integer not null default 1 check (revision > 0),
  expires_at             timestamptz,
  expiry_source          text not null default 'unknown' check (expiry_source in ('discovered', 'declared', 'unknown')),
  declared_expires_at    timestamptz,
  discovered_expires_at  timestamptz,
  last_validated_at      timestamptz,
  validation_status      text not null default 'unknown' check (validation_status in (
    'valid', 'insufficient_scope', 'invalid', 'expired', 'revoked', 'unknown', 'not_checkable')),
  attempted_at           timestamptz,
  attempt_verdict        text,
  attempt_detail         text,
  dead_verdict           text check (dead_verdict in ('invalid', 'expired', 'revoked')),
  dead_seen_at           timestamptz,
  -- From then on a second dead answer confirms the first.
  confirm_after          timestamptz,
  identity               text,
  scopes                 text[],
  rotation_reminder_days integer not null default 90 check (rotation_reminder_days > 0),
  value_changed_at       timestamptz,
  quarantined_at         timestamptz,
  quarantine_reason      text,
  note                   text,
  -- One check at a time, whoever asks; it lapses.
  check_claimed_at       timestamptz,
  created_at             timestamptz not null default now(),
  updated_at             timestamptz not null default now(),
  check ((dead_verdict is null) = (dead_seen_at is null)),
  check ((dead_verdict is null) = (confirm_after is null)),
  check ((quarantined_at is null) = (quarantine_reason is null)),
  check ((expires_at is null) = (expiry_source = 'unknown'))
);

create table aegis_credential_version (
  credential_id integer not null references aegis_credentials (id) on delete cascade,
  version       integer not null check (version > 0),
  environment   text not null check (environment in ('dev', 'prod', 'shared')),
  -- What the value may be sent to; part of what the seal authenticates.
  origin        text not null,
  -- Fields that are no secret.
  settings      jsonb not null default '{}',
  dek_id        uuid not null unique,
  kek_version   integer not null check (kek_version > 0),
  wrapped       bytea not null,
  commitment    bytea not null check (octet_length(commitment) = 32),
  created_at    timestamptz not null default now(),
  created_by    text not null,
  primary key (credential_id, version)
);

create index aegis_credential_version_kek on aegis_credential_version (environment, kek_version);

create table aegis_credential_field (
  credential_id       integer not null,
  version             integer not null,
  field               text not null check (field <> ''),
  sealed              bytea not null,
  fingerprint         bytea not null check (octet_length(fingerprint) = 32),
  fingerprint_version integer not null,
  primary key (credential_id, version, field),
  foreign key (credential_id, version) references aegis_credential_version (credential_id, version) on delete cascade
);

create index aegis_credential_field_fingerprint on aegis_credential_field (fingerprint);

create table aegis_credential_check (
  id            bigint generated always as identity primary key,
  credential_id integer not null references aegis_credentials (id) on delete cascade,
  version       integer not null,
  verdict       text not null,
  detail        text not null,
  status        text,
  latency_ms    integer not null check (latency_ms >= 0),
  identity      text,
  scopes        text[],
  expires_at    timestamptz,
  requested_by  text not null,
  checked_at    timestamptz not null default now()
);

create index aegis_credential_check_of on aegis_credential_check (credential_id, id desc);

-- Each reminder once: of an expiry at its days before, of a rotation that is due. By the
-- day: what a provider says of an instant moves by seconds from check to check.
create table aegis_credential_reminder (
  credential_id integer not null references aegis_credentials (id) on delete cascade,
  kind          text not null check (kind in ('expiry', 'rotation')),
  due_on        date not null,
  days_before   integer not null,
  reminded_at   timestamptz not null default now(),
  primary key (credential_id, kind, due_on, days_before)
);

-- A rotation at the provider, one unfinished for each credential. `phase` is what is to
-- be done next; the new value lies sealed as the version after the active one.
create table aegis_credential_rotation (
  id            uuid primary key default gen_random_uuid(),
  credential_id integer not null references aegis_credentials (id) on delete cascade,
  old_version   integer not null,
  -- The credential that may make and revoke keys; none where the key may do so itself.
  manager       text,
  phase         text not null default 'create'
    check (phase in ('create', 'apply', 'check', 'switch', 'wait', 'revoke', 'confirm', 'done', 'failed')),
  -- What the provider calls the two keys; no secret.
  old_handle    text,
  new_handle    text,
  grace_s       integer not null check (grace_s >= 0),
  -- Committed before a new key is asked for: from then on there may be one that nobody holds.
  asked_at      timestamptz,
  switched_at   timestamptz,
  -- In this phase, without getting further; and why.
  attempts      integer not null default 0,
  attempted_at  timestamptz,
  failure       text,
  requested_by  text not null,
  started_at    timestamptz not null default now(),
  finished_at   timestamptz,
  check ((finished_at is null) = (phase not in ('done', 'failed')))
);

create unique index aegis_credential_rotation_one on aegis_credential_rotation (credential_id) where finished_at is null;

create view aegis_expiring_credentials as
select
  credential_name,
  provider,
  expires_at,
  expires_at - now() as time_until_expiry
from aegis_credentials
where expires_at is not null
  and expires_at < now() + interval '30 days'
order by expires_at;
