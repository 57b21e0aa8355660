-- What happened to the platform in a person's words: one entry for each
-- significant operation, under the name that the platform knows. `source` names
-- the event and its store, wherever the entry is copied to.
create table aria_knowledge (
  id          integer generated always as identity primary key,
  title       text not null check (title <> ''),
  content     text not null,
  category    text not null check (category <> ''),
  source      text not null unique check (source <> ''),
  environment text check (environment in ('dev', 'prod', 'shared')),
  created_at  timestamptz not null
);

revoke update, delete, truncate on aria_knowledge from leveredge_app;

-- How far entries are copied to a table of the platform's own. `failure` is why
-- they wait; nothing is tried before `retry_at`.
create table knowledge_publication (
  target        text primary key check (target <> ''),
  last_entry_id integer not null default 0 check (last_entry_id >= 0),
  failure       text,
  remedy        text,
  retry_at      timestamptz,
  check ((failure is null) = (retry_at is null)),
  check (remedy is null or failure is not null)
);
