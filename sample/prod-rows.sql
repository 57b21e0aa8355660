-- Believable rows for the sample platform's prod. Everything but the three reference tables is user data.
select setseed(0.42);

insert into public.agent_configs (agent_name, agent_status, model, system_prompt, parameters, port) values
  ('CHIRON', 'active', 'claude-3-5-sonnet-20241022', 'You are CHIRON, the business mentor.', '{"temperature": 0.4}', 8017),
  ('SCHOLAR', 'active', 'claude-3-5-sonnet-20241022', 'You are SCHOLAR, the researcher.', '{"temperature": 0.2}', 8018),
  ('CONVENER', 'active', 'gpt-4o', 'You are CONVENER; you lead the council.', '{"temperature": 0.5}', 8300),
  ('SCRIBE', 'active', 'gpt-4o-mini', 'You are SCRIBE; you write the minutes.', '{"temperature": 0.1}', 8301),
  ('HERMES', 'active', 'claude-3-haiku-20240307', 'You are HERMES; you notify.', '{}', 8014),
  ('ARIA', 'active', 'claude-3-5-sonnet-20241022', 'You are ARIA, the assistant.', '{"temperature": 0.7}', 8001),
  ('CHRONOS', 'active', 'claude-3-haiku-20240307', 'You are CHRONOS; you keep backups.', '{}', 8010),
  ('AEGIS', 'paused', 'claude-3-haiku-20240307', 'You are AEGIS; you keep credentials.', '{}', 8012);
insert into public.workflow_metadata (workflow_id, workflow_name, description, owner_agent, tags, is_active)
  select 'wf-' || n, 'Workflow ' || n, 'Keeps step ' || n || ' going', (array['CHIRON', 'SCHOLAR', 'CONVENER', 'SCRIBE'])[1 + n % 4], array['core', 'tier-' || n % 3], n % 5 <> 0
    from generate_series(1, 60) n;
insert into public.system_settings (setting_key, setting_value, description)
  select 'setting.' || n, jsonb_build_object('value', n, 'unit', case when n % 2 = 0 then 'seconds' else 'items' end), 'Setting number ' || n
    from generate_series(1, 40) n;
insert into public.feature_flags (flag, is_enabled, rollout) select 'flag-' || n, n % 2 = 0, n * 5 from generate_series(1, 12) n;
insert into public.organizations (slug, name) select 'org-' || n, 'Organization ' || n from generate_series(1, 25) n;
insert into public.profiles (email, display_name) select 'person' || n || '@example.com', 'Person ' || n from generate_series(1, 400) n;
insert into public.organization_members (organization_id, profile_id)
  select o.id, p.id from public.organizations o join public.profiles p on abs(hashtext(o.id::text || p.id::text)) % 20 = 0;
alter table public.messages disable trigger messages_touch;
insert into public.conversations (organization_id, profile_id, agent_id, title, message_count, created_at)
  select o.id, p.id, 1 + n % 8, 'Conversation about topic ' || n, 6, timestamptz '2026-10-15' + n * interval '17 minutes'
    from generate_series(1, 2000) n
    join lateral (select id from public.profiles order by email offset n % 400 limit 1) p on true
    join lateral (select id from public.organizations order by slug offset n % 25 limit 1) o on true;
insert into public.messages (conversation_id, role, content, tokens, created_at)
  select c.id, (case when m % 2 = 0 then 'assistant' else 'user' end)::public.message_role,
         'Private message ' || m || ' of ' || c.title, 20 + m * 7, c.created_at + m * interval '1 minute'
    from public.conversations c cross join generate_series(1, 6) m;
alter table public.messages enable trigger messages_touch;
insert into public.agent_runs (agent_id, state, usage, started_at, finished_at)
  select 1 + n % 8, (case when n % 17 = 0 then 'failed' else 'succeeded' end)::public.run_state, row(n, n / 2, 0)::public.token_usage,
         timestamptz '2026-10-02' + n * interval '31 minutes', timestamptz '2026-10-02' + n * interval '31 minutes' + interval '9 seconds'
    from generate_series(1, 2400) n;
insert into public.llm_usage (agent_name, model, input_tokens, output_tokens, estimated_cost_usd, context, created_at)
  select a.agent_name, a.model, 200 + n % 900, 50 + n % 400, (200 + n % 900) * 0.000003, 'endpoint: /chat', timestamptz '2026-10-02' + n * interval '12 minutes'
    from generate_series(1, 6000) n join public.agent_configs a on a.id = 1 + n % 8;
insert into public.projects (organization_id, name) select id, 'Launch of ' || name from public.organizations;
insert into public.tasks (project_id, title, priority, estimate_minutes)
  select p.id, 'Task ' || n, (array['low', 'normal', 'high', 'urgent'])[1 + n % 4]::public.task_priority, 15 + n % 90
    from generate_series(1, 300) n join lateral (select id from public.projects order by name offset n % 25 limit 1) p on true;
insert into billing.plans (id, plan_name, price) values ('free', 'Free', 0), ('team', 'Team', 4900), ('scale', 'Scale', 19900);
insert into billing.subscriptions (organization_id, plan_id, renews_on) select id, 'team', date '2026-12-01' from public.organizations;
insert into billing.invoices (subscription_id, total, vat_rate) select id, 4900, 19 from billing.subscriptions;
insert into public.notifications (profile_id, body, state) select id, 'Welcome', 'sent' from public.profiles limit 100;
refresh materialized view analytics.agent_leaderboard;
analyze;
