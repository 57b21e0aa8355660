-- The keys that the data keys of credentials are sealed with, one for each environment.
alter table key drop constraint key_purpose_check;
alter table key add constraint key_purpose_check check (purpose in (
  'root', 'audit', 'fingerprint', 'token', 'credentials-dev', 'credentials-prod', 'credentials-shared'));

-- The root key, sealed with each unseal key that opens this store: the active one, the one
-- that a rotation has staged, and the previous one until it is dropped; at most one of each.
-- The check value tells a wrong unseal key before anything is opened with it.
create table key_root_seal (
  unseal_key_id text primary key check (unseal_key_id ~ '^[0-9a-f]{32}$'),
  root_id       uuid not null references key (id),
  state         text not null unique check (state in ('active', 'staged', 'previous')),
  wrapped       bytea not null,
  check_value   bytea not null check (octet_length(check_value) = 32),
  created_at    timestamptz not null default clock_timestamp(),
  changed_at    timestamptz not null default clock_timestamp()
);

create index key_root_seal_root on key_root_seal (root_id);

-- The header of a sealed value holds the id of its key from the sixth byte on.
insert into key_root_seal (unseal_key_id, root_id, state, wrapped, check_value)
select encode(substring(wrapped from 6 for 16), 'hex'), id, 'active', wrapped, check_value
from key
where purpose = 'root';

alter table key drop column check_value;
alter table key alter column wrapped drop not null;
update key set wrapped = null where purpose = 'root';
alter table key add constraint key_wrapped_check check ((purpose = 'root') = (wrapped is null));

revoke update, truncate on key_root_seal from leveredge_app;
grant update (state, changed_at) on key_root_seal to leveredge_app;

-- How the root key comes back when every unseal key is lost: sealed to an age recipient whose
-- owner has proven that he can decrypt, or the words of somebody who goes without.
create table key_recovery (
  id          uuid primary key default gen_random_uuid(),
  recipient   text unique,
  sealed      text,
  proven_at   timestamptz,
  words       text check (words <> ''),
  recorded_at timestamptz not null default now(),
  recorded_by text not null check (recorded_by <> ''),
  check ((recipient is null) = (sealed is null) and (recipient is null) = (proven_at is null)),
  check ((recipient is null) = (words is not null))
);

revoke update, truncate on key_recovery from leveredge_app;
grant update (sealed, proven_at, recorded_at, recorded_by) on key_recovery to leveredge_app;
