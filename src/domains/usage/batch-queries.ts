import { type RawBuilder, sql } from "kysely";
import { z } from "zod";

import { type Db, many } from "#store/database.ts";

import { bigintArray, booleanArray, instantArray, integerArray, textArray, uuidArray } from "./array-parameters.ts";
import type { Entry } from "./entry.ts";

/** An entry with the number it gets if it is new, and every id that it is known by. */
export type Numbered = { readonly entry: Entry; readonly id: number; keys: readonly string[] };

type Read<T> = (entry: Entry) => T | null | undefined;

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
        join llm_usage_find_keys(array(select key from told)) k on k.key = t.key
      ), new_key as (
        insert into llm_usage_key (key, usage_id, created_at)
        select t.key, coalesce(f.first_id, t.usage_id), t.created_at
        from told t
        left join (select usage_id, min(first_id) as first_id from known group by usage_id) f on f.usage_id = t.usage_id
        where t.key not in (select key from known)
        order by t.key
        returning 1
      ), call as materialized (
        select *
        from (${selectCalls(calls, kindOf)}) as c
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
  await sql`
    insert into llm_usage_bridge (first_id, other_id)
    select distinct first_id, other_id
    from unnest(${bigintArray(bridges, (pair) => Math.min(...pair))}::bigint[],
                ${bigintArray(bridges, (pair) => Math.max(...pair))}::bigint[]) as b(first_id, other_id)
    where first_id < other_id
    on conflict do nothing`.execute(db);
}

/** What repeats. */
const kindColumns: Readonly<Record<string, Read<string>>> = {
  environment: ({ environment }) => environment,
  agent_name: ({ call }) => call.agent_name,
  model: ({ call }) => call.model,
  provider: ({ call }) => call.provider,
  operation: ({ call }) => call.operation,
  credential: ({ call }) => call.credential,
  source: ({ source }) => source,
  cost_source: ({ price }) => price.source,
  price_version: ({ price }) => price.version,
  service_tier: ({ call }) => call.service_tier,
  region: ({ call }) => call.region,
};
const kindTexts = Object.values(kindColumns);
/** No text of a call has a NUL. */
const noText = "\0";

/** The texts of a kind, one after the other, lead to its number: no name is put together for each call. */
type Branch = { number?: number; next: Map<string, Branch> };

function listKinds(calls: readonly Numbered[]): { kinds: Entry[]; kindOf: number[] } {
  const kinds: Entry[] = [];
  const root: Branch = { next: new Map() };
  const kindOf = calls.map(({ entry }) => {
    const branch = kindTexts.reduce((from, read) => findNext(from, read(entry) ?? noText), root);
    return (branch.number ??= kinds.push(entry));
  });
  return { kinds, kindOf };
}

function findNext({ next }: Branch, text: string): Branch {
  const known = next.get(text);
  if (known !== undefined) return known;
  const branch = { next: new Map() };
  next.set(text, branch);
  return branch;
}

/** The condition is always true: by it PostgreSQL takes the kinds for fewer than the calls and hashes them, not those. */
function selectKinds(kinds: readonly Entry[]): RawBuilder<unknown> {
  const columns = Object.entries(kindColumns).map(([name, read]) => [name, sql`${textArray(kinds, read)}::text[]`]);
  const kind = sql`${integerArray([...kinds.keys()], (index) => index + 1)}::integer[]`;
  return sql`select * from (${selectColumns({ kind, ...Object.fromEntries(columns) })}) as k where kind > 0`;
}

function selectKeys(calls: readonly Numbered[]): RawBuilder<unknown> {
  const keys = calls.flatMap(({ entry, id, keys: own }) =>
    own.map((key) => ({ key, id, createdAtUs: entry.createdAtUs })),
  );
  return selectColumns({
    key: sql`${uuidArray(keys, ({ key }) => key)}::uuid[]`,
    usage_id: sql`${bigintArray(keys, ({ id }) => id)}::bigint[]`,
    created_at: sql`${instantArray(keys, ({ createdAtUs }) => createdAtUs)}::timestamptz[]`,
  });
}

function selectCalls(calls: readonly Numbered[], kindOf: readonly number[]): RawBuilder<unknown> {
  const counts = (read: Read<number | bigint>) => sql`${bigintArray(calls, ({ entry }) => read(entry))}::bigint[]`;
  const texts = (read: Read<string>) => sql`${textArray(calls, ({ entry }) => read(entry))}::text[]`;
  const instants = (read: Read<number>) => sql`${instantArray(calls, ({ entry }) => read(entry))}::timestamptz[]`;
  return selectColumns({
    id: sql`${bigintArray(calls, ({ id }) => id)}::bigint[]`,
    kind: sql`${integerArray(kindOf, (kind) => kind)}::integer[]`,
    created_at: instants(({ createdAtUs }) => createdAtUs),
    claimed_at: instants(({ claimedAtUs }) => claimedAtUs),
    input_tokens: counts(({ call }) => call.input_tokens),
    output_tokens: counts(({ call }) => call.output_tokens),
    cost_nanousd: counts(({ price }) => price.costNanousd),
    context: texts(({ call }) => call.context),
    response_id: texts(({ call }) => call.response_id),
    cache_read_tokens: counts(({ call }) => call.cache_read_tokens),
    cache_write_5m_tokens: counts(({ call }) => call.cache_write_5m_tokens),
    cache_write_1h_tokens: counts(({ call }) => call.cache_write_1h_tokens),
    reasoning_tokens: counts(({ call }) => call.reasoning_tokens),
    audio_input_tokens: counts(({ call }) => call.audio_input_tokens),
    audio_output_tokens: counts(({ call }) => call.audio_output_tokens),
    web_searches: counts(({ call }) => call.web_searches),
    // Seldom any: then the column is empty.
    is_estimated: sql`${booleanArray(calls, ({ entry }) => entry.call.is_estimated || null)}::boolean[]`,
    provider_cost_nanousd: counts(({ providerCostNanousd }) => providerCostNanousd),
    client_cost_nanousd: counts(({ clientCostNanousd }) => clientCostNanousd),
    tags: texts(({ tags }) => tags),
  });
}

/**
 * Rows of columns; one that is shorter goes on with null. In the list of what is selected,
 * where PostgreSQL takes a value of each as it goes; in `from` it would store each column first.
 */
function selectColumns(columns: Readonly<Record<string, RawBuilder<unknown>>>): RawBuilder<unknown> {
  const values = Object.entries(columns).map(([name, array]) => sql`unnest(${array}) as ${sql.ref(name)}`);
  return sql`select ${sql.join(values)}`;
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
