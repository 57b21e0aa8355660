/**
 * `POST /rest/v1/llm_usage` as PostgREST answers it, so that what logged to Supabase needs
 * another URL and nothing else. All rows of a body are taken or none; a row that is told
 * twice under one id is answered with the first one's id.
 */
import { z } from "zod";

import type { App } from "#app.ts";
import { Call, type Ledger, type Receipt } from "#domains/usage/usage.ts";
import { AppError } from "#errors.ts";
import { type Actor } from "#http/permission.ts";
import { requireActor, type Route, route, type RouteReply, type TellFailure } from "#http/route.ts";

import { asObject } from "./json.ts";
import { chooseEnvironment, type Fault, findForbidden, parseJson, readCall, SentCall } from "./read-calls.ts";

const limitBytes = 8 * 1024 * 1024;
const mostRows = 10_000;
const objectType = "application/vnd.pgrst.object+json";

/** What a row says comes back as it was read; the ledger's own price of it is not among that. */
const told = Object.keys(Call.shape).filter((name) => name !== "estimated_cost_usd");
const Row = z.object(Object.fromEntries(["id", ...told].map((name) => [name, z.json().optional()])));

const Failure = z
  .object({ code: z.string(), details: z.string().nullable(), hint: z.string().nullable(), message: z.string() })
  .meta({ id: "PostgrestFailure" });
type Failure = z.output<typeof Failure>;

/** What it means that a request failed as a whole. */
const failureCodes: Readonly<Record<number, string>> = { 401: "PGRST301", 403: "42501", 413: "54000", 503: "PGRST000" };

export function listPostgrestRoutes(app: Pick<App, "config" | "now">, ledger: Ledger): readonly Route[] {
  return [
    route({
      method: "POST",
      path: "/rest/v1/llm_usage",
      summary: "record calls of language models as PostgREST takes rows",
      description:
        "For clients of Supabase: a row or a list of rows, `apikey` beside `Authorization`, `columns`, `select` and of `Prefer` `return`, `count`, `missing=default` and `resolution=ignore-duplicates`; a recorded call is never changed, so merging over `on_conflict` is refused. Failures have PostgREST's form.",
      permission: "usage:write",
      environment: "any",
      query: z.looseObject({
        columns: z.string().max(2000).optional(),
        select: z.string().max(2000).optional(),
        on_conflict: z.string().max(2000).optional(),
      }),
      intake: { types: ["application/json"], limitBytes, shape: z.union([SentCall, z.array(SentCall)]) },
      tellFailure,
      response: { 201: z.union([z.array(Row), Row]), 400: Failure, 403: Failure },
      handle: async (request) => {
        const actor = requireActor(request);
        checkKey(request.headers);
        if (wantsMerge(request.headers, request.query.on_conflict)) return refusedMerge;
        const rows = readRows(parseJson(request.bytes), request.query.columns);
        if (!Array.isArray(rows)) return rows;
        const environment = chooseEnvironment(actor, undefined);
        const calls = readCalls(rows, actor, { timezone: app.config.platform.timezone, now: app.now(), environment });
        if (!Array.isArray(calls)) return calls;
        const receipts = await ledger.record(calls, { source: "postgrest", environment, isWhole: true });
        return (
          tellRejected(receipts) ?? represent(calls, receipts, { ...request.headers, select: request.query.select })
        );
      },
    }),
  ];
}

/** Supabase's clients send one key twice; two that differ are a mistake. */
function checkKey({ apikey, authorization = "" }: Record<string, string | undefined>): void {
  if (apikey === undefined || authorization.replace(/^bearer +/i, "") === apikey) return;
  throw new AppError("unauthenticated", "apikey and Authorization hold different tokens", {
    hint: "Send the same token in both.",
  });
}

/** Merging over the primary key alone is no merge: a row that is sent has no `id` yet. */
function wantsMerge({ prefer = "" }: Record<string, string | undefined>, onConflict: string | undefined): boolean {
  return onConflict !== undefined && /\bresolution=merge-duplicates\b/.test(prefer);
}

