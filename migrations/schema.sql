-- Generated from the migrations by scripts/generate.ts: for readers, never applied.

CREATE SCHEMA leveredge;

CREATE FUNCTION leveredge.llm_usage_drop_partition(month date) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '1s'
    AS $$
declare
  next timestamptz := (date_trunc('month', month::timestamp) + interval '1 month') at time zone 'UTC';
  name text := to_char(month, '"llm_usage_"YYYY"_"MM');
begin
  if next > now() - interval '60 days' then
    raise exception 'the calls of % are not 60 days old', to_char(month, 'YYYY-MM') using errcode = 'datetime_field_overflow';
  end if;
  perform pg_advisory_xact_lock(hashtextextended('leveredge.llm_usage partitions', 0));
  if to_regclass(format('leveredge.%I', name)) is null then
    return false;
  end if;
  execute format('drop table leveredge.%I', name);
  update leveredge.llm_usage_state set complete_from = greatest(complete_from, next);
  return true;
end $$;

CREATE FUNCTION leveredge.llm_usage_find_keys(wanted uuid[]) RETURNS TABLE(key uuid, usage_id bigint)
    LANGUAGE sql STABLE ROWS 10
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
  select known.key, known.usage_id from leveredge.llm_usage_key as known where known.key = any (wanted)
$$;

CREATE FUNCTION leveredge.llm_usage_make_partition(month date) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  first   timestamptz := date_trunc('month', month::timestamp) at time zone 'UTC';
  next    timestamptz := (date_trunc('month', month::timestamp) + interval '1 month') at time zone 'UTC';
  name    text := to_char(month, '"llm_usage_"YYYY"_"MM');
  grantee text;
begin
  perform pg_advisory_xact_lock(hashtextextended('leveredge.llm_usage partitions', 0));
  if to_regclass(format('leveredge.%I', name)) is not null then
    return false;
  end if;
  if next <= (select complete_from from leveredge.llm_usage_state) or first > now() + interval '3 months' then
    raise exception 'the ledger keeps no calls of %', to_char(month, 'YYYY-MM') using errcode = 'datetime_field_overflow';
  end if;
  execute format('create table leveredge.%I (like leveredge.llm_usage including all)', name);
  execute format('alter table leveredge.llm_usage attach partition leveredge.%I for values from (%L) to (%L)', name, first, next);
  for grantee in
    select distinct case privilege.grantee when 0 then 'public' else privilege.grantee::regrole::text end
      from pg_class, aclexplode(relacl) as privilege
     where pg_class.oid = to_regclass(format('leveredge.%I', name))
       and privilege.grantee not in (relowner, 'leveredge_app'::regrole)
  loop
    execute format('revoke all on leveredge.%I from %s', name, grantee);
  end loop;
  return true;
end $$;

CREATE FUNCTION leveredge.refuse_rewriting() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
begin
  raise exception 'rows of % are written once', tg_table_name using errcode = 'insufficient_privilege';
end
$$;

CREATE TABLE leveredge.aegis_credential_check (
    id bigint NOT NULL,
    credential_id integer NOT NULL,
    version integer NOT NULL,
    verdict text NOT NULL,
    detail text NOT NULL,
    status text,
    latency_ms integer NOT NULL,
    identity text,
    scopes text[],
    expires_at timestamp with time zone,
    requested_by text NOT NULL,
    checked_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT aegis_credential_check_latency_ms_check CHECK ((latency_ms >= 0))
);

ALTER TABLE leveredge.aegis_credential_check ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME leveredge.aegis_credential_check_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE leveredge.aegis_credential_field (
    credential_id integer NOT NULL,
    version integer NOT NULL,
    field text NOT NULL,
    sealed bytea NOT NULL,
    fingerprint bytea NOT NULL,
    fingerprint_version integer NOT NULL,
    CONSTRAINT aegis_credential_field_field_check CHECK ((field <> ''::text)),
    CONSTRAINT aegis_credential_field_fingerprint_check CHECK ((octet_length(fingerprint) = 32))
);

CREATE TABLE leveredge.aegis_credential_reminder (
    credential_id integer NOT NULL,
    kind text NOT NULL,
    due_on date NOT NULL,
    days_before integer NOT NULL,
    reminded_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT aegis_credential_reminder_kind_check CHECK ((kind = ANY (ARRAY['expiry'::text, 'rotation'::text])))
);

CREATE TABLE leveredge.aegis_credential_rotation (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    credential_id integer NOT NULL,
    old_version integer NOT NULL,
    manager text,
    phase text DEFAULT 'create'::text NOT NULL,
    old_handle text,
    new_handle text,
    grace_s integer NOT NULL,
    asked_at timestamp with time zone,
    switched_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    attempted_at timestamp with time zone,
    failure text,
    requested_by text NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT aegis_credential_rotation_check CHECK (((finished_at IS NULL) = (phase <> ALL (ARRAY['done'::text, 'failed'::text])))),
    CONSTRAINT aegis_credential_rotation_grace_s_check CHECK ((grace_s >= 0)),
    CONSTRAINT aegis_credential_rotation_phase_check CHECK ((phase = ANY (ARRAY['create'::text, 'apply'::text, 'check'::text, 'switch'::text, 'wait'::text, 'revoke'::text, 'confirm'::text, 'done'::text, 'failed'::text])))
);

CREATE TABLE leveredge.aegis_credential_version (
    credential_id integer NOT NULL,
    version integer NOT NULL,
    environment text NOT NULL,
    origin text NOT NULL,
    settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    dek_id uuid NOT NULL,
    kek_version integer NOT NULL,
    wrapped bytea NOT NULL,
    commitment bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text NOT NULL,
    CONSTRAINT aegis_credential_version_commitment_check CHECK ((octet_length(commitment) = 32)),
    CONSTRAINT aegis_credential_version_environment_check CHECK ((environment = ANY (ARRAY['dev'::text, 'prod'::text, 'shared'::text]))),
    CONSTRAINT aegis_credential_version_kek_version_check CHECK ((kek_version > 0)),
    CONSTRAINT aegis_credential_version_version_check CHECK ((version > 0))
);

