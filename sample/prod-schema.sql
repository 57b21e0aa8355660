-- The sample platform's prod schema: an AI-agent platform on a Supabase-like PostgreSQL 15.
-- Roles anon, authenticated and service_role exist in the cluster before this file runs.

create extension if not exists pg_trgm;
create extension if not exists pgcrypto;

create schema billing;
create schema analytics;
create schema private;

create type public.agent_status as enum ('draft', 'active', 'paused', 'retired');
create type public.message_role as enum ('system', 'user', 'assistant', 'tool');
create type public.run_state as enum ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'timed_out');
create type public.task_priority as enum ('low', 'normal', 'high', 'urgent');
create type public.delivery_state as enum ('pending', 'sent', 'failed');
create type billing.plan_interval as enum ('month', 'year');
create type public.token_usage as (input_tokens bigint, output_tokens bigint, cached_tokens bigint);
create domain public.email_address as text check (value ~ '^[^@\s]+@[^@\s]+\.[^@\s]+$');
create domain public.slug as text check (value ~ '^[a-z0-9][a-z0-9-]*$') not null;
create domain billing.cents as bigint check (value >= 0);

create sequence billing.invoice_number start 1000 increment 1;
create sequence public.ticket_number start 1 increment 1 cache 10;

create function private.set_updated_at() returns trigger language plpgsql as $$
begin
  new.updated_at := now();
  return new;
end
$$;

create function private.jwt_subject() returns uuid language sql stable as $$
  select nullif(current_setting('request.jwt.claim.sub', true), '')::uuid
$$;