/** The rows with the columns that are meant, or why they are none. */
function readRows(body: unknown, columns: string | undefined): Record<string, unknown>[] | RouteReply {
  const given = Array.isArray(body) ? body : [body];
  if (given.length > mostRows) return fail("54000", `${given.length} rows, at most ${mostRows} are taken at once`);
  const meant = columns === undefined ? undefined : readNames(columns);
  const rows: Record<string, unknown>[] = [];
  for (const one of given) {
    if (typeof one !== "object" || one === null || Array.isArray(one)) {
      return fail("PGRST102", "a row is not an object", { hint: "Send an object, or a list of them." });
    }
    const row = asObject(one);
    rows.push(meant === undefined ? row : Object.fromEntries(meant.map((name) => [name, row[name]])));
  }
  const names = new Set(rows.flatMap((row) => Object.keys(row)));
  const unknown = [...names].find((name) => !Object.hasOwn(Call.shape, name));
  if (unknown !== undefined) {
    const shown = /^[a-z_]{1,40}$/i.test(unknown) ? unknown : "?";
    return fail("PGRST204", `Could not find the '${shown}' column of 'llm_usage' in the schema cache`);
  }
  if (meant === undefined && rows.some((row) => Object.keys(row).length !== names.size)) {
    return fail("PGRST102", "All object keys must match");
  }
  return rows;
}

function readCalls(
  rows: readonly Record<string, unknown>[],
  actor: Actor,
  reading: Parameters<typeof readCall>[1],
): Call[] | RouteReply {
  const calls: Call[] = [];
  for (const [index, row] of rows.entries()) {
    const read = readCall(row, reading);
    const fault = "call" in read ? findForbidden(actor, read.call) : read;
    if (fault !== undefined) return tellFault(fault, rows.length === 1 ? "" : `row ${index}: `);
    if ("call" in read) calls.push(read.call);
  }
  return calls;
}

/** With PostgreSQL's own code where it would have refused the row too. */
function tellFault({ code, field, reason }: Fault, where: string): RouteReply {
  if (code === "forbidden") return { ...fail("42501", `${where}${reason}`), status: 403 };
  if (code === "missing") {
    const message = `null value in column "${field}" of relation "llm_usage" violates not-null constraint`;
    return fail("23502", message, { details: `${where}${reason}` });
  }
  const codes: Readonly<Record<string, string>> = { too_small: "23514", too_big: "22003", invalid_format: "22007" };
  return fail(codes[code] ?? "22P02", `${where}${reason}`);
}

/** What the ledger itself would not have, such as a call that is older than all it keeps. */
function tellRejected(receipts: readonly Receipt[]): RouteReply | undefined {
  const index = receipts.findIndex(({ state, reason }) => state === "rejected" && reason !== undefined);
  return index === -1 ? undefined : fail("22023", `row ${index}: ${receipts[index]?.reason ?? ""}`);
}

function represent(
  calls: readonly Call[],
  receipts: readonly Receipt[],
  { prefer = "", accept = "", select }: Record<string, string | undefined>,
): RouteReply {
  const applied: readonly string[] =
    prefer.match(/\b(?:return=(?:representation|minimal)|count=exact|missing=default)\b/g) ?? [];
  const headers = {
    "content-range": applied.includes("count=exact") ? `*/${calls.length}` : "*/*",
    ...(applied.length === 0 ? {} : { "preference-applied": applied.join(", ") }),
  };
  if (!applied.includes("return=representation")) return { status: 201, headers };
  const names = select === undefined || select.includes("*") ? undefined : new Set(readNames(select));
  const rows = calls.map((call, index) => {
    const row = { id: receipts[index]?.id ?? 0, ...call };
    return Object.fromEntries(Object.entries(row).filter(([name]) => names?.has(name) ?? true));
  });
  const isOne = accept.includes(objectType) && rows.length === 1;
  return { status: 201, headers, body: isOne ? rows[0] : rows };
}

/** `"agent_name","model"` or `agent_name,model`. */
function readNames(list: string): string[] {
  return list.split(",").map((name) => name.trim().replace(/^"(.*)"$/, "$1"));
}

function fail(
  code: string,
  message: string,
  { details = null, hint = null }: { details?: string | null | undefined; hint?: string | null } = {},
): RouteReply {
  return { status: 400, body: { code, details, hint, message } satisfies Failure };
}

const refusedMerge = fail("0A000", "a call that is in the ledger is not changed: duplicates cannot be merged", {
  hint: "Send ignore_duplicates=True, or insert with an idempotency_key: a call that is told twice is one row.",
});

const tellFailure: TellFailure = ({ status, message, hint }) => {
  const code = failureCodes[status] ?? (status < 500 ? "PGRST102" : "PGRSTX00");
  const failure: Failure = { code, details: null, hint: hint ?? null, message };
  return { contentType: "application/json; charset=utf-8", body: JSON.stringify(failure) };
};