CREATE TABLE leveredge.aegis_credentials (
    id integer NOT NULL,
    uid uuid DEFAULT gen_random_uuid() NOT NULL,
    credential_name text NOT NULL,
    provider text NOT NULL,
    environment text DEFAULT 'prod'::text NOT NULL,
    version integer DEFAULT 0 NOT NULL,
    revision integer DEFAULT 1 NOT NULL,
    expires_at timestamp with time zone,
    expiry_source text DEFAULT 'unknown'::text NOT NULL,
    declared_expires_at timestamp with time zone,
    discovered_expires_at timestamp with time zone,
    last_validated_at timestamp with time zone,
    validation_status text DEFAULT 'unknown'::text NOT NULL,
    attempted_at timestamp with time zone,
    attempt_verdict text,
    attempt_detail text,
    dead_verdict text,
    dead_seen_at timestamp with time zone,
    confirm_after timestamp with time zone,
    identity text,
    scopes text[],
    rotation_reminder_days integer DEFAULT 90 NOT NULL,
    value_changed_at timestamp with time zone,
    quarantined_at timestamp with time zone,
    quarantine_reason text,
    note text,
    check_claimed_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT aegis_credentials_check CHECK (((dead_verdict IS NULL) = (dead_seen_at IS NULL))),
    CONSTRAINT aegis_credentials_check1 CHECK (((dead_verdict IS NULL) = (confirm_after IS NULL))),
    CONSTRAINT aegis_credentials_check2 CHECK (((quarantined_at IS NULL) = (quarantine_reason IS NULL))),
    CONSTRAINT aegis_credentials_check3 CHECK (((expires_at IS NULL) = (expiry_source = 'unknown'::text))),
    CONSTRAINT aegis_credentials_credential_name_check CHECK ((credential_name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$'::text)),
    CONSTRAINT aegis_credentials_dead_verdict_check CHECK ((dead_verdict = ANY (ARRAY['invalid'::text, 'expired'::text, 'revoked'::text]))),
    CONSTRAINT aegis_credentials_environment_check CHECK ((environment = ANY (ARRAY['dev'::text, 'prod'::text, 'shared'::text]))),
    CONSTRAINT aegis_credentials_expiry_source_check CHECK ((expiry_source = ANY (ARRAY['discovered'::text, 'declared'::text, 'unknown'::text]))),
    CONSTRAINT aegis_credentials_revision_check CHECK ((revision > 0)),
    CONSTRAINT aegis_credentials_rotation_reminder_days_check CHECK ((rotation_reminder_days > 0)),
    CONSTRAINT aegis_credentials_validation_status_check CHECK ((validation_status = ANY (ARRAY['valid'::text, 'insufficient_scope'::text, 'invalid'::text, 'expired'::text, 'revoked'::text, 'unknown'::text, 'not_checkable'::text]))),
    CONSTRAINT aegis_credentials_version_check CHECK ((version >= 0))
);

ALTER TABLE leveredge.aegis_credentials ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME leveredge.aegis_credentials_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW leveredge.aegis_expiring_credentials AS
 SELECT aegis_credentials.credential_name,
    aegis_credentials.provider,
    aegis_credentials.expires_at,
    (aegis_credentials.expires_at - now()) AS time_until_expiry
   FROM leveredge.aegis_credentials
  WHERE ((aegis_credentials.expires_at IS NOT NULL) AND (aegis_credentials.expires_at < (now() + '30 days'::interval)))
  ORDER BY aegis_credentials.expires_at;

CREATE TABLE leveredge.aegis_providers (
    id integer NOT NULL,
    provider_name text NOT NULL,
    provider_type text NOT NULL,
    base_url text,
    auth_endpoint text,
    token_endpoint text,
    docs_url text,
    required_scopes text[],
    credential_fields jsonb,
    validation_endpoint text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    definition jsonb NOT NULL,
    source text NOT NULL,
    CONSTRAINT aegis_providers_provider_name_check CHECK ((provider_name <> ''::text)),
    CONSTRAINT aegis_providers_provider_type_check CHECK ((provider_type = ANY (ARRAY['api_key'::text, 'oauth2'::text, 'service_account'::text, 'basic'::text, 'connection_url'::text]))),
    CONSTRAINT aegis_providers_source_check CHECK ((source = ANY (ARRAY['built-in'::text, 'configuration'::text, 'api'::text])))
);

ALTER TABLE leveredge.aegis_providers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME leveredge.aegis_providers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE leveredge.aria_knowledge (
    id integer NOT NULL,
    title text NOT NULL,
    content text NOT NULL,
    category text NOT NULL,
    source text NOT NULL,
    environment text,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT aria_knowledge_category_check CHECK ((category <> ''::text)),
    CONSTRAINT aria_knowledge_environment_check CHECK ((environment = ANY (ARRAY['dev'::text, 'prod'::text, 'shared'::text]))),
    CONSTRAINT aria_knowledge_source_check CHECK ((source <> ''::text)),
    CONSTRAINT aria_knowledge_title_check CHECK ((title <> ''::text))
);

ALTER TABLE leveredge.aria_knowledge ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME leveredge.aria_knowledge_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE leveredge.backup_drill (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    set_name text NOT NULL,
    environment text NOT NULL,
    file text,
    verdict text NOT NULL,
    assurance text,
    stale boolean NOT NULL,
    why text NOT NULL,
    restore_ms bigint,
    verify_ms bigint,
    data_at timestamp with time zone,
    file_sha256 text,
    work_id uuid,
    requested_by text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone DEFAULT now() NOT NULL,
    evidence jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT backup_drill_assurance_check CHECK ((assurance = ANY (ARRAY['content'::text, 'restored'::text, 'stubs'::text]))),
    CONSTRAINT backup_drill_check CHECK (((verdict = 'missing'::text) = (file IS NULL))),
    CONSTRAINT backup_drill_check1 CHECK (((verdict <> 'verified'::text) OR ((assurance IS NOT NULL) AND (file_sha256 IS NOT NULL)))),
    CONSTRAINT backup_drill_environment_check CHECK ((environment = ANY (ARRAY['dev'::text, 'prod'::text, 'shared'::text]))),
    CONSTRAINT backup_drill_file_sha256_check CHECK ((file_sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT backup_drill_set_name_check CHECK ((set_name <> ''::text)),
    CONSTRAINT backup_drill_verdict_check CHECK ((verdict = ANY (ARRAY['verified'::text, 'damaged'::text, 'unverifiable'::text, 'missing'::text])))
);

CREATE TABLE leveredge.channel_hold (
    channel text NOT NULL,
    kind text NOT NULL,
    until timestamp with time zone NOT NULL,
    why text NOT NULL,
    since timestamp with time zone NOT NULL,
    CONSTRAINT channel_hold_channel_check CHECK ((channel <> ''::text)),
    CONSTRAINT channel_hold_kind_check CHECK ((kind = ANY (ARRAY['paused'::text, 'blocked'::text])))
);

CREATE TABLE leveredge.delivery (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    notification_id uuid NOT NULL,
    channel text NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    tried_since timestamp with time zone,
    sent_parts integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamp with time zone NOT NULL,
    lease_until timestamp with time zone,
    last_error text,
    remote_id text,
    sent_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT delivery_attempt_check CHECK ((attempt >= 0)),
    CONSTRAINT delivery_channel_check CHECK ((channel <> ''::text)),
    CONSTRAINT delivery_check CHECK (((state = 'sending'::text) = (lease_until IS NOT NULL))),
    CONSTRAINT delivery_check1 CHECK (((state = 'sent'::text) = (sent_at IS NOT NULL))),
    CONSTRAINT delivery_sent_parts_check CHECK ((sent_parts >= 0)),
    CONSTRAINT delivery_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'sending'::text, 'sent'::text, 'dead'::text]))),
    CONSTRAINT delivery_tries_check CHECK ((tries >= 0))
);

