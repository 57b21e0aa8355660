/**
 * A platform may have an `llm_usage` of its own, in its dev or prod database. It is looked
 * at column by column, its rows are recorded in the ledger with whatever of the known
 * columns they have, and it is left as it is. A row is known by what it says: told again,
 * or copied from prod to dev, it is booked once. Rows that come later are taken by the
 * next run. A table of another shape blocks the step with the difference.
 */
import { createHash } from "node:crypto";

import type pg from "pg";

import type { App } from "#app.ts";
import type { LooseEnd, Step, StepApplied, StepContext, StepPlan, StepVerdict } from "#domain.ts";
import { createLedger, type Ledger } from "#domains/usage/usage.ts";
import { AppError } from "#errors.ts";
import { appendEvent } from "#events/events.ts";
import { findTableColumns, type FoundColumn, type KnownColumn, listColumnFaults } from "#postgres/column-queries.ts";
import { configuredTarget } from "#postgres/configured-target.ts";
import { connect } from "#postgres/connection.ts";
import { transaction } from "#store/database.ts";

import { createContentKeys } from "./content-keys.ts";
import {
  beginSnapshot,
  countExistingRows,
  countImported,
  countOlderDays,
  type ExistingRow,
  hasImport,
  listExistingRows,
} from "./existing-queries.ts";
import { type ReadCall, type Reading, readPastCall } from "./read-calls.ts";
import { recordRead } from "./usage-routes.ts";

type Side = "dev" | "prod";

/** What a database has, when its table can be read. */
type Found = {
  side: Side;
  columns: readonly FoundColumn[];
  rows: number;
  span: string;
  /** Of this state of the table: the import of it is recorded under it. */
  key: string;
  isDone: boolean;
  olderDays: number;
};

type Survey = { found: Found[]; needs: string[] };
type Tally = { recorded: number; duplicate: number; rejected: number; why: string | undefined };

/** Of one call in both, prod's is the one that counts. */
const sides: readonly Side[] = ["prod", "dev"];
const text: KnownColumn = { category: "S", what: "text" };
const number: KnownColumn = { category: "N", what: "integer" };

const known: Readonly<Record<string, KnownColumn>> = {
  agent_name: { ...text, isRequired: true },
  model: { ...text, isRequired: true },
  input_tokens: { ...number, isRequired: true },
  output_tokens: { ...number, isRequired: true },
  created_at: { category: "D", what: "timestamp", isRequired: true },
  estimated_cost_usd: { category: "N", what: "numeric" },
  context: text,
  operation: text,
  provider: text,
  response_id: text,
  service_tier: text,
  region: text,
  cache_read_tokens: number,
  reasoning_tokens: number,
};

const knownDaily: Readonly<Record<string, KnownColumn>> = {
  day: { category: "D", what: "date", isRequired: true },
};

/** A step of section 5, where a database is configured. */
export const importExisting = {
  plan: planImport,
  apply: applyImport,
  verify: verifyImport,
} satisfies Pick<Step, "plan" | "apply" | "verify">;

async function planImport(app: App): Promise<StepPlan> {
  const { found, needs } = await survey(app);
  if (needs.length > 0) {
    const summary = "an llm_usage of the platform is not of a shape that is known";
    return { state: "blocked", summary, needs, changes: [], looseEnds: [] };
  }
  const open = found.filter(({ isDone }) => !isDone);
  const changes = open.map(({ side, rows, span }) => `record ${rows} calls of ${side}'s llm_usage (${span})`);
  return {
    state: "ready",
    summary: summarize(found, open),
    changes,
    fingerprint: createHash("sha256")
      .update(open.map(({ key }) => key).join("\n"))
      .digest("hex"),
    looseEnds: found.flatMap(describeOlderDays),
  };
}

async function applyImport(app: App, _plan: unknown, context: StepContext): Promise<StepApplied> {
  const { found, needs } = await survey(app);
  if (needs.length > 0) return { state: "blocked", needs };
  const ledger = createLedger(app);
  const notes: string[] = [];
  const seen = new Set<string>();
  try {
    for (const [place, one] of found.entries()) {
      // What is done is read once more where another database may have copies of it.
      if (found.slice(place).every(({ isDone }) => isDone)) break;
      const tally = await importSide(app, { ledger, seen }, one, context);
      if (tally.why !== undefined) notes.push(`${one.side}: ${tally.rejected} rows stay, the first: ${tally.why}`);
    }
  } finally {
    await ledger.close();
  }
  return { state: "applied", notes };
}

/** By other means than the import: what events told, and what the ledger holds, which is less once calls are too old to be kept. */
async function verifyImport(app: App): Promise<StepVerdict> {
  const { found, needs } = await survey(app);
  const problems = [...needs];
  const evidence: Record<string, unknown> = {};
  for (const { side, rows } of found) {
    const { told, held, imports } = await countImported(app.db, side);
    evidence[side] = { rows, told, held, imports };
    if (imports === 0 && rows > 0) problems.push(`${side}'s llm_usage was not recorded`);
    else if (held === 0 && told > 0) problems.push(`the ledger holds no call of ${side}'s llm_usage`);
  }
  const looseEnds = found.flatMap(describeOlderDays);
  if (problems.length > 0) return { verified: false, summary: problems.join("; "), evidence, looseEnds };
  return { verified: true, summary: summarize(found, []), evidence, looseEnds };
}

