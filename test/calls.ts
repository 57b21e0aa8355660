/** Calls of language models for tests, and what the ledger made of them, asked in plain SQL. */
import { setTimeout as delay } from "node:timers/promises";

import { sql } from "kysely";
import { z } from "zod";

import type { Ledger } from "#domains/usage/ledger.ts";
import { Call } from "#domains/usage/schema.ts";
import { type Db, many, one } from "#store/database.ts";

export const origin = { source: "test", environment: "dev" } as const;

/** 1,000 tokens in and 100 out of gpt-4o-mini: 0.00021 USD. */
export function call(fields: Partial<Call> = {}): Call {
  return Call.parse({
    ...{ agent_name: "CHIRON", model: "gpt-4o-mini", provider: "openai" },
    ...{ input_tokens: 1000, output_tokens: 100 },
    ...fields,
  });
}

const Sum = z.object({ day: z.string(), agentName: z.string(), model: z.string(), calls: z.int(), cost: z.string() });

/** What the platform's own view would say of the single calls. */
export function sumCalls(db: Db, timezone = "UTC"): Promise<z.output<typeof Sum>[]> {
  return many(
    db,
    Sum,
    sql`
      select date_trunc('day', created_at, ${timezone}) as day, agent_name, model, count(*) as calls,
             coalesce(sum(estimated_cost_usd), 0)::numeric(20, 9)::text as cost
      from llm_usage group by 1, 2, 3 order by 1, 2, 3`,
  );
}

export function listSums(db: Db): Promise<z.output<typeof Sum>[]> {
  return many(
    db,
    Sum,
    sql`
      select day, agent_name, model, calls, total_cost::numeric(20, 9)::text as cost
      from llm_cost_summary order by 1, 2, 3`,
  );
}

/** How many rows, and how many ids that they are known by. */
export function countRows(db: Db): Promise<{ calls: number; keys: number }> {
  return one(
    db,
    z.object({ calls: z.int(), keys: z.int() }),
    sql`select (select count(*) from llm_usage) as calls, (select count(*) from llm_usage_key) as keys`,
  );
}

/**
 * Tells a call under each id, several at a time, from eight callers at once; what fails is
 * told again under the same id until it is acknowledged, as a client with a spool does.
 */
export async function tellCalls(
  ledger: Pick<Ledger, "record">,
  { ids, onAcknowledged }: { ids: readonly string[]; onAcknowledged: (ids: readonly string[]) => unknown },
): Promise<void> {
  const left = [...ids];
  const tell = async (): Promise<void> => {
    for (let own = left.splice(0, 5); own.length > 0; own = left.splice(0, 5)) {
      const calls = own.map((id) => call({ idempotency_key: id, agent_name: `agent-${id.length % 3}` }));
      // The store is away for as long as it takes to start it again.
      while (!(await ledger.record(calls, origin).then(Boolean, () => false))) await delay(20);
      onAcknowledged(own);
    }
  };
  await Promise.all(Array.from({ length: 8 }, tell));
}