CREATE TABLE leveredge.event (
    id bigint NOT NULL,
    key text,
    at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    environment text,
    outcome text NOT NULL,
    details jsonb NOT NULL,
    key_version integer NOT NULL,
    mac bytea NOT NULL,
    CONSTRAINT event_action_check CHECK ((action <> ''::text)),
    CONSTRAINT event_actor_check CHECK ((actor <> ''::text)),
    CONSTRAINT event_details_check CHECK ((jsonb_typeof(details) = 'object'::text)),
    CONSTRAINT event_environment_check CHECK ((environment = ANY (ARRAY['dev'::text, 'prod'::text, 'shared'::text]))),
    CONSTRAINT event_key_check CHECK ((key <> ''::text)),
    CONSTRAINT event_mac_check CHECK ((octet_length(mac) = 32)),
    CONSTRAINT event_outcome_check CHECK ((outcome <> ''::text))
);

CREATE TABLE leveredge.event_chain (
    "position" bigint NOT NULL,
    event_id bigint NOT NULL,
    key_version integer NOT NULL,
    mac bytea NOT NULL,
    CONSTRAINT event_chain_mac_check CHECK ((octet_length(mac) = 32)),
    CONSTRAINT event_chain_position_check CHECK (("position" > 0))
);

CREATE TABLE leveredge.event_cursor (
    feed text NOT NULL,
    "position" bigint NOT NULL,
    failure text,
    moved_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT event_cursor_feed_check CHECK ((feed <> ''::text)),
    CONSTRAINT event_cursor_position_check CHECK (("position" >= 0))
);

ALTER TABLE leveredge.event ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME leveredge.event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE leveredge.event_unsealed (
    event_id bigint NOT NULL
);

CREATE TABLE leveredge.hardening_run (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    platform text NOT NULL,
    state text DEFAULT 'running'::text NOT NULL,
    only_section integer,
    config_sha256 text NOT NULL,
    program_version text NOT NULL,
    requested_by text NOT NULL,
    attempt integer DEFAULT 1 NOT NULL,
    lease_owner text NOT NULL,
    lease_until timestamp with time zone NOT NULL,
    loose_ends jsonb DEFAULT '[]'::jsonb NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT hardening_run_attempt_check CHECK ((attempt > 0)),
    CONSTRAINT hardening_run_check CHECK (((state = 'running'::text) = (finished_at IS NULL))),
    CONSTRAINT hardening_run_platform_check CHECK ((platform <> ''::text)),
    CONSTRAINT hardening_run_state_check CHECK ((state = ANY (ARRAY['running'::text, 'verified'::text, 'blocked'::text, 'failed'::text])))
);

CREATE TABLE leveredge.hardening_section (
    run_id uuid NOT NULL,
    number integer NOT NULL,
    title text NOT NULL,
    commit_state text DEFAULT 'pending'::text NOT NULL,
    commit_hash text,
    loose_ends jsonb DEFAULT '[]'::jsonb NOT NULL,
    CONSTRAINT hardening_section_check CHECK (((commit_state = 'committed'::text) = (commit_hash IS NOT NULL))),
    CONSTRAINT hardening_section_commit_state_check CHECK ((commit_state = ANY (ARRAY['pending'::text, 'committed'::text, 'unchanged'::text, 'skipped'::text])))
);

CREATE TABLE leveredge.hardening_step (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    run_id uuid NOT NULL,
    section integer NOT NULL,
    "position" integer NOT NULL,
    environment text NOT NULL,
    action text NOT NULL,
    title text NOT NULL,
    state text DEFAULT 'planned'::text NOT NULL,
    plan jsonb,
    plan_fingerprint text,
    attempt integer DEFAULT 0 NOT NULL,
    needs text[] DEFAULT '{}'::text[] NOT NULL,
    evidence jsonb DEFAULT '{}'::jsonb NOT NULL,
    loose_ends jsonb DEFAULT '[]'::jsonb NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    CONSTRAINT hardening_step_check CHECK (((state = ANY (ARRAY['verified'::text, 'blocked'::text, 'failed'::text])) = (finished_at IS NOT NULL))),
    CONSTRAINT hardening_step_check1 CHECK (((state <> 'blocked'::text) OR (needs <> '{}'::text[]))),
    CONSTRAINT hardening_step_environment_check CHECK ((environment = ANY (ARRAY['dev'::text, 'prod'::text, 'shared'::text]))),
    CONSTRAINT hardening_step_state_check CHECK ((state = ANY (ARRAY['planned'::text, 'applying'::text, 'applied'::text, 'verified'::text, 'blocked'::text, 'failed'::text])))
);

