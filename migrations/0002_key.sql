-- The keys of this store, each sealed with the key above it: the root key with
-- the unseal key, which is a file outside the database, the others with the root
-- key. A row is written once; nothing here opens without the unseal key.
create table key (
  id          uuid primary key,
  purpose     text not null check (purpose in ('root', 'audit', 'fingerprint')),
  version     integer not null check (version > 0),
  wrapped     bytea not null,
  commitment  bytea not null check (octet_length(commitment) = 32),
  check_value bytea check (octet_length(check_value) = 32),
  created_at  timestamptz not null default clock_timestamp(),
  unique (purpose, version),
  check ((purpose = 'root') = (check_value is not null))
);

revoke update, delete, truncate on key from leveredge_app;