function summarize(found: readonly Found[], open: readonly Found[]): string {
  if (found.length === 0) return "the platform has no llm_usage of its own";
  if (open.length === 0) return `${found.map(({ side }) => side).join(" and ")}: llm_usage is in the ledger`;
  return open.map(({ side, rows }) => `${rows} calls of ${side} to record`).join(", ");
}

/** Sums alone are no calls: they cannot be told apart by what the ledger tells apart. */
function describeOlderDays({ side, olderDays }: Found): LooseEnd[] {
  if (olderDays === 0) return [];
  return [
    {
      id: `usage:older-days:${side}`,
      severity: "low",
      text: `${side}'s llm_usage_daily has ${olderDays} days that are older than its calls; they stay there`,
      remedy: "Keep that table, or bring back the calls of these days: leveredge usage import FILE",
    },
  ];
}

async function survey(app: App): Promise<Survey> {
  const all: Survey = { found: [], needs: [] };
  for (const side of sides) {
    if (app.config.environments[side] === undefined) continue;
    try {
      await withDatabase(app, side, (client) => surveySide(app, client, side, all));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      all.needs.push(`${side}: ${error.message}${error.hint === undefined ? "" : `. ${error.hint}`}`);
    }
  }
  return all;
}

async function surveySide(app: App, client: pg.Client, side: Side, all: Survey): Promise<void> {
  const columns = await findTableColumns(client, "llm_usage");
  if (columns === undefined) return;
  const faults = listColumnFaults(columns, known).map((fault) => `${side}: public.llm_usage ${fault}`);
  all.needs.push(...faults);
  if (faults.length > 0) return;
  const { rows, oldest, newest } = await countExistingRows(client);
  const key = `usage.existing:${side}:${rows}:${newest ?? "none"}`;
  const daily = (await findTableColumns(client, "llm_usage_daily")) ?? [];
  all.found.push({
    side,
    columns: columns.filter(({ name }) => Object.hasOwn(known, name)),
    rows,
    span: `${oldest?.slice(0, 10) ?? "none"} to ${newest?.slice(0, 10) ?? "none"}`,
    key,
    isDone: rows === 0 || (await hasImport(app.db, key)),
    olderDays: listColumnFaults(daily, knownDaily).length === 0 ? await countOlderDays(client) : 0,
  });
}

/** `seen` holds the calls of the databases before this one. */
function importSide(
  app: App,
  { ledger, seen }: { ledger: Ledger; seen: Set<string> },
  found: Found,
  context: StepContext,
): Promise<Tally> {
  const { side, columns, rows, isDone } = found;
  const reading: Reading = { timezone: app.config.platform.timezone, now: app.now(), environment: side };
  return withDatabase(app, side, async (client) => {
    const withKey = createContentKeys();
    const tally: Tally = { recorded: 0, duplicate: 0, rejected: 0, why: undefined };
    const own: string[] = [];
    let done = 0;
    for await (const part of listExistingRows(client, columns)) {
      context.signal.throwIfAborted();
      const read = part.map((row): ReadCall => {
        const one = readPastCall(toCall(row), reading);
        return "call" in one ? { call: withKey(one.call) } : one;
      });
      own.push(...read.flatMap((one) => ("call" in one ? [one.call.idempotency_key ?? ""] : [])));
      done += part.length;
      if (isDone) continue;
      const fresh = read.filter((one) => !("call" in one && seen.has(one.call.idempotency_key ?? "")));
      tally.duplicate += read.length - fresh.length;
      for (const { state, reason } of await recordRead(ledger, fresh, { source: "existing", environment: side })) {
        tally[state] += 1;
        tally.why ??= reason;
      }
      context.progress(`calls of ${side}`, done, rows);
    }
    for (const key of own) seen.add(key);
    if (!isDone) await recordImport(app, found, tally);
    return tally;
  });
}

function recordImport(app: App, { side, key, rows }: Found, { recorded, duplicate, rejected }: Tally): Promise<void> {
  return transaction(app.db, (tx) =>
    appendEvent(tx, app.keys, {
      key,
      actor: "harden",
      action: "usage.existing",
      target: `${side}: public.llm_usage`,
      environment: side,
      outcome: "taken over",
      details: { rows, recorded, duplicate, rejected },
    }),
  );
}

/** Numbers are counts, save the cost, which stays decimal text. */
function toCall(row: ExistingRow): Record<string, unknown> {
  const entries = Object.entries(row).filter(([, value]) => value !== null && value !== "");
  return Object.fromEntries(entries.map(([name, value]) => [name, name.endsWith("_tokens") ? Number(value) : value]));
}

async function withDatabase<T>(app: App, side: Side, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await connect(await configuredTarget(app, side), { readOnly: true, statementTimeoutMs: 60_000 });
  try {
    await beginSnapshot(client);
    return await work(client);
  } finally {
    await client.end();
  }
}
