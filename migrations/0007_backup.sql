-- What became of the newest file of a backup set each time it was restored. A
-- set without a file is `missing`; `stale` is told apart from the verdict,
-- because a file that is too old may still restore.
create table backup_drill (
  id           uuid primary key default gen_random_uuid(),
  set_name     text not null check (set_name <> ''),
  environment  text not null check (environment in ('dev', 'prod', 'shared')),
  file         text,
  verdict      text not null check (verdict in ('verified', 'damaged', 'unverifiable', 'missing')),
  assurance    text check (assurance in ('content', 'restored', 'stubs')),
  stale        boolean not null,
  why          text not null,
  restore_ms   bigint,
  verify_ms    bigint,
  data_at      timestamptz,
  file_sha256  text check (file_sha256 ~ '^[0-9a-f]{64}$'),
  work_id      uuid,
  requested_by text not null,
  started_at   timestamptz not null,
  finished_at  timestamptz not null default now(),
  evidence     jsonb not null default '{}',
  check ((verdict = 'missing') = (file is null)),
  check (verdict <> 'verified' or (assurance is not null and file_sha256 is not null))
);

create index backup_drill_latest on backup_drill (set_name, finished_at desc);
-- What asked for it, a step of a run or a job: killed and done again, it drills each set once.
create unique index backup_drill_work on backup_drill (work_id, set_name) where work_id is not null;
