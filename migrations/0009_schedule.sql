-- A schedule as it was last seen in the configuration. What was due before it
-- became known in this form is nobody's duty.
create table schedule (
  name        text primary key,
  cron        text not null,
  timezone    text not null,
  known_since timestamptz not null
);

-- A due time of a schedule, taken by whoever noticed it first: the row is the
-- claim. `outcome` is what came of the work.
create table schedule_tick (
  schedule    text not null references schedule on delete cascade,
  due_at      timestamptz not null,
  claimed_at  timestamptz not null,
  claimed_by  text not null,
  job_id      uuid,
  outcome     text,
  finished_at timestamptz,
  primary key (schedule, due_at),
  check ((outcome is null) = (finished_at is null))
);

create index schedule_tick_job on schedule_tick (job_id) where job_id is not null;

-- What the latest scheduled plan of a platform found loose: the next one tells
-- what changed.
create table hardening_watch (
  platform   text primary key,
  loose_ends jsonb not null,
  planned_at timestamptz not null
);
