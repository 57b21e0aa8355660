-- How far each feed has followed the chain. The cursor moves in the transaction
-- that takes the events, so that each is taken once. `failure` is why the latest
-- attempt took none.
create table event_cursor (
  feed     text primary key check (feed <> ''),
  position bigint not null check (position >= 0),
  failure  text,
  moved_at timestamptz not null default now()
);
