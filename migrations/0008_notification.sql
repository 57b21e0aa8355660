-- A notification is a message for people: of an event, or asked for. Equal ones
-- (`dedupe_digest`) about one thing (`dedupe_key`) are counted for an hour and not
-- sent again, unless something else is said of that thing in between.
create table notification (
  id             uuid primary key default gen_random_uuid(),
  event_position bigint unique,
  severity       text not null check (severity in ('high', 'normal', 'low')),
  section        integer,
  title          text not null,
  text           text not null,
  dedupe_key     text check (dedupe_key <> ''),
  dedupe_digest  text,
  repeats        integer not null default 0 check (repeats >= 0),
  actor          text not null check (actor <> ''),
  created_at     timestamptz not null,
  check (title <> '' or text <> ''),
  check ((dedupe_key is null) or (dedupe_digest is not null))
);

create index notification_dedupe on notification (dedupe_key, created_at desc) where dedupe_key is not null;
create index notification_latest on notification (created_at desc);

-- The outbox: what is to be sent where. The id goes with every attempt, so that a
-- message that arrives twice can be told. `attempt` only grows: it fences off a
-- sender that was given up. `tries` drives the delays and begins anew when somebody
-- has a dead one sent again.
create table delivery (
  id              uuid primary key default gen_random_uuid(),
  notification_id uuid not null references notification on delete cascade,
  channel         text not null check (channel <> ''),
  state           text not null default 'waiting' check (state in ('waiting', 'sending', 'sent', 'dead')),
  attempt         integer not null default 0 check (attempt >= 0),
  tries           integer not null default 0 check (tries >= 0),
  tried_since     timestamptz,
  sent_parts      integer not null default 0 check (sent_parts >= 0),
  next_attempt_at timestamptz not null,
  lease_until     timestamptz,
  last_error      text,
  remote_id       text,
  sent_at         timestamptz,
  created_at      timestamptz not null,
  unique (notification_id, channel),
  check ((state = 'sending') = (lease_until is not null)),
  check ((state = 'sent') = (sent_at is not null))
);

create index delivery_due on delivery (channel, next_attempt_at) where state in ('waiting', 'sending');
create index delivery_dead on delivery (created_at) where state = 'dead';

-- What holds a whole channel: a service that asked for patience, or a secret that
-- cannot be opened.
create table channel_hold (
  channel text primary key check (channel <> ''),
  kind    text not null check (kind in ('paused', 'blocked')),
  until   timestamptz not null,
  why     text not null,
  since   timestamptz not null
);
