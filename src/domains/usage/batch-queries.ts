import { type RawBuilder, sql } from "kysely";
import { z } from "zod";

import { type Db, many } from "#store/database.ts";

import { bigintArray, booleanArray, instantArray, integerArray, textArray, uuidArray } from "./array-parameters.ts";
import type { Entry } from "./entry.ts";

/** An entry with the number it gets if it is new, and every id that it is known by. */
export type Numbered = { entry: Entry; id: number; keys: readonly string[] };

const KnownKey = z.object({ usageId: z.int(), firstId: z.int() });
export type KnownKey = z.output<typeof KnownKey>;

/**
 * Writes calls, keys and both sums in one statement; answers, by the number that was
 * meant for it, each call that was known already, once for each id that says so. No two
 * entries may share a key. Another writer that has a key at the same moment makes it
 * fail with 23505: the same entries again find that key known.
 *
 * What repeats (agent, model, source …) travels once, as a kind. The keys are read first
 * and then plainly inserted, in their order, so that writers wait for each other and
 * never in a circle. The sums wait for the keys.
 */
export function insertCalls(db: Db, calls: readonly Numbered[]): Promise<KnownKey[]> {
  const { kinds, kindOf } = listKinds(calls);
  return many(
    db,
    KnownKey,
    sql`
      with kind as materialized (
        ${selectKinds(kinds)}
      ), told as materialized (
        ${selectKeys(calls)}
      ), known as materialized (
        select t.usage_id, t.key, k.usage_id as first_id
        from told t
        join llm_usage_key k on k.key = t.key
      ), new_key as (
        insert into llm_usage_key (key, usage_id, created_at)
        select t.key, coalesce(f.first_id, t.usage_id), t.created_at
        from told t
        left join (select usage_id, min(first_id) as first_id from known group by usage_id) f on f.usage_id = t.usage_id
        where t.key not in (select key from known)
        order by t.key
        returning 1
      ), call as materialized (
        ${selectCalls(calls, kindOf)}
        where id not in (select usage_id from known)
      ), raw as (
        ${insertRaw}
      ), part as materialized (
        ${sumParts}
      ), daily as (
        ${addToDaily}
        returning 1
      ), breakdown as (
        ${addToBreakdown}
      )
      select usage_id, first_id from known`,
  );
}

/** The first number of each of so many blocks of a hundred. */
export async function takeIdBlocks(db: Db, count: number): Promise<number[]> {
  const blocks = await many(
    db,
    z.object({ first: z.int() }),
    sql`select nextval('llm_usage_id_seq') as first from generate_series(1, ${count}::integer)`,
  );
  return blocks.map(({ first }) => first);
}

/** Pairs of rows that are one call. */
export async function insertBridges(db: Db, bridges: readonly (readonly [number, number])[]): Promise<void> {
  const lower = bridges.map(([one, other]) => Math.min(one, other));
  const higher = bridges.map(([one, other]) => Math.max(one, other));
  await sql`
    insert into llm_usage_bridge (first_id, other_id)
    select distinct first_id, other_id
    from unnest(${bigintArray(lower)}::bigint[], ${bigintArray(higher)}::bigint[]) as b(first_id, other_id)
    where first_id < other_id
    on conflict do nothing`.execute(db);
}

function listKinds(calls: readonly Numbered[]): { kinds: Entry[]; kindOf: number[] } {
  const numbers = new Map<string, number>();
  const kinds: Entry[] = [];
  const kindOf = calls.map(({ entry }) => {
    const name = nameKind(entry);
    const known = numbers.get(name);
    if (known !== undefined) return known;
    const number = kinds.push(entry);
    numbers.set(name, number);
    return number;
  });
  return { kinds, kindOf };
}

/** No text of a call has a NUL. */
function nameKind({ environment, call, source, price }: Entry): string {
  const caller = `${environment}\0${call.agent_name}\0${call.operation ?? "\0"}\0${call.credential ?? "\0"}\0${source}`;
  const model = `${call.model}\0${call.provider ?? "\0"}\0${call.service_tier ?? "\0"}\0${call.region ?? "\0"}`;
  return `${caller}\0${model}\0${price.source}\0${price.version ?? "\0"}`;
}