CREATE TABLE leveredge.hardening_watch (
    platform text NOT NULL,
    loose_ends jsonb NOT NULL,
    planned_at timestamp with time zone NOT NULL
);

CREATE TABLE leveredge.identity_failure (
    address text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    attempts integer NOT NULL,
    CONSTRAINT identity_failure_attempts_check CHECK ((attempts > 0))
);

CREATE TABLE leveredge.identity_link (
    hash bytea NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT identity_link_hash_check CHECK ((octet_length(hash) = 32))
);

CREATE TABLE leveredge.identity_session (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    hash bytea NOT NULL,
    user_id uuid NOT NULL,
    address text NOT NULL,
    user_agent text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_seen_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT identity_session_hash_check CHECK ((octet_length(hash) = 32))
);

CREATE TABLE leveredge.identity_token (
    id text NOT NULL,
    user_id uuid NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    hash bytea NOT NULL,
    key_version integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT identity_token_check CHECK (((expires_at > created_at) AND (expires_at <= (created_at + '365 days'::interval)))),
    CONSTRAINT identity_token_created_by_check CHECK ((created_by <> ''::text)),
    CONSTRAINT identity_token_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT identity_token_id_check CHECK ((id ~ '^[0-9A-Za-z]{8}$'::text)),
    CONSTRAINT identity_token_name_check CHECK ((name <> ''::text)),
    CONSTRAINT identity_token_scopes_check CHECK ((scopes <> '{}'::text[]))
);

CREATE TABLE leveredge.identity_user (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    disabled_at timestamp with time zone,
    CONSTRAINT identity_user_created_by_check CHECK ((created_by <> ''::text)),
    CONSTRAINT identity_user_name_check CHECK ((name ~ '^[a-z][a-z0-9._-]{0,62}$'::text)),
    CONSTRAINT identity_user_role_check CHECK ((role = ANY (ARRAY['viewer'::text, 'operator'::text, 'admin'::text, 'agent'::text, 'service'::text])))
);

CREATE TABLE leveredge.instance (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    only_row boolean DEFAULT true NOT NULL,
    CONSTRAINT instance_only_row_check CHECK (only_row)
);

CREATE TABLE leveredge.key (
    id uuid NOT NULL,
    purpose text NOT NULL,
    version integer NOT NULL,
    wrapped bytea,
    commitment bytea NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT key_commitment_check CHECK ((octet_length(commitment) = 32)),
    CONSTRAINT key_purpose_check CHECK ((purpose = ANY (ARRAY['root'::text, 'audit'::text, 'fingerprint'::text, 'token'::text, 'credentials-dev'::text, 'credentials-prod'::text, 'credentials-shared'::text]))),
    CONSTRAINT key_version_check CHECK ((version > 0)),
    CONSTRAINT key_wrapped_check CHECK (((purpose = 'root'::text) = (wrapped IS NULL)))
);

CREATE TABLE leveredge.key_recovery (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    recipient text,
    sealed text,
    proven_at timestamp with time zone,
    words text,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL,
    recorded_by text NOT NULL,
    CONSTRAINT key_recovery_check CHECK ((((recipient IS NULL) = (sealed IS NULL)) AND ((recipient IS NULL) = (proven_at IS NULL)))),
    CONSTRAINT key_recovery_check1 CHECK (((recipient IS NULL) = (words IS NOT NULL))),
    CONSTRAINT key_recovery_recorded_by_check CHECK ((recorded_by <> ''::text)),
    CONSTRAINT key_recovery_words_check CHECK ((words <> ''::text))
);

CREATE TABLE leveredge.key_root_seal (
    unseal_key_id text NOT NULL,
    root_id uuid NOT NULL,
    state text NOT NULL,
    wrapped bytea NOT NULL,
    check_value bytea NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT key_root_seal_check_value_check CHECK ((octet_length(check_value) = 32)),
    CONSTRAINT key_root_seal_state_check CHECK ((state = ANY (ARRAY['active'::text, 'staged'::text, 'previous'::text]))),
    CONSTRAINT key_root_seal_unseal_key_id_check CHECK ((unseal_key_id ~ '^[0-9a-f]{32}$'::text))
);

CREATE TABLE leveredge.knowledge_publication (
    target text NOT NULL,
    last_entry_id integer DEFAULT 0 NOT NULL,
    failure text,
    remedy text,
    retry_at timestamp with time zone,
    CONSTRAINT knowledge_publication_check CHECK (((failure IS NULL) = (retry_at IS NULL))),
    CONSTRAINT knowledge_publication_check1 CHECK (((remedy IS NULL) OR (failure IS NOT NULL))),
    CONSTRAINT knowledge_publication_last_entry_id_check CHECK ((last_entry_id >= 0)),
    CONSTRAINT knowledge_publication_target_check CHECK ((target <> ''::text))
);

CREATE TABLE leveredge.llm_usage_daily (
    day timestamp with time zone NOT NULL,
    agent_name text NOT NULL,
    model text NOT NULL,
    calls bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    estimated_cost_usd numeric NOT NULL
)
WITH (fillfactor='70');

CREATE VIEW leveredge.llm_cost_summary AS
 SELECT llm_usage_daily.day,
    llm_usage_daily.agent_name,
    llm_usage_daily.model,
    llm_usage_daily.calls,
    llm_usage_daily.input_tokens AS total_input,
    llm_usage_daily.output_tokens AS total_output,
    llm_usage_daily.estimated_cost_usd AS total_cost
   FROM leveredge.llm_usage_daily
  ORDER BY llm_usage_daily.day DESC, llm_usage_daily.calls DESC;

