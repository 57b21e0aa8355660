import { type RawBuilder, sql } from "kysely";
import { z } from "zod";

import { isAfter, type Place, rowKey } from "#domains/usage/usage.ts";
import { type Db, many } from "#store/database.ts";

import { isCallInSpan, type Span } from "./queries.ts";

const instant = (column: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
const amount = (column: RawBuilder<unknown>): RawBuilder<unknown> => sql`trim_scale(${column})::text`;

/**
 * Of a call, in their order: first what a call is told with, under those names, then what
 * the ledger made of it. `isText`: what others wrote, and a spreadsheet may take for a formula.
 */
export const exportColumns: readonly { name: string; value: RawBuilder<unknown>; isText?: true }[] = [
  { name: "created_at", value: instant(sql`created_at`) },
  { name: "environment", value: sql`environment` },
  { name: "agent_name", value: sql`agent_name`, isText: true },
  { name: "model", value: sql`model`, isText: true },
  { name: "provider", value: sql`provider`, isText: true },
  { name: "operation", value: sql`operation`, isText: true },
  { name: "credential", value: sql`credential`, isText: true },
  { name: "input_tokens", value: sql`input_tokens` },
  { name: "output_tokens", value: sql`output_tokens` },
  { name: "cache_read_tokens", value: sql`cache_read_tokens` },
  { name: "cache_write_5m_tokens", value: sql`cache_write_5m_tokens` },
  { name: "cache_write_1h_tokens", value: sql`cache_write_1h_tokens` },
  { name: "reasoning_tokens", value: sql`reasoning_tokens` },
  { name: "audio_input_tokens", value: sql`audio_input_tokens` },
  { name: "audio_output_tokens", value: sql`audio_output_tokens` },
  { name: "web_searches", value: sql`web_searches` },
  { name: "is_estimated", value: sql`is_estimated` },
  { name: "service_tier", value: sql`service_tier`, isText: true },
  { name: "region", value: sql`region`, isText: true },
  { name: "context", value: sql`context`, isText: true },
  { name: "tags", value: sql`tags`, isText: true },
  { name: "response_id", value: sql`response_id`, isText: true },
  { name: "idempotency_key", value: rowKey },
  { name: "provider_cost_usd", value: amount(sql`provider_cost_usd`) },
  { name: "estimated_cost_usd", value: amount(sql`client_cost_usd`) },
  { name: "cost_usd", value: amount(sql`estimated_cost_usd`) },
  { name: "cost_source", value: sql`cost_source` },
  { name: "price_version", value: sql`price_version` },
  { name: "source", value: sql`source` },
  { name: "claimed_at", value: instant(sql`claimed_at`) },
  { name: "recorded_at", value: instant(sql`recorded_at`) },
  { name: "id", value: sql`id` },
];

const Value = z.union([z.string(), z.number(), z.boolean(), z.record(z.string(), z.string())]).nullable();
/** `values`: of `exportColumns`. */
const ExportedCall = z.object({ at: z.string(), id: z.int(), values: z.array(Value) });
export type ExportedCall = z.output<typeof ExportedCall>;

export type Wanted = { span: Span; agent: string | undefined; model: string | undefined };

/** The next calls after a place, in the order of time. */
export function listCalls(
  db: Db,
  { span, agent, model, after, limit }: Wanted & { after: Place | undefined; limit: number },
): Promise<ExportedCall[]> {
  return many(
    db,
    ExportedCall,
    sql`
      select created_at::text as at, id, json_build_array(${sql.join(exportColumns.map(({ value }) => value))}) as values
      from llm_usage
      where ${isCallInSpan(span)}
        and ${agent === undefined ? sql`true` : sql`agent_name = ${agent}`}
        and ${model === undefined ? sql`true` : sql`model = ${model}`}
        and ${isAfter(after)}
      order by created_at, id
      limit ${limit}`,
  );
}
