-- The ledger of language model calls. Names and columns that the platform knows stay as
-- they are; money is exact. `input_tokens` holds the cached ones, `output_tokens` the
-- reasoning. A cost that nobody can tell is null, never 0.

-- A hundred at a time: who writes calls takes a block and gives its numbers out.
create sequence llm_usage_id_seq as bigint increment by 100;

create table llm_usage (
  id                    bigint not null,
  agent_name            text not null,
  model                 text not null,
  input_tokens          bigint not null check (input_tokens >= 0),
  output_tokens         bigint not null check (output_tokens >= 0),
  estimated_cost_usd    numeric(20, 9),
  context               text,
  operation             text,
  created_at            timestamptz not null,
  recorded_at           timestamptz not null default now(),
  -- What the client's clock said where that cannot have been: then `created_at` is when it was told.
  claimed_at            timestamptz,
  environment           text not null check (environment in ('dev', 'prod', 'shared')),
  provider              text,
  credential            text,
  response_id           text,
  service_tier          text,
  region                text,
  cache_read_tokens     bigint,
  cache_write_5m_tokens bigint,
  cache_write_1h_tokens bigint,
  reasoning_tokens      bigint,
  audio_input_tokens    bigint,
  audio_output_tokens   bigint,
  web_searches          integer,
  -- The counts were estimated: a stream that was broken off.
  is_estimated          boolean not null default false,
  -- `provider` said the cost itself, an operator's `override`, the `catalog`; `unpriced`: nobody knows it.
  cost_source           text not null check (cost_source in ('provider', 'override', 'catalog', 'unpriced')),
  price_version         text,
  provider_cost_usd     numeric(20, 9),
  client_cost_usd       numeric(20, 9),
  tags                  jsonb,
  source                text not null,
  primary key (created_at, id),
  check ((cost_source = 'unpriced') = (estimated_cost_usd is null))
) partition by range (created_at);

alter sequence llm_usage_id_seq owned by llm_usage.id;

-- By which a call that is told twice is one: 16 bytes of SHA-256 over the kind of id and the id.
create table llm_usage_key (
  key        uuid primary key,
  usage_id   bigint not null,
  created_at timestamptz not null
);

-- Two rows that an id, told later, shows to be one call. They are counted, not merged.
create table llm_usage_bridge (
  first_id bigint not null,
  other_id bigint not null,
  found_at timestamptz not null default now(),
  primary key (first_id, other_id),
  check (first_id < other_id)
);

-- What the sums stand for, one row: the zone of their days, null before the first call;
-- from when on every single call is still there.
create table llm_usage_state (
  is_only       boolean primary key default true check (is_only),
  timezone      text,
  complete_from timestamptz not null default '2020-01-01 00:00:00+00'
);
insert into llm_usage_state default values;

-- Sums by day, in the statement that writes the calls; `day` is its first instant in the platform's time zone.
create table llm_usage_daily (
  day                timestamptz not null,
  agent_name         text not null,
  model              text not null,
  calls              bigint not null,
  input_tokens       bigint not null,
  output_tokens      bigint not null,
  estimated_cost_usd numeric not null,
  primary key (day, agent_name, model)
) with (fillfactor = 70);

create view llm_cost_summary as
select day,
       agent_name,
       model,
       calls,
       input_tokens       as total_input,
       output_tokens      as total_output,
       estimated_cost_usd as total_cost
  from llm_usage_daily
 order by day desc, calls desc;

-- The same sums, told apart further. What a call does not say is ''.
create table llm_usage_breakdown (
  day                timestamptz not null,
  environment        text not null,
  agent_name         text not null,
  model              text not null,
  provider           text not null,
  operation          text not null,
  credential         text not null,
  calls              bigint not null,
  input_tokens       bigint not null,
  output_tokens      bigint not null,
  cache_read_tokens  bigint not null,
  cache_write_tokens bigint not null,
  reasoning_tokens   bigint not null,
  estimated_cost_usd numeric not null,
  unpriced_calls     bigint not null,
  estimated_calls    bigint not null,
  primary key (day, environment, agent_name, model, provider, operation, credential)
) with (fillfactor = 70);

-- Partitions are whole months of UTC, named llm_usage_2026_11. The application's role owns no
-- table: these two do for it what that takes, and nothing else.

-- Attached, not made in place: that waits for nobody who writes. False when it is there already.
create function llm_usage_make_partition(month date) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
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

-- False when it is gone already. It waits a second for those who write, then gives up: call it again.
create function llm_usage_drop_partition(month date) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '1s' as $$
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

revoke all on function llm_usage_make_partition(date), llm_usage_drop_partition(date) from public;
grant execute on function llm_usage_make_partition(date), llm_usage_drop_partition(date) to leveredge_app;