CREATE TABLE leveredge.llm_usage (
    id bigint NOT NULL,
    agent_name text NOT NULL,
    model text NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    estimated_cost_usd numeric(20,9),
    context text,
    operation text,
    created_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone DEFAULT now() NOT NULL,
    claimed_at timestamp with time zone,
    environment text NOT NULL,
    provider text,
    credential text,
    response_id text,
    service_tier text,
    region text,
    cache_read_tokens bigint,
    cache_write_5m_tokens bigint,
    cache_write_1h_tokens bigint,
    reasoning_tokens bigint,
    audio_input_tokens bigint,
    audio_output_tokens bigint,
    web_searches integer,
    is_estimated boolean DEFAULT false NOT NULL,
    cost_source text NOT NULL,
    price_version text,
    provider_cost_usd numeric(20,9),
    client_cost_usd numeric(20,9),
    tags jsonb,
    source text NOT NULL,
    CONSTRAINT llm_usage_check CHECK (((cost_source = 'unpriced'::text) = (estimated_cost_usd IS NULL))),
    CONSTRAINT llm_usage_cost_source_check CHECK ((cost_source = ANY (ARRAY['provider'::text, 'override'::text, 'catalog'::text, 'unpriced'::text]))),
    CONSTRAINT llm_usage_environment_check CHECK ((environment = ANY (ARRAY['dev'::text, 'prod'::text, 'shared'::text]))),
    CONSTRAINT llm_usage_input_tokens_check CHECK ((input_tokens >= 0)),
    CONSTRAINT llm_usage_output_tokens_check CHECK ((output_tokens >= 0))
)
PARTITION BY RANGE (created_at);

CREATE TABLE leveredge.llm_usage_breakdown (
    day timestamp with time zone NOT NULL,
    environment text NOT NULL,
    agent_name text NOT NULL,
    model text NOT NULL,
    provider text NOT NULL,
    operation text NOT NULL,
    credential text NOT NULL,
    calls bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    estimated_cost_usd numeric NOT NULL,
    unpriced_calls bigint NOT NULL,
    estimated_calls bigint NOT NULL
)
WITH (fillfactor='70');

CREATE TABLE leveredge.llm_usage_bridge (
    first_id bigint NOT NULL,
    other_id bigint NOT NULL,
    found_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT llm_usage_bridge_check CHECK ((first_id < other_id))
);

CREATE SEQUENCE leveredge.llm_usage_id_seq
    START WITH 1
    INCREMENT BY 100
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE leveredge.llm_usage_id_seq OWNED BY leveredge.llm_usage.id;

