-- Developed on dev, waiting for prod: feedback on agents.
create table public.agent_feedback (
  id         bigint generated always as identity primary key,
  agent_id   integer not null references public.agent_configs on delete cascade,
  rating     smallint not null check (rating between 1 and 5),
  remark     text,
  created_at timestamptz not null default now()
);

create index agent_feedback_agent on public.agent_feedback (agent_id, created_at desc);

alter table public.agent_configs add column feedback_enabled boolean not null default true;
