-- The key that what people and programs sign in with is hashed with.
alter table key drop constraint key_purpose_check;
alter table key add constraint key_purpose_check check (purpose in ('root', 'audit', 'fingerprint', 'token'));

-- A user is a person or a program that may ask for something. One is disabled,
-- never deleted, so that what it did keeps its name.
create table identity_user (
  id          uuid primary key default gen_random_uuid(),
  name        text not null unique check (name ~ '^[a-z][a-z0-9._-]{0,62}$'),
  role        text not null check (role in ('viewer', 'operator', 'admin', 'agent', 'service')),
  created_at  timestamptz not null,
  created_by  text not null check (created_by <> ''),
  disabled_at timestamptz
);

-- An API token, of which only a keyed hash is stored. What it may do is fixed
-- when it is made.
create table identity_token (
  id           text primary key check (id ~ '^[0-9A-Za-z]{8}$'),
  user_id      uuid not null references identity_user,
  name         text not null check (name <> ''),
  scopes       text[] not null check (scopes <> '{}'),
  hash         bytea not null check (octet_length(hash) = 32),
  key_version  integer not null,
  created_at   timestamptz not null,
  created_by   text not null check (created_by <> ''),
  expires_at   timestamptz not null,
  last_used_at timestamptz,
  revoked_at   timestamptz,
  check (expires_at > created_at and expires_at <= created_at + interval '365 days')
);

create index identity_token_user on identity_token (user_id);

-- A sign-in link opens one session, once.
create table identity_link (
  hash       bytea primary key check (octet_length(hash) = 32),
  user_id    uuid not null references identity_user,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at    timestamptz
);

create index identity_link_expiry on identity_link (expires_at);

-- A session that can go on; one that ended has no row.
create table identity_session (
  id           uuid primary key default gen_random_uuid(),
  hash         bytea not null unique check (octet_length(hash) = 32),
  user_id      uuid not null references identity_user,
  address      text not null,
  user_agent   text not null,
  created_at   timestamptz not null,
  last_seen_at timestamptz not null,
  expires_at   timestamptz not null
);

create index identity_session_user on identity_session (user_id);

-- How often an address showed what was never given to anybody, since when.
create table identity_failure (
  address    text primary key,
  started_at timestamptz not null,
  attempts   integer not null check (attempts > 0)
);

create index identity_failure_age on identity_failure (started_at);

-- The program can neither widen a token nor rename a user.
revoke update, delete, truncate on identity_user, identity_token from leveredge_app;
grant update (role, disabled_at) on identity_user to leveredge_app;
grant update (last_used_at, revoked_at) on identity_token to leveredge_app;
