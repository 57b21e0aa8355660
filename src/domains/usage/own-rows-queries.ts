import { sql } from "kysely";
import { z } from "zod";

import { type Db, many } from "#store/database.ts";

import type { Call } from "./schema.ts";

const prefix = "llm_usage/";

/**
 * The id that a row is exported under, for it has not the one it was told with: its place
 * in the ledger. Null where the provider's id of the answer goes along and says enough.
 */
export const rowKey = sql`
  case when coalesce(length(response_id), 0) < 16
       then ${prefix}::text || to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '/' || id end`;

/** Of calls that were exported from this ledger and are still in it: the row of each. */
export async function findOwnRows(db: Db, calls: readonly Call[]): Promise<Map<Call, number>> {
  const told = calls.flatMap((call, index) => {
    const [at, id] = /^llm_usage\/(\d[\d:.T-]+Z)\/(\d{1,15})$/.exec(call.idempotency_key ?? "")?.slice(1) ?? [];
    return at === undefined || Number.isNaN(Date.parse(at)) ? [] : [{ call, index, at, id: Number(id) }];
  });
  if (told.length === 0) return new Map();
  const rows = await many(
    db,
    z.object({ index: z.int(), id: z.int() }),
    sql`
      select t.index, u.id
      from unnest(
        ${told.map(({ index }) => index)}::bigint[], ${told.map(({ at }) => at)}::timestamptz[], ${told.map(({ id }) => id)}::bigint[],
        ${told.map(({ call }) => call.agent_name)}::text[], ${told.map(({ call }) => call.model)}::text[],
        ${told.map(({ call }) => call.input_tokens)}::bigint[], ${told.map(({ call }) => call.output_tokens)}::bigint[]
      ) as t(index, created_at, id, agent_name, model, input_tokens, output_tokens)
      join llm_usage u using (created_at, id, agent_name, model, input_tokens, output_tokens)`,
  );
  return new Map(rows.flatMap(({ index, id }) => calls.slice(index, index + 1).map((call) => [call, id] as const)));
}