-- Tenancy and people
create table public.organizations (
  id uuid primary key default gen_random_uuid(),
  slug public.slug unique,
  name text not null check (length(name) between 1 and 200),
  settings jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create table public.profiles (
  id uuid primary key default gen_random_uuid(),
  email public.email_address not null unique,
  display_name text,
  locale text not null default 'en',
  avatar_path text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create table public.organization_members (
  organization_id uuid not null references public.organizations on delete cascade,
  profile_id uuid not null references public.profiles on delete cascade,
  member_role text not null default 'member' check (member_role in ('owner', 'admin', 'member', 'guest')),
  joined_at timestamptz not null default now(),
  primary key (organization_id, profile_id)
);
create table public.invitations (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations on delete cascade,
  email public.email_address not null,
  invited_by uuid references public.profiles on delete set null,
  expires_at timestamptz not null default now() + interval '7 days',
  accepted_at timestamptz,
  unique (organization_id, email)
);
create table public.user_preferences (
  profile_id uuid primary key references public.profiles on delete cascade,
  theme text not null default 'system',
  notifications jsonb not null default '{"email": true}',
  updated_at timestamptz not null default now()
);
create table public.api_clients (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations on delete cascade,
  client_name text not null,
  key_digest bytea not null,
  last_used_at timestamptz,
  created_at timestamptz not null default now()
);

-- Agents
create table public.agent_configs (
  id integer generated always as identity primary key,
  agent_name text not null unique,
  agent_status public.agent_status not null default 'draft',
  model text not null,
  system_prompt text not null default '',
  parameters jsonb not null default '{}',
  port integer check (port between 1 and 65535),
  updated_at timestamptz not null default now()
);
create table public.agent_versions (
  id bigint generated always as identity primary key,
  agent_id integer not null references public.agent_configs on delete cascade,
  version integer not null,
  definition jsonb not null,
  created_at timestamptz not null default now(),
  unique (agent_id, version)
);
create table public.agent_tools (
  id integer generated always as identity primary key,
  tool_name text not null unique,
  description text not null default '',
  input_schema jsonb not null default '{}'
);
create table public.agent_tool_bindings (
  agent_id integer not null references public.agent_configs on delete cascade,
  tool_id integer not null references public.agent_tools on delete restrict,
  is_enabled boolean not null default true,
  primary key (agent_id, tool_id)
);
create table public.agent_schedules (
  id integer generated always as identity primary key,
  agent_id integer not null references public.agent_configs on delete cascade,
  cron text not null,
  time_zone text not null default 'America/Los_Angeles',
  is_enabled boolean not null default true
);
create table public.agent_runs (
  id bigint generated always as identity,
  agent_id integer not null references public.agent_configs on delete cascade,
  state public.run_state not null default 'queued',
  usage public.token_usage,
  started_at timestamptz not null default now(),
  finished_at timestamptz,
  primary key (id, started_at),
  check (finished_at is null or finished_at >= started_at)
) partition by range (started_at);
create table public.agent_runs_2026_10 partition of public.agent_runs for values from ('2026-10-01') to ('2026-11-01');
create table public.agent_runs_2026_11 partition of public.agent_runs for values from ('2026-11-01') to ('2026-12-01');
create table public.agent_runs_2026_12 partition of public.agent_runs for values from ('2026-12-01') to ('2027-01-01');
create table public.agent_runs_other partition of public.agent_runs default;
create index agent_runs_agent_state on public.agent_runs (agent_id, state);
create index agent_runs_unfinished on public.agent_runs (started_at) where finished_at is null;
create table public.agent_run_steps (
  id bigint generated always as identity primary key,
  run_id bigint not null,
  position integer not null,
  tool_name text,
  input jsonb,
  output jsonb,
  duration_ms integer check (duration_ms >= 0),
  unique (run_id, position)
);

-- Workflows and settings
create table public.workflow_metadata (
  workflow_id text primary key,
  workflow_name text not null,
  description text,
  owner_agent text references public.agent_configs (agent_name) on update cascade on delete set null,
  tags text[] not null default '{}',
  is_active boolean not null default false,
  updated_at timestamptz not null default now()
);
create table public.workflow_runs (
  id bigint generated always as identity primary key,
  workflow_id text not null references public.workflow_metadata on delete cascade,
  state public.run_state not null default 'queued',
  started_at timestamptz not null default now(),
  finished_at timestamptz
);
create table public.workflow_nodes (
  workflow_id text not null references public.workflow_metadata on delete cascade,
  node_id text not null,
  node_type text not null,
  settings jsonb not null default '{}',
  primary key (workflow_id, node_id)
);
create table public.system_settings (
  setting_key text primary key,
  setting_value jsonb not null,
  description text,
  updated_at timestamptz not null default now()
);
create table public.feature_flags (
  flag text primary key,
  is_enabled boolean not null default false,
  rollout numeric(5, 2) not null default 0 check (rollout between 0 and 100)
);

-- Conversations: user data
create table public.conversations (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid references public.organizations on delete cascade,
  profile_id uuid not null references public.profiles on delete cascade,
  agent_id integer references public.agent_configs on delete set null,
  title text not null default '',
  is_archived boolean not null default false,
  message_count integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index conversations_profile_recent on public.conversations (profile_id, updated_at desc);
create index conversations_title_search on public.conversations using gin (title gin_trgm_ops);
create table public.conversation_participants (
  conversation_id uuid not null references public.conversations on delete cascade,
  profile_id uuid not null references public.profiles on delete cascade,
  last_read_at timestamptz,
  primary key (conversation_id, profile_id)
);
create table public.messages (
  id bigint generated always as identity,
  conversation_id uuid not null references public.conversations on delete cascade,
  role public.message_role not null,
  content text not null,
  tokens integer not null default 0 check (tokens >= 0),
  search_text tsvector generated always as (to_tsvector('english', content)) stored,
  created_at timestamptz not null default now(),
  primary key (id, created_at)
) partition by range (created_at);
create table public.messages_2026_10 partition of public.messages for values from ('2026-10-01') to ('2026-11-01');
create table public.messages_2026_11 partition of public.messages for values from ('2026-11-01') to ('2026-12-01');
create table public.messages_other partition of public.messages default;
create index messages_conversation on public.messages (conversation_id, created_at);
create index messages_search on public.messages using gin (search_text);
create table public.message_attachments (
  id uuid primary key default gen_random_uuid(),
  message_id bigint not null,
  path text not null,
  media_type text not null,
  size_bytes bigint not null check (size_bytes >= 0)
);
create table public.message_feedback (
  id bigint generated always as identity primary key,
  message_id bigint not null,
  profile_id uuid references public.profiles on delete set null,
  rating smallint not null check (rating in (-1, 1)),
  comment text,
  created_at timestamptz not null default now()
);

-- Prompts and knowledge
create table public.prompts (
  id integer generated always as identity primary key,
  prompt_key text not null unique,
  purpose text not null default ''
);
create table public.prompt_versions (
  prompt_id integer not null references public.prompts on delete cascade,
  version integer not null,
  body text not null,
  is_current boolean not null default false,
  created_at timestamptz not null default now(),
  primary key (prompt_id, version)
);
create unique index prompt_versions_one_current on public.prompt_versions (prompt_id) where is_current;
create table public.prompt_evaluations (
  id bigint generated always as identity primary key,
  prompt_id integer not null,
  version integer not null,
  score numeric(6, 4) not null,
  evaluated_at timestamptz not null default now(),
  foreign key (prompt_id, version) references public.prompt_versions on delete cascade
);
create table public.knowledge_sources (
  id integer generated always as identity primary key,
  source_name text not null unique,
  kind text not null check (kind in ('web', 'drive', 'notion', 'upload')),
  refresh_every interval not null default interval '1 day'
);
create table public.knowledge_documents (
  id uuid primary key default gen_random_uuid(),
  source_id integer not null references public.knowledge_sources on delete cascade,
  title text not null,
  content_sha256 bytea not null,
  fetched_at timestamptz not null default now()
);
create table public.knowledge_chunks (
  document_id uuid not null references public.knowledge_documents on delete cascade,
  position integer not null,
  content text not null,
  embedding real[],
  primary key (document_id, position)
);
create index knowledge_chunks_content on public.knowledge_chunks using gin (content gin_trgm_ops);
create table public.aria_knowledge (
  id bigint generated always as identity primary key,
  category text not null,
  title text not null,
  content text not null,
  importance text not null default 'normal',
  created_at timestamptz not null default now()
);

-- Projects and tasks
create table public.projects (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations on delete cascade,
  name text not null,
  due_on date,
  created_at timestamptz not null default now()
);
create table public.project_members (
  project_id uuid not null references public.projects on delete cascade,
  profile_id uuid not null references public.profiles on delete cascade,
  primary key (project_id, profile_id)
);
create table public.tasks (
  id bigint primary key default nextval('public.ticket_number'),
  project_id uuid references public.projects on delete cascade,
  title text not null,
  priority public.task_priority not null default 'normal',
  assignee uuid references public.profiles on delete set null,
  estimate_minutes integer,
  done_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint tasks_estimate_positive check (estimate_minutes > 0)
);
alter sequence public.ticket_number owned by public.tasks.id;
create index tasks_open_by_assignee on public.tasks (assignee, priority) where done_at is null;
create table public.task_dependencies (
  task_id bigint not null references public.tasks on delete cascade,
  depends_on bigint not null references public.tasks on delete cascade,
  primary key (task_id, depends_on),
  check (task_id <> depends_on)
);
create table public.task_comments (
  id bigint generated always as identity primary key,
  task_id bigint not null references public.tasks on delete cascade,
  author uuid references public.profiles on delete set null,
  body text not null,
  created_at timestamptz not null default now()
);

-- Integrations, files, notifications
create table public.integrations (
  id integer generated always as identity primary key,
  integration_name text not null unique,
  docs_url text
);
create table public.integration_accounts (
  id uuid primary key default gen_random_uuid(),
  integration_id integer not null references public.integrations on delete restrict,
  organization_id uuid not null references public.organizations on delete cascade,
  account_label text not null,
  sealed_credential bytea
);
create table public.webhooks (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations on delete cascade,
  target_url text not null,
  event_types text[] not null default '{}',
  is_enabled boolean not null default true
);
create table public.webhook_deliveries (
  id bigint generated always as identity primary key,
  webhook_id uuid not null references public.webhooks on delete cascade,
  state public.delivery_state not null default 'pending',
  attempts integer not null default 0,
  response_status integer,
  created_at timestamptz not null default now()
);
create index webhook_deliveries_pending on public.webhook_deliveries (created_at) where state = 'pending';
create table public.files (
  id uuid primary key default gen_random_uuid(),
  owner uuid references public.profiles on delete cascade,
  path text not null unique,
  size_bytes bigint not null default 0
);
create table public.file_versions (
  file_id uuid not null references public.files on delete cascade,
  version integer not null,
  content_sha256 bytea not null,
  primary key (file_id, version)
);
create table public.notification_channels (
  id integer generated always as identity primary key,
  profile_id uuid references public.profiles on delete cascade,
  kind text not null,
  settings jsonb not null default '{}'
);
create table public.notifications (
  id bigint generated always as identity primary key,
  profile_id uuid not null references public.profiles on delete cascade,
  body text not null,
  state public.delivery_state not null default 'pending',
  created_at timestamptz not null default now()
);
create table public.audit_log (
  id bigint generated always as identity,
  actor text not null,
  action text not null,
  details jsonb not null default '{}',
  logged_at timestamptz not null default now(),
  primary key (id, logged_at)
) partition by range (logged_at);
create table public.audit_log_2026_h2 partition of public.audit_log for values from ('2026-07-01') to ('2027-01-01');
create table public.audit_log_other partition of public.audit_log default;

-- LLM cost
create table public.llm_usage (
  id bigint generated always as identity primary key,
  agent_name text not null,
  model text not null,
  input_tokens integer not null,
  output_tokens integer not null,
  estimated_cost_usd numeric(12, 6) not null default 0,
  context text,
  operation text,
  created_at timestamptz not null default now()
);
create index llm_usage_agent_day on public.llm_usage (agent_name, created_at);
create table public.llm_usage_daily (
  day date not null,
  agent_name text not null,
  model text not null,
  calls bigint not null default 0,
  total_cost numeric(14, 6) not null default 0,
  primary key (day, agent_name, model)
);

-- Billing and analytics
create table billing.plans (
  id text primary key,
  plan_name text not null,
  price billing.cents not null,
  plan_interval billing.plan_interval not null default 'month',
  features jsonb not null default '[]'
);
create table billing.subscriptions (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null unique references public.organizations on delete cascade,
  plan_id text not null references billing.plans on delete restrict,
  renews_on date not null,
  cancelled_at timestamptz
);
create table billing.invoices (
  id bigint primary key default nextval('billing.invoice_number'),
  subscription_id uuid not null references billing.subscriptions on delete restrict,
  total billing.cents not null,
  vat_rate numeric(4, 2) not null default 0,
  issued_on date not null default current_date,
  gross numeric generated always as (total * (1 + vat_rate / 100)) stored
);
create table billing.invoice_lines (
  invoice_id bigint not null references billing.invoices on delete cascade,
  line integer not null,
  description text not null,
  amount billing.cents not null,
  primary key (invoice_id, line)
);
create table billing.credits (
  id bigint generated always as identity primary key,
  organization_id uuid not null references public.organizations on delete cascade,
  amount billing.cents not null,
  reason text
);
create table analytics.sessions (
  id uuid primary key default gen_random_uuid(),
  profile_id uuid,
  started_at timestamptz not null default now()
);
create table analytics.page_views (
  session_id uuid not null references analytics.sessions on delete cascade,
  path text not null,
  viewed_at timestamptz not null default now()
);
create table analytics.daily_rollup (
  day date primary key,
  active_users integer not null default 0,
  messages integer not null default 0
);

-- Functions and triggers
create function public.touch_conversation() returns trigger language plpgsql as $$
begin
  update public.conversations
     set message_count = message_count + 1, updated_at = now()
   where id = new.conversation_id;
  return new;
end
$$;
create function public.search_messages(query text, max_rows integer default 20)
returns table (message_id bigint, conversation_id uuid, rank real)
language sql stable security invoker set search_path = public as $$
  select m.id, m.conversation_id, ts_rank(m.search_text, websearch_to_tsquery('english', query))
    from public.messages m
   where m.search_text @@ websearch_to_tsquery('english', query)
   order by 3 desc
   limit max_rows
$$;
create function public.organization_spend(organization uuid, since date) returns numeric
language sql stable security definer set search_path = public, billing as $$
  select coalesce(sum(i.gross), 0)
    from billing.invoices i
    join billing.subscriptions s on s.id = i.subscription_id
   where s.organization_id = organization and i.issued_on >= since
$$;
create function public.agent_cost(agent text, since timestamptz default now() - interval '30 days') returns numeric
language sql stable as $$
  select coalesce(sum(estimated_cost_usd), 0) from public.llm_usage where agent_name = agent and created_at >= since
$$;
create function public.is_member(organization uuid) returns boolean
language sql stable security definer set search_path = public as $$
  select exists (
    select 1 from public.organization_members
     where organization_id = organization and profile_id = private.jwt_subject()
  )
$$;
create function public.notify_hermes() returns trigger language plpgsql as $$
begin
  perform pg_notify('hermes', json_build_object('url', 'http://localhost:8014/notify', 'id', new.id)::text);
  return new;
end
$$;
create procedure public.archive_conversations(older_than interval) language sql as $$
  update public.conversations set is_archived = true where updated_at < now() - older_than
$$;
create aggregate public.longest_text(text) (sfunc = textcat, stype = text, initcond = '');

create trigger organizations_updated before update on public.organizations for each row execute function private.set_updated_at();
create trigger profiles_updated before update on public.profiles for each row execute function private.set_updated_at();
create trigger agent_configs_updated before update on public.agent_configs for each row execute function private.set_updated_at();
create trigger workflow_metadata_updated before update on public.workflow_metadata for each row execute function private.set_updated_at();
create trigger system_settings_updated before update on public.system_settings for each row execute function private.set_updated_at();
create trigger conversations_updated before update on public.conversations for each row execute function private.set_updated_at();
create trigger tasks_updated before update on public.tasks for each row execute function private.set_updated_at();
create trigger messages_touch after insert on public.messages for each row execute function public.touch_conversation();
create trigger notifications_hermes after insert on public.notifications for each row execute function public.notify_hermes();

-- Views
create view public.agent_overview with (security_invoker = true) as
  select a.id, a.agent_name, a.agent_status, a.model, count(r.id) as runs, max(r.started_at) as last_run_at
    from public.agent_configs a left join public.agent_runs r on r.agent_id = a.id
   group by a.id;
create view public.open_tasks as
  select t.id, t.title, t.priority, p.name as project from public.tasks t left join public.projects p on p.id = t.project_id where t.done_at is null;
create view public.conversation_activity as
  select c.id, c.profile_id, c.message_count, c.updated_at from public.conversations c where not c.is_archived;
create view billing.revenue as
  select date_trunc('month', issued_on)::date as month, sum(gross) as gross from billing.invoices group by 1;
create view public.llm_cost_by_agent as
  select agent_name, model, count(*) as calls, sum(estimated_cost_usd) as cost from public.llm_usage group by 1, 2;
create materialized view analytics.agent_leaderboard as
  select agent_name, sum(input_tokens + output_tokens) as tokens from public.llm_usage group by 1;
create unique index agent_leaderboard_agent on analytics.agent_leaderboard (agent_name);

-- Row level security
alter table public.organizations enable row level security;
alter table public.profiles enable row level security;
alter table public.organization_members enable row level security;
alter table public.conversations enable row level security;
alter table public.conversation_participants enable row level security;
alter table public.messages enable row level security;
alter table public.projects enable row level security;
alter table public.tasks enable row level security;
alter table public.files enable row level security;
alter table public.notifications enable row level security;
alter table public.api_clients enable row level security;
alter table public.api_clients force row level security;
alter table billing.invoices enable row level security;
create policy organizations_members on public.organizations for select to authenticated using (public.is_member(id));
create policy profiles_self on public.profiles for all to authenticated using (id = private.jwt_subject()) with check (id = private.jwt_subject());
create policy members_read on public.organization_members for select to authenticated using (public.is_member(organization_id));
create policy conversations_own on public.conversations for all to authenticated using (profile_id = private.jwt_subject());
create policy conversations_service on public.conversations for all to service_role using (true) with check (true);
create policy participants_own on public.conversation_participants for select to authenticated using (profile_id = private.jwt_subject());
create policy messages_own on public.messages for select to authenticated
  using (exists (select 1 from public.conversations c where c.id = conversation_id and c.profile_id = private.jwt_subject()));
create policy projects_members on public.projects for all to authenticated using (public.is_member(organization_id));
create policy tasks_members on public.tasks for select to authenticated
  using (exists (select 1 from public.projects p where p.id = project_id and public.is_member(p.organization_id)));
create policy files_own on public.files for all to authenticated using (owner = private.jwt_subject());
create policy notifications_own on public.notifications for select to authenticated using (profile_id = private.jwt_subject());
create policy api_clients_none on public.api_clients as restrictive for all to anon using (false);
create policy invoices_members on billing.invoices for select to authenticated
  using (exists (select 1 from billing.subscriptions s where s.id = subscription_id and public.is_member(s.organization_id)));

-- Grants
grant usage on schema public to anon, authenticated, service_role;
grant usage on schema billing, analytics, private to service_role;
grant select on public.integrations, public.feature_flags to anon;
grant select, insert, update, delete on all tables in schema public to service_role;
grant select, insert, update, delete on public.conversations, public.messages, public.projects, public.tasks, public.files to authenticated;
grant select on public.organizations, public.profiles, public.agent_overview, public.open_tasks to authenticated;
grant update (display_name, locale, avatar_path) on public.profiles to authenticated;
grant select on all tables in schema billing to service_role;
revoke execute on function public.organization_spend(uuid, date) from public;
grant execute on function public.organization_spend(uuid, date) to service_role;
grant execute on function public.search_messages(text, integer) to authenticated;
alter default privileges in schema public grant select on tables to service_role;

-- The rest
create publication supabase_realtime for table public.messages, public.notifications, public.tasks;
alter table public.tasks replica identity full;
alter table public.knowledge_chunks alter column content set storage external;
alter table public.llm_usage alter column agent_name set statistics 500;
create statistics public.llm_usage_agent_model (ndistinct, dependencies) on agent_name, model from public.llm_usage;
comment on table public.agent_configs is 'One row for each agent; mirrored to dev';
comment on column public.agent_configs.parameters is 'Temperature, limits and tool choice';
comment on function public.agent_cost(text, timestamptz) is 'Dollars an agent has cost since an instant';