CREATE TABLE leveredge.llm_usage_key (
    key uuid NOT NULL,
    usage_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE leveredge.llm_usage_state (
    is_only boolean DEFAULT true NOT NULL,
    timezone text,
    complete_from timestamp with time zone DEFAULT '2020-01-01 00:00:00+00'::timestamp with time zone NOT NULL,
    CONSTRAINT llm_usage_state_is_only_check CHECK (is_only)
);

CREATE TABLE leveredge.notification (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    event_position bigint,
    severity text NOT NULL,
    section integer,
    title text NOT NULL,
    text text NOT NULL,
    dedupe_key text,
    dedupe_digest text,
    repeats integer DEFAULT 0 NOT NULL,
    actor text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT notification_actor_check CHECK ((actor <> ''::text)),
    CONSTRAINT notification_check CHECK (((title <> ''::text) OR (text <> ''::text))),
    CONSTRAINT notification_check1 CHECK (((dedupe_key IS NULL) OR (dedupe_digest IS NOT NULL))),
    CONSTRAINT notification_dedupe_key_check CHECK ((dedupe_key <> ''::text)),
    CONSTRAINT notification_repeats_check CHECK ((repeats >= 0)),
    CONSTRAINT notification_severity_check CHECK ((severity = ANY (ARRAY['high'::text, 'normal'::text, 'low'::text])))
);

CREATE TABLE leveredge.schedule (
    name text NOT NULL,
    cron text NOT NULL,
    timezone text NOT NULL,
    known_since timestamp with time zone NOT NULL
);

CREATE TABLE leveredge.schedule_tick (
    schedule text NOT NULL,
    due_at timestamp with time zone NOT NULL,
    claimed_at timestamp with time zone NOT NULL,
    claimed_by text NOT NULL,
    job_id uuid,
    outcome text,
    finished_at timestamp with time zone,
    CONSTRAINT schedule_tick_check CHECK (((outcome IS NULL) = (finished_at IS NULL)))
);

CREATE TABLE leveredge.schema_migrations (
    id integer NOT NULL,
    migration_name text NOT NULL,
    applied_at timestamp with time zone DEFAULT now(),
    applied_by text DEFAULT 'system'::text,
    checksum text,
    kind text DEFAULT 'migration'::text NOT NULL,
    sql text,
    status jsonb,
    CONSTRAINT schema_migrations_kind_check CHECK ((kind = ANY (ARRAY['migration'::text, 'mirror'::text])))
);

CREATE SEQUENCE leveredge.schema_migrations_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE leveredge.schema_migrations_id_seq OWNED BY leveredge.schema_migrations.id;

ALTER TABLE ONLY leveredge.schema_migrations ALTER COLUMN id SET DEFAULT nextval('leveredge.schema_migrations_id_seq'::regclass);

ALTER TABLE ONLY leveredge.aegis_credential_check
    ADD CONSTRAINT aegis_credential_check_pkey PRIMARY KEY (id);

ALTER TABLE ONLY leveredge.aegis_credential_field
    ADD CONSTRAINT aegis_credential_field_pkey PRIMARY KEY (credential_id, version, field);

ALTER TABLE ONLY leveredge.aegis_credential_reminder
    ADD CONSTRAINT aegis_credential_reminder_pkey PRIMARY KEY (credential_id, kind, due_on, days_before);

ALTER TABLE ONLY leveredge.aegis_credential_rotation
    ADD CONSTRAINT aegis_credential_rotation_pkey PRIMARY KEY (id);

ALTER TABLE ONLY leveredge.aegis_credential_version
    ADD CONSTRAINT aegis_credential_version_dek_id_key UNIQUE (dek_id);

ALTER TABLE ONLY leveredge.aegis_credential_version
    ADD CONSTRAINT aegis_credential_version_pkey PRIMARY KEY (credential_id, version);

ALTER TABLE ONLY leveredge.aegis_credentials
    ADD CONSTRAINT aegis_credentials_credential_name_key UNIQUE (credential_name);

ALTER TABLE ONLY leveredge.aegis_credentials
    ADD CONSTRAINT aegis_credentials_pkey PRIMARY KEY (id);

ALTER TABLE ONLY leveredge.aegis_credentials
    ADD CONSTRAINT aegis_credentials_uid_key UNIQUE (uid);

ALTER TABLE ONLY leveredge.aegis_providers
    ADD CONSTRAINT aegis_providers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY leveredge.aegis_providers
    ADD CONSTRAINT aegis_providers_provider_name_key UNIQUE (provider_name);

ALTER TABLE ONLY leveredge.aria_knowledge
    ADD CONSTRAINT aria_knowledge_pkey PRIMARY KEY (id);

ALTER TABLE ONLY leveredge.aria_knowledge
    ADD CONSTRAINT aria_knowledge_source_key UNIQUE (source);

ALTER TABLE ONLY leveredge.backup_drill
    ADD CONSTRAINT backup_drill_pkey PRIMARY KEY (id);

ALTER TABLE ONLY leveredge.channel_hold
    ADD CONSTRAINT channel_hold_pkey PRIMARY KEY (channel);

ALTER TABLE ONLY leveredge.delivery
    ADD CONSTRAINT delivery_notification_id_channel_key UNIQUE (notification_id, channel);

ALTER TABLE ONLY leveredge.delivery
    ADD CONSTRAINT delivery_pkey PRIMARY KEY (id);

ALTER TABLE ONLY leveredge.event_chain
    ADD CONSTRAINT event_chain_event_id_key UNIQUE (event_id);

ALTER TABLE ONLY leveredge.event_chain
    ADD CONSTRAINT event_chain_pkey PRIMARY KEY ("position");

ALTER TABLE ONLY leveredge.event_cursor
    ADD CONSTRAINT event_cursor_pkey PRIMARY KEY (feed);

ALTER TABLE ONLY leveredge.event
    ADD CONSTRAINT event_key_key UNIQUE (key);

ALTER TABLE ONLY leveredge.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (id);

ALTER TABLE ONLY leveredge.event_unsealed
    ADD CONSTRAINT event_unsealed_pkey PRIMARY KEY (event_id);

ALTER TABLE ONLY leveredge.hardening_run
    ADD CONSTRAINT hardening_run_pkey PRIMARY KEY (id);

ALTER TABLE ONLY leveredge.hardening_section
    ADD CONSTRAINT hardening_section_pkey PRIMARY KEY (run_id, number);

ALTER TABLE ONLY leveredge.hardening_step
    ADD CONSTRAINT hardening_step_pkey PRIMARY KEY (id);

ALTER TABLE ONLY leveredge.hardening_step
    ADD CONSTRAINT hardening_step_run_id_section_environment_action_key UNIQUE (run_id, section, environment, action);

ALTER TABLE ONLY leveredge.hardening_watch
    ADD CONSTRAINT hardening_watch_pkey PRIMARY KEY (platform);

ALTER TABLE ONLY leveredge.identity_failure
    ADD CONSTRAINT identity_failure_pkey PRIMARY KEY (address);

ALTER TABLE ONLY leveredge.identity_link
    ADD CONSTRAINT identity_link_pkey PRIMARY KEY (hash);

ALTER TABLE ONLY leveredge.identity_session
    ADD CONSTRAINT identity_session_hash_key UNIQUE (hash);

ALTER TABLE ONLY leveredge.identity_session
    ADD CONSTRAINT identity_session_pkey PRIMARY KEY (id);

ALTER TABLE ONLY leveredge.identity_token
    ADD CONSTRAINT identity_token_pkey PRIMARY KEY (id);

ALTER TABLE ONLY leveredge.identity_user
    ADD CONSTRAINT identity_user_name_key UNIQUE (name);

ALTER TABLE ONLY leveredge.identity_user
    ADD CONSTRAINT identity_user_pkey PRIMARY KEY (id);

ALTER TABLE ONLY leveredge.instance
    ADD CONSTRAINT instance_only_row_key UNIQUE (only_row);

ALTER TABLE ONLY leveredge.instance
    ADD CONSTRAINT instance_pkey PRIMARY KEY (id);

ALTER TABLE ONLY leveredge.key
    ADD CONSTRAINT key_pkey PRIMARY KEY (id);

ALTER TABLE ONLY leveredge.key
    ADD CONSTRAINT key_purpose_version_key UNIQUE (purpose, version);

ALTER TABLE ONLY leveredge.key_recovery
    ADD CONSTRAINT key_recovery_pkey PRIMARY KEY (id);

ALTER TABLE ONLY leveredge.key_recovery
    ADD CONSTRAINT key_recovery_recipient_key UNIQUE (recipient);

ALTER TABLE ONLY leveredge.key_root_seal
    ADD CONSTRAINT key_root_seal_pkey PRIMARY KEY (unseal_key_id);

ALTER TABLE ONLY leveredge.key_root_seal
    ADD CONSTRAINT key_root_seal_state_key UNIQUE (state);

ALTER TABLE ONLY leveredge.knowledge_publication
    ADD CONSTRAINT knowledge_publication_pkey PRIMARY KEY (target);

ALTER TABLE ONLY leveredge.llm_usage_breakdown
    ADD CONSTRAINT llm_usage_breakdown_pkey PRIMARY KEY (day, environment, agent_name, model, provider, operation, credential);

ALTER TABLE ONLY leveredge.llm_usage_bridge
    ADD CONSTRAINT llm_usage_bridge_pkey PRIMARY KEY (first_id, other_id);

ALTER TABLE ONLY leveredge.llm_usage_daily
    ADD CONSTRAINT llm_usage_daily_pkey PRIMARY KEY (day, agent_name, model);

ALTER TABLE ONLY leveredge.llm_usage_key
    ADD CONSTRAINT llm_usage_key_pkey PRIMARY KEY (key);

ALTER TABLE ONLY leveredge.llm_usage
    ADD CONSTRAINT llm_usage_pkey PRIMARY KEY (created_at, id);

ALTER TABLE ONLY leveredge.llm_usage_state
    ADD CONSTRAINT llm_usage_state_pkey PRIMARY KEY (is_only);

ALTER TABLE ONLY leveredge.notification
    ADD CONSTRAINT notification_event_position_key UNIQUE (event_position);

ALTER TABLE ONLY leveredge.notification
    ADD CONSTRAINT notification_pkey PRIMARY KEY (id);

ALTER TABLE ONLY leveredge.schedule
    ADD CONSTRAINT schedule_pkey PRIMARY KEY (name);

ALTER TABLE ONLY leveredge.schedule_tick
    ADD CONSTRAINT schedule_tick_pkey PRIMARY KEY (schedule, due_at);

ALTER TABLE ONLY leveredge.schema_migrations
    ADD CONSTRAINT schema_migrations_migration_name_key UNIQUE (migration_name);

ALTER TABLE ONLY leveredge.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (id);

CREATE INDEX aegis_credential_check_of ON leveredge.aegis_credential_check USING btree (credential_id, id DESC);

CREATE INDEX aegis_credential_field_fingerprint ON leveredge.aegis_credential_field USING btree (fingerprint);

CREATE UNIQUE INDEX aegis_credential_rotation_one ON leveredge.aegis_credential_rotation USING btree (credential_id) WHERE (finished_at IS NULL);

CREATE INDEX aegis_credential_version_kek ON leveredge.aegis_credential_version USING btree (environment, kek_version);

CREATE INDEX backup_drill_latest ON leveredge.backup_drill USING btree (set_name, finished_at DESC);

CREATE UNIQUE INDEX backup_drill_work ON leveredge.backup_drill USING btree (work_id, set_name) WHERE (work_id IS NOT NULL);

CREATE INDEX delivery_dead ON leveredge.delivery USING btree (created_at) WHERE (state = 'dead'::text);

CREATE INDEX delivery_due ON leveredge.delivery USING btree (channel, next_attempt_at) WHERE (state = ANY (ARRAY['waiting'::text, 'sending'::text]));

CREATE INDEX hardening_run_latest ON leveredge.hardening_run USING btree (platform, started_at DESC);

CREATE UNIQUE INDEX hardening_run_unfinished ON leveredge.hardening_run USING btree (platform) WHERE (finished_at IS NULL);

CREATE INDEX hardening_step_order ON leveredge.hardening_step USING btree (run_id, "position");

CREATE INDEX identity_failure_age ON leveredge.identity_failure USING btree (started_at);

CREATE INDEX identity_link_expiry ON leveredge.identity_link USING btree (expires_at);

CREATE INDEX identity_session_user ON leveredge.identity_session USING btree (user_id);

CREATE INDEX identity_token_user ON leveredge.identity_token USING btree (user_id);

CREATE INDEX key_root_seal_root ON leveredge.key_root_seal USING btree (root_id);

CREATE INDEX notification_dedupe ON leveredge.notification USING btree (dedupe_key, created_at DESC) WHERE (dedupe_key IS NOT NULL);

CREATE INDEX notification_latest ON leveredge.notification USING btree (created_at DESC);

CREATE INDEX schedule_tick_job ON leveredge.schedule_tick USING btree (job_id) WHERE (job_id IS NOT NULL);

CREATE TRIGGER event_chain_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON leveredge.event_chain FOR EACH STATEMENT EXECUTE FUNCTION leveredge.refuse_rewriting();

ALTER TABLE leveredge.event_chain ENABLE ALWAYS TRIGGER event_chain_is_append_only;

CREATE TRIGGER event_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON leveredge.event FOR EACH STATEMENT EXECUTE FUNCTION leveredge.refuse_rewriting();

ALTER TABLE leveredge.event ENABLE ALWAYS TRIGGER event_is_append_only;

ALTER TABLE ONLY leveredge.aegis_credential_check
    ADD CONSTRAINT aegis_credential_check_credential_id_fkey FOREIGN KEY (credential_id) REFERENCES leveredge.aegis_credentials(id) ON DELETE CASCADE;

ALTER TABLE ONLY leveredge.aegis_credential_field
    ADD CONSTRAINT aegis_credential_field_credential_id_version_fkey FOREIGN KEY (credential_id, version) REFERENCES leveredge.aegis_credential_version(credential_id, version) ON DELETE CASCADE;

ALTER TABLE ONLY leveredge.aegis_credential_reminder
    ADD CONSTRAINT aegis_credential_reminder_credential_id_fkey FOREIGN KEY (credential_id) REFERENCES leveredge.aegis_credentials(id) ON DELETE CASCADE;

ALTER TABLE ONLY leveredge.aegis_credential_rotation
    ADD CONSTRAINT aegis_credential_rotation_credential_id_fkey FOREIGN KEY (credential_id) REFERENCES leveredge.aegis_credentials(id) ON DELETE CASCADE;

ALTER TABLE ONLY leveredge.aegis_credential_version
    ADD CONSTRAINT aegis_credential_version_credential_id_fkey FOREIGN KEY (credential_id) REFERENCES leveredge.aegis_credentials(id) ON DELETE CASCADE;

ALTER TABLE ONLY leveredge.aegis_credentials
    ADD CONSTRAINT aegis_credentials_provider_fkey FOREIGN KEY (provider) REFERENCES leveredge.aegis_providers(provider_name);

ALTER TABLE ONLY leveredge.delivery
    ADD CONSTRAINT delivery_notification_id_fkey FOREIGN KEY (notification_id) REFERENCES leveredge.notification(id) ON DELETE CASCADE;

ALTER TABLE ONLY leveredge.event_chain
    ADD CONSTRAINT event_chain_event_id_fkey FOREIGN KEY (event_id) REFERENCES leveredge.event(id) ON DELETE RESTRICT;

ALTER TABLE ONLY leveredge.event_unsealed
    ADD CONSTRAINT event_unsealed_event_id_fkey FOREIGN KEY (event_id) REFERENCES leveredge.event(id) ON DELETE RESTRICT;

ALTER TABLE ONLY leveredge.hardening_section
    ADD CONSTRAINT hardening_section_run_id_fkey FOREIGN KEY (run_id) REFERENCES leveredge.hardening_run(id) ON DELETE CASCADE;

ALTER TABLE ONLY leveredge.hardening_step
    ADD CONSTRAINT hardening_step_run_id_section_fkey FOREIGN KEY (run_id, section) REFERENCES leveredge.hardening_section(run_id, number) ON DELETE CASCADE;

ALTER TABLE ONLY leveredge.identity_link
    ADD CONSTRAINT identity_link_user_id_fkey FOREIGN KEY (user_id) REFERENCES leveredge.identity_user(id);

ALTER TABLE ONLY leveredge.identity_session
    ADD CONSTRAINT identity_session_user_id_fkey FOREIGN KEY (user_id) REFERENCES leveredge.identity_user(id);

ALTER TABLE ONLY leveredge.identity_token
    ADD CONSTRAINT identity_token_user_id_fkey FOREIGN KEY (user_id) REFERENCES leveredge.identity_user(id);

ALTER TABLE ONLY leveredge.key_root_seal
    ADD CONSTRAINT key_root_seal_root_id_fkey FOREIGN KEY (root_id) REFERENCES leveredge.key(id);

ALTER TABLE ONLY leveredge.schedule_tick
    ADD CONSTRAINT schedule_tick_schedule_fkey FOREIGN KEY (schedule) REFERENCES leveredge.schedule(name) ON DELETE CASCADE;

GRANT USAGE ON SCHEMA leveredge TO leveredge_app;

REVOKE ALL ON FUNCTION leveredge.llm_usage_drop_partition(month date) FROM PUBLIC;
GRANT ALL ON FUNCTION leveredge.llm_usage_drop_partition(month date) TO leveredge_app;

REVOKE ALL ON FUNCTION leveredge.llm_usage_find_keys(wanted uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION leveredge.llm_usage_find_keys(wanted uuid[]) TO leveredge_app;

REVOKE ALL ON FUNCTION leveredge.llm_usage_make_partition(month date) FROM PUBLIC;
GRANT ALL ON FUNCTION leveredge.llm_usage_make_partition(month date) TO leveredge_app;

REVOKE ALL ON FUNCTION leveredge.refuse_rewriting() FROM PUBLIC;
GRANT ALL ON FUNCTION leveredge.refuse_rewriting() TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.aegis_credential_check TO leveredge_app;

GRANT SELECT,USAGE ON SEQUENCE leveredge.aegis_credential_check_id_seq TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.aegis_credential_field TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.aegis_credential_reminder TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.aegis_credential_rotation TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.aegis_credential_version TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.aegis_credentials TO leveredge_app;

GRANT SELECT,USAGE ON SEQUENCE leveredge.aegis_credentials_id_seq TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.aegis_expiring_credentials TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.aegis_providers TO leveredge_app;

GRANT SELECT,USAGE ON SEQUENCE leveredge.aegis_providers_id_seq TO leveredge_app;

GRANT SELECT,INSERT ON TABLE leveredge.aria_knowledge TO leveredge_app;

GRANT SELECT,USAGE ON SEQUENCE leveredge.aria_knowledge_id_seq TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.backup_drill TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.channel_hold TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.delivery TO leveredge_app;

GRANT SELECT,INSERT ON TABLE leveredge.event TO leveredge_app;

GRANT SELECT,INSERT ON TABLE leveredge.event_chain TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.event_cursor TO leveredge_app;

GRANT SELECT,USAGE ON SEQUENCE leveredge.event_id_seq TO leveredge_app;

GRANT SELECT,INSERT,DELETE ON TABLE leveredge.event_unsealed TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.hardening_run TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.hardening_section TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.hardening_step TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.hardening_watch TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.identity_failure TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.identity_link TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.identity_session TO leveredge_app;

GRANT SELECT,INSERT ON TABLE leveredge.identity_token TO leveredge_app;

GRANT UPDATE(last_used_at) ON TABLE leveredge.identity_token TO leveredge_app;

GRANT UPDATE(revoked_at) ON TABLE leveredge.identity_token TO leveredge_app;

GRANT SELECT,INSERT ON TABLE leveredge.identity_user TO leveredge_app;

GRANT UPDATE(role) ON TABLE leveredge.identity_user TO leveredge_app;

GRANT UPDATE(disabled_at) ON TABLE leveredge.identity_user TO leveredge_app;

GRANT SELECT ON TABLE leveredge.instance TO leveredge_app;

GRANT SELECT,INSERT ON TABLE leveredge.key TO leveredge_app;

GRANT SELECT,INSERT,DELETE ON TABLE leveredge.key_recovery TO leveredge_app;

GRANT UPDATE(sealed) ON TABLE leveredge.key_recovery TO leveredge_app;

GRANT UPDATE(proven_at) ON TABLE leveredge.key_recovery TO leveredge_app;

GRANT UPDATE(recorded_at) ON TABLE leveredge.key_recovery TO leveredge_app;

GRANT UPDATE(recorded_by) ON TABLE leveredge.key_recovery TO leveredge_app;

GRANT SELECT,INSERT,DELETE ON TABLE leveredge.key_root_seal TO leveredge_app;

GRANT UPDATE(state) ON TABLE leveredge.key_root_seal TO leveredge_app;

GRANT UPDATE(changed_at) ON TABLE leveredge.key_root_seal TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.knowledge_publication TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.llm_usage_daily TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.llm_cost_summary TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.llm_usage TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.llm_usage_breakdown TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.llm_usage_bridge TO leveredge_app;

GRANT SELECT,USAGE ON SEQUENCE leveredge.llm_usage_id_seq TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.llm_usage_key TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.llm_usage_state TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.notification TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.schedule TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.schedule_tick TO leveredge_app;

GRANT SELECT ON TABLE leveredge.schema_migrations TO leveredge_app;

GRANT SELECT,USAGE ON SEQUENCE leveredge.schema_migrations_id_seq TO leveredge_app;

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA leveredge GRANT SELECT,USAGE ON SEQUENCES  TO leveredge_app;

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA leveredge GRANT ALL ON FUNCTIONS  TO leveredge_app;

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA leveredge GRANT SELECT,INSERT,DELETE,UPDATE ON TABLES  TO leveredge_app;
