-- Generated from the migrations by scripts/generate.ts: for readers, never applied.

CREATE SCHEMA leveredge;

CREATE FUNCTION leveredge.refuse_rewriting() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
begin
  raise exception 'rows of % are written once', tg_table_name using errcode = 'insufficient_privilege';
end
$$;

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
    wrapped bytea NOT NULL,
    commitment bytea NOT NULL,
    check_value bytea,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT key_check CHECK (((purpose = 'root'::text) = (check_value IS NOT NULL))),
    CONSTRAINT key_check_value_check CHECK ((octet_length(check_value) = 32)),
    CONSTRAINT key_commitment_check CHECK ((octet_length(commitment) = 32)),
    CONSTRAINT key_purpose_check CHECK ((purpose = ANY (ARRAY['root'::text, 'audit'::text, 'fingerprint'::text, 'token'::text]))),
    CONSTRAINT key_version_check CHECK ((version > 0))
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

ALTER TABLE ONLY leveredge.knowledge_publication
    ADD CONSTRAINT knowledge_publication_pkey PRIMARY KEY (target);

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

CREATE INDEX notification_dedupe ON leveredge.notification USING btree (dedupe_key, created_at DESC) WHERE (dedupe_key IS NOT NULL);

CREATE INDEX notification_latest ON leveredge.notification USING btree (created_at DESC);

CREATE INDEX schedule_tick_job ON leveredge.schedule_tick USING btree (job_id) WHERE (job_id IS NOT NULL);

CREATE TRIGGER event_chain_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON leveredge.event_chain FOR EACH STATEMENT EXECUTE FUNCTION leveredge.refuse_rewriting();

ALTER TABLE leveredge.event_chain ENABLE ALWAYS TRIGGER event_chain_is_append_only;

CREATE TRIGGER event_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON leveredge.event FOR EACH STATEMENT EXECUTE FUNCTION leveredge.refuse_rewriting();

ALTER TABLE leveredge.event ENABLE ALWAYS TRIGGER event_is_append_only;

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

ALTER TABLE ONLY leveredge.schedule_tick
    ADD CONSTRAINT schedule_tick_schedule_fkey FOREIGN KEY (schedule) REFERENCES leveredge.schedule(name) ON DELETE CASCADE;

GRANT USAGE ON SCHEMA leveredge TO leveredge_app;

REVOKE ALL ON FUNCTION leveredge.refuse_rewriting() FROM PUBLIC;
GRANT ALL ON FUNCTION leveredge.refuse_rewriting() TO leveredge_app;

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

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.knowledge_publication TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.notification TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.schedule TO leveredge_app;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE leveredge.schedule_tick TO leveredge_app;

GRANT SELECT ON TABLE leveredge.schema_migrations TO leveredge_app;

GRANT SELECT,USAGE ON SEQUENCE leveredge.schema_migrations_id_seq TO leveredge_app;

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA leveredge GRANT SELECT,USAGE ON SEQUENCES  TO leveredge_app;

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA leveredge GRANT ALL ON FUNCTIONS  TO leveredge_app;

ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA leveredge GRANT SELECT,INSERT,DELETE,UPDATE ON TABLES  TO leveredge_app;
