-- A hardening run is one execution of the sections over one platform. One
-- program works on it at a time: it holds the lease, and `attempt` fences off
-- whoever held it before.
create table hardening_run (
  id              uuid primary key default gen_random_uuid(),
  platform        text not null check (platform <> ''),
  state           text not null default 'running' check (state in ('running', 'verified', 'blocked', 'failed')),
  only_section    integer,
  config_sha256   text not null,
  program_version text not null,
  requested_by    text not null,
  attempt         integer not null default 1 check (attempt > 0),
  lease_owner     text not null,
  lease_until     timestamptz not null,
  loose_ends      jsonb not null default '[]',
  started_at      timestamptz not null default now(),
  finished_at     timestamptz,
  check ((state = 'running') = (finished_at is null))
);

create unique index hardening_run_unfinished on hardening_run (platform) where finished_at is null;
create index hardening_run_latest on hardening_run (platform, started_at desc);

-- A section of a run ends with its commit in the platform's checkout; `pending`
-- until that is settled.
create table hardening_section (
  run_id       uuid not null references hardening_run on delete cascade,
  number       integer not null,
  title        text not null,
  commit_state text not null default 'pending' check (commit_state in ('pending', 'committed', 'unchanged', 'skipped')),
  commit_hash  text,
  loose_ends   jsonb not null default '[]',
  primary key (run_id, number),
  check ((commit_state = 'committed') = (commit_hash is not null))
);

-- A step moves forward to one outcome. `plan` is what the step set out to do,
-- also after it was killed and planned again.
create table hardening_step (
  id               uuid primary key default gen_random_uuid(),
  run_id           uuid not null,
  section          integer not null,
  position         integer not null,
  environment      text not null check (environment in ('dev', 'prod', 'shared')),
  action           text not null,
  title            text not null,
  state            text not null default 'planned'
                   check (state in ('planned', 'applying', 'applied', 'verified', 'blocked', 'failed')),
  plan             jsonb,
  plan_fingerprint text,
  attempt          integer not null default 0,
  needs            text[] not null default '{}',
  evidence         jsonb not null default '{}',
  loose_ends       jsonb not null default '[]',
  started_at       timestamptz,
  finished_at      timestamptz,
  foreign key (run_id, section) references hardening_section on delete cascade,
  unique (run_id, section, environment, action),
  check ((state in ('verified', 'blocked', 'failed')) = (finished_at is not null)),
  check (state <> 'blocked' or needs <> '{}')
);

create index hardening_step_order on hardening_step (run_id, position);