/** The condition is always true: by it PostgreSQL takes the kinds for fewer than the calls and hashes them, not those. */
function selectKinds(kinds: readonly Entry[]): RawBuilder<unknown> {
  const texts = (read: (entry: Entry) => string | null | undefined) => sql`${textArray(kinds.map(read))}::text[]`;
  return sql`
    select *
    from unnest(
      ${texts(({ environment }) => environment)}, ${texts(({ call }) => call.agent_name)},
      ${texts(({ call }) => call.model)}, ${texts(({ call }) => call.provider)},
      ${texts(({ call }) => call.operation)}, ${texts(({ call }) => call.credential)},
      ${texts(({ source }) => source)}, ${texts(({ price }) => price.source)},
      ${texts(({ price }) => price.version)}, ${texts(({ call }) => call.service_tier)},
      ${texts(({ call }) => call.region)}
    ) with ordinality as k(environment, agent_name, model, provider, operation, credential, source, cost_source,
                           price_version, service_tier, region, kind)
    where kind > 0`;
}

function selectKeys(calls: readonly Numbered[]): RawBuilder<unknown> {
  const keys = calls.flatMap(({ entry, id, keys: own }) =>
    own.map((key) => ({ key, id, createdAtUs: entry.createdAtUs })),
  );
  return sql`
    select *
    from unnest(
      ${uuidArray(keys.map(({ key }) => key))}::uuid[], ${bigintArray(keys.map(({ id }) => id))}::bigint[],
      ${instantArray(keys.map(({ createdAtUs }) => createdAtUs))}::timestamptz[]
    ) as t(key, usage_id, created_at)`;
}

function selectCalls(calls: readonly Numbered[], kindOf: readonly number[]): RawBuilder<unknown> {
  const counts = (read: (entry: Entry) => number | bigint | null | undefined) =>
    sql`${bigintArray(calls.map(({ entry }) => read(entry)))}::bigint[]`;
  const texts = (read: (entry: Entry) => string | null | undefined) =>
    sql`${textArray(calls.map(({ entry }) => read(entry)))}::text[]`;
  const instants = (read: (entry: Entry) => number | null) =>
    sql`${instantArray(calls.map(({ entry }) => read(entry)))}::timestamptz[]`;
  return sql`
    select *
    from unnest(
      ${bigintArray(calls.map(({ id }) => id))}::bigint[], ${integerArray(kindOf)}::integer[],
      ${instants(({ createdAtUs }) => createdAtUs)}, ${instants(({ claimedAtUs }) => claimedAtUs)},
      ${counts(({ call }) => call.input_tokens)}, ${counts(({ call }) => call.output_tokens)},
      ${counts(({ price }) => price.costNanousd)}, ${texts(({ call }) => call.context)},
      ${texts(({ call }) => call.response_id)}, ${counts(({ call }) => call.cache_read_tokens)},
      ${counts(({ call }) => call.cache_write_5m_tokens)}, ${counts(({ call }) => call.cache_write_1h_tokens)},
      ${counts(({ call }) => call.reasoning_tokens)}, ${counts(({ call }) => call.audio_input_tokens)},
      ${counts(({ call }) => call.audio_output_tokens)}, ${counts(({ call }) => call.web_searches)},
      ${markedOnly(calls.map(({ entry }) => entry.call.is_estimated === true))}::boolean[],
      ${counts(({ providerCostNanousd }) => providerCostNanousd)},
      ${counts(({ clientCostNanousd }) => clientCostNanousd)}, ${texts(({ tags }) => tags)}
    ) as c(id, kind, created_at, claimed_at, input_tokens, output_tokens, cost_nanousd, context, response_id,
           cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, audio_input_tokens,
           audio_output_tokens, web_searches, is_estimated, provider_cost_nanousd, client_cost_nanousd, tags)`;
}

/** Seldom any: then the column is empty. */
function markedOnly(marks: readonly boolean[]): ReturnType<typeof booleanArray> {
  return booleanArray(marks.includes(true) ? marks : []);
}

