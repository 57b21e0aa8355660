import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "kysely";
import { z } from "zod";

import { Config } from "#config/schema.ts";
import { many, one } from "#store/database.ts";
import { testDatabase } from "#test/database.ts";

import { createLedger, type Ledger } from "./ledger.ts";
import { Call, type Receipt } from "./schema.ts";
import { verifySums } from "./verify.ts";

const config = Config.parse({ platform: { name: "Test", root: "/srv/platform" } });
const now = new Date("2026-11-20T12:00:00Z");
const [total, batch, clients] = [1_000_000, 1_000, 4];
/** Of twenty events one tells again of a call before it. */
const distinct = (total * 19) / 20;

/** In nano-dollars for a token in and out, as price lists have them; null: nobody's price. */
const models = [
  { model: "gpt-4o", provider: "openai", rates: [2500, 10_000] },
  { model: "gpt-4o-mini", provider: "openai", rates: [150, 600] },
  { model: "claude-3-5-haiku-20241022", provider: "anthropic", rates: [800, 4000] },
  { model: "in-house-7b", provider: "house", rates: null },
] as const;

/**
 * Event by event the same for everybody: the twentieth of each twenty is one of those before
 * it again, some in the same batch, some long after, at another time of the same day.
 */
function eventAt(index: number): { id: number; call: Call } {
  const isRepeated = index % 20 === 19;
  const id = isRepeated ? (index % 40 === 19 ? index - 7 : ((index * 7919) % index) - 1) : index;
  const wanted = id < 0 ? 0 : id % 20 === 19 ? id - 1 : id;
  return { id: wanted, call: callOf(wanted, isRepeated ? 1_000 : 0) };
}

function callOf(id: number, laterMs: number): Call {
  const { model, provider } = models[id % models.length] ?? models[0];
  const at = Date.UTC(2026, 9, 1 + (id % 45), id % 22, id % 59);
  return Call.parse({
    ...{ agent_name: `agent-${id % 11}`, model, provider, operation: id % 3 === 0 ? "chat" : null },
    ...{ input_tokens: (id * 31) % 90_000, output_tokens: (id * 17) % 5_000 },
    ...{ environment: id % 5 === 0 ? "dev" : "prod", created_at: new Date(at + laterMs).toISOString() },
    ...(id % 2 === 0 ? { response_id: `chatcmpl-million-${id}` } : { idempotency_key: `million-${id}` }),
  });
}

test("a million mixed events with repeated ones from four clients add up to a plain GROUP BY over distinct ids", async (t) => {
  const { db } = await testDatabase(t);
  const counts: Record<Receipt["state"], number> = { recorded: 0, duplicate: 0, rejected: 0 };
  let next = 0;
  const tell = async (ledger: Ledger): Promise<void> => {
    while (next < total) {
      const from = next;
      next += batch;
      const calls = Array.from({ length: batch }, (_, index) => eventAt(from + index).call);
      for (const { state } of await ledger.record(calls, { source: "test", environment: "prod" })) counts[state] += 1;
    }
  };

  // Each client has a server of its own: they meet in the store alone.
  const ledgers = Array.from({ length: clients }, () => createLedger({ config, now: () => now, db }));
  await Promise.all(ledgers.map(tell));

  const sums = new Map<string, { calls: number; input: number; output: number; costNanousd: bigint }>();
  const ids = new Set<number>();
  for (let index = 0; index < total; index += 1) ids.add(eventAt(index).id);
  for (const id of ids) addTo(sums, id);
  assert.deepEqual(counts, { recorded: ids.size, duplicate: total - ids.size, rejected: 0 });
  assert.equal(ids.size, distinct);
  const stored = await many(
    db,
    z.object({ key: z.string(), calls: z.int(), input: z.int(), output: z.int(), cost: z.string() }),
    sql`
      select to_char(day at time zone 'UTC', 'YYYY-MM-DD') || ' ' || agent_name || ' ' || model as key, calls,
             total_input as input, total_output as output, (total_cost * 1000000000)::numeric(30)::text as cost
      from llm_cost_summary`,
  );
  assert.deepEqual(new Map(stored.map(({ key, cost, ...sum }) => [key, { ...sum, costNanousd: BigInt(cost) }])), sums);
  assert.equal((await verifySums({ db })).equal, true);
  const { rows } = await one(db, z.object({ rows: z.int() }), sql`select count(*) as rows from llm_usage`);
  assert.equal(rows, distinct);
});

function addTo(sums: Map<string, { calls: number; input: number; output: number; costNanousd: bigint }>, id: number) {
  const { agent_name, model, input_tokens, output_tokens, created_at } = callOf(id, 0);
  const { rates } = models[id % models.length] ?? models[0];
  const key = `${created_at?.slice(0, 10)} ${agent_name} ${model}`;
  const before = sums.get(key) ?? { calls: 0, input: 0, output: 0, costNanousd: 0n };
  const cost = rates === null ? 0 : input_tokens * rates[0] + output_tokens * rates[1];
  sums.set(key, {
    calls: before.calls + 1,
    input: before.input + input_tokens,
    output: before.output + output_tokens,
    costNanousd: before.costNanousd + BigInt(cost),
  });
}