const insertRaw = sql`
  insert into llm_usage (
    id, agent_name, model, input_tokens, output_tokens, estimated_cost_usd, context, operation, created_at, claimed_at,
    environment, provider, credential, response_id, service_tier, region, cache_read_tokens, cache_write_5m_tokens,
    cache_write_1h_tokens, reasoning_tokens, audio_input_tokens, audio_output_tokens, web_searches, is_estimated,
    cost_source, price_version, provider_cost_usd, client_cost_usd, tags, source
  )
  select c.id, k.agent_name, k.model, c.input_tokens, c.output_tokens, c.cost_nanousd * 0.000000001, c.context,
         k.operation, c.created_at, c.claimed_at, k.environment, k.provider, k.credential, c.response_id,
         k.service_tier, k.region, c.cache_read_tokens, c.cache_write_5m_tokens, c.cache_write_1h_tokens,
         c.reasoning_tokens, c.audio_input_tokens, c.audio_output_tokens, c.web_searches::integer,
         coalesce(c.is_estimated, false), k.cost_source, k.price_version, c.provider_cost_nanousd * 0.000000001,
         c.client_cost_nanousd * 0.000000001, c.tags::jsonb, k.source
  from call c
  join kind k on k.kind = c.kind`;

/**
 * By kind, which is less to compare than its texts, and by quarter of an hour, which is
 * less to work out than the day of a zone: every zone's days begin with one.
 */
const sumParts = sql`
  select kind, date_bin('15 minutes', created_at, 'epoch') as quarter, count(*) as calls,
         sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
         coalesce(sum(cache_read_tokens), 0) as cache_read_tokens,
         coalesce(sum(cache_write_5m_tokens), 0) + coalesce(sum(cache_write_1h_tokens), 0) as cache_write_tokens,
         coalesce(sum(reasoning_tokens), 0) as reasoning_tokens, coalesce(sum(cost_nanousd), 0) as cost_nanousd,
         count(*) - count(cost_nanousd) as unpriced_calls, count(*) filter (where is_estimated) as estimated_calls
  from call
  group by 1, 2`;

const dayOfPart = sql`date_trunc('day', p.quarter, (select timezone from llm_usage_state))`;

/** Waits for the keys, which another writer may hold. */
const addToDaily = sql`
  insert into llm_usage_daily as d
  select ${dayOfPart}, k.agent_name, k.model, sum(p.calls), sum(p.input_tokens), sum(p.output_tokens),
         sum(p.cost_nanousd) * 0.000000001
  from part p
  join kind k on k.kind = p.kind
  where (select count(*) from new_key) >= 0
  group by 1, 2, 3
  order by 1, 2, 3
  on conflict (day, agent_name, model) do update
  set calls = d.calls + excluded.calls,
      input_tokens = d.input_tokens + excluded.input_tokens,
      output_tokens = d.output_tokens + excluded.output_tokens,
      estimated_cost_usd = d.estimated_cost_usd + excluded.estimated_cost_usd`;

const addToBreakdown = sql`
  insert into llm_usage_breakdown as b
  select ${dayOfPart}, k.environment, k.agent_name, k.model, coalesce(k.provider, ''), coalesce(k.operation, ''),
         coalesce(k.credential, ''), sum(p.calls), sum(p.input_tokens), sum(p.output_tokens),
         sum(p.cache_read_tokens), sum(p.cache_write_tokens), sum(p.reasoning_tokens),
         sum(p.cost_nanousd) * 0.000000001, sum(p.unpriced_calls), sum(p.estimated_calls)
  from part p
  join kind k on k.kind = p.kind
  where (select count(*) from daily) >= 0
  group by 1, 2, 3, 4, 5, 6, 7
  order by 1, 2, 3, 4, 5, 6, 7
  on conflict (day, environment, agent_name, model, provider, operation, credential) do update
  set calls = b.calls + excluded.calls,
      input_tokens = b.input_tokens + excluded.input_tokens,
      output_tokens = b.output_tokens + excluded.output_tokens,
      cache_read_tokens = b.cache_read_tokens + excluded.cache_read_tokens,
      cache_write_tokens = b.cache_write_tokens + excluded.cache_write_tokens,
      reasoning_tokens = b.reasoning_tokens + excluded.reasoning_tokens,
      estimated_cost_usd = b.estimated_cost_usd + excluded.estimated_cost_usd,
      unpriced_calls = b.unpriced_calls + excluded.unpriced_calls,
      estimated_calls = b.estimated_calls + excluded.estimated_calls`;
