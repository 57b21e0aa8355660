/** Section 1, dev: the rows of the reference tables, and of no other table. */
import { createHash } from "node:crypto";

import type { App } from "#app.ts";
import { formatTableName } from "#config/table-name.ts";
import type { LooseEnd, ReadyPlan, StepApplied, StepContext, StepPlan, StepVerdict } from "#domain.ts";

import { configuredMigrations } from "./configured.ts";
import { configuredTarget } from "#postgres/configured-target.ts";
import { askDirection } from "./mirror-guard.ts";
import type { RowsRefusal } from "./reference-tables.ts";
import {
  copyReferenceRows,
  planReferenceRows,
  type RowsComparison,
  type RowsGuard,
  type RowsInput,
  type RowsNote,
  verifyReferenceRows,
} from "./rows.ts";
import type { Refusal } from "./schema.ts";
import type { StepBody } from "./section.ts";

export const mirrorRows = { plan: planStep, apply: applyStep, verify: verifyStep } satisfies StepBody;

/** What the configuration asks to be copied; the migrations table never is. */
export async function configuredRows(
  app: Pick<App, "config" | "openReference">,
  work: Pick<StepContext, "signal" | "progress">,
): Promise<RowsInput> {
  const { mirror } = app.config;
  return {
    from: await configuredTarget(app, "prod"),
    to: await configuredTarget(app, "dev"),
    tables: mirror?.reference_tables ?? [],
    neverCopy: [...(mirror?.never_copy ?? []), formatTableName(configuredMigrations(app.config).table)],
    signal: work.signal,
    progress: (text, done, total) => work.progress(text, done, total),
  };
}

/** The same for a copy: its target must be known as dev. */
export async function guardedRows(
  app: Pick<App, "config" | "openReference">,
  work: Pick<StepContext, "signal" | "progress">,
  options: { markDev: boolean },
): Promise<RowsInput & { guard: RowsGuard }> {
  const input = await configuredRows(app, work);
  const { from, to } = input;
  const direction = { from, to, migrations: configuredMigrations(app.config), ...options };
  return { ...input, guard: async () => (await askDirection(direction, work.signal)).map(refuseAll) };
}

function refuseAll({ text, remedy }: Refusal): RowsRefusal {
  return { table: "reference rows", kind: "rule", reason: text, remedy };
}

/** Why a table is not copied, with what to do. */
export function describeRowsRefusal({ table, reason, remedy }: RowsRefusal): string {
  return `${table}: ${reason}: ${remedy}`;
}

/** One line per table that is not equal. */
export function describeRows(tables: readonly RowsComparison[]): string[] {
  return tables
    .filter(({ isEqual }) => !isEqual)
    .map(({ table, rows, targetRows, extraRows }) => {
      const extra = extraRows === 0 ? "" : `, ${extraRows} that prod has not`;
      return `${table}: ${rows} rows on prod, ${targetRows} of them on dev${extra}`;
    });
}

/** One line per table whose schema is still to be made equal. */
export function describeWaiting(refusals: readonly RowsRefusal[]): string[] {
  return [...new Set(refusals.map(({ table }) => `${table}: copied once its schema is equal`))];
}

async function planStep(app: App, context: StepContext): Promise<StepPlan> {
  const input = await guardedRows(app, context, { markDev: false });
  const direction = await input.guard();
  if (direction.length > 0) {
    const summary = "dev may not be written";
    return { state: "blocked", summary, needs: direction.map(describeRowsRefusal), changes: [], looseEnds: [] };
  }
  const plan = await planReferenceRows(input);
  const changes = describeRows(plan.tables);
  // Before a run has begun the schema is not mirrored yet: what that will mend is no obstacle.
  const waiting = context.stepId === undefined ? plan.refusals.filter(({ kind }) => kind === "schema") : [];
  const obstacles = plan.refusals.filter((refusal) => !waiting.includes(refusal));
  const looseEnds = [...plan.notes.map(describeNote), ...missingNeverCopy(app)];
  if (obstacles.length > 0) {
    const summary = `${obstacles.length} reference tables may not be copied`;
    return { state: "blocked", summary, needs: obstacles.map(describeRowsRefusal), changes, looseEnds };
  }
  changes.push(...describeWaiting(waiting));
  return readyPlan(changes, plan.tables, looseEnds);
}

function readyPlan(changes: string[], tables: readonly RowsComparison[], looseEnds: LooseEnd[]): ReadyPlan {
  const state = tables.map(({ table, digest, targetDigest, extraRows }) => [table, digest, targetDigest, extraRows]);
  return {
    state: "ready",
    summary:
      changes.length === 0
        ? `${tables.length} reference tables are equal`
        : `${changes.length} reference tables differ`,
    changes,
    fingerprint: createHash("sha256").update(JSON.stringify(state)).digest("hex"),
    looseEnds,
  };
}

async function applyStep(app: App, _plan: ReadyPlan, context: StepContext): Promise<StepApplied> {
  const outcome = await copyReferenceRows(await guardedRows(app, context, { markDev: false }));
  if (outcome.state === "refused") return { state: "blocked", needs: outcome.refusals.map(describeRowsRefusal) };
  return {
    state: "applied",
    notes: outcome.tables.map(
      ({ table, inserted, updated, deleted }) =>
        `${table}: ${inserted} inserted, ${updated} updated, ${deleted} deleted`,
    ),
  };
}

async function verifyStep(app: App, context: StepContext): Promise<StepVerdict> {
  const proof = await verifyReferenceRows(await configuredRows(app, context));
  const differing = [...describeRows(proof.tables), ...proof.refusals.map(describeRowsRefusal)];
  const rows = proof.tables.reduce((sum, table) => sum + table.rows, 0);
  return {
    verified: proof.isEqual,
    summary: proof.isEqual ? `${proof.tables.length} reference tables are equal: ${rows} rows` : differing.join("; "),
    evidence: {
      tables: proof.tables.map(({ table, rows: count, digest, targetDigest, extraRows }) => ({
        table,
        rows: count,
        digest,
        targetDigest,
        extraRows,
      })),
    },
    looseEnds: proof.tables.filter(({ extraRows }) => extraRows > 0).map(describeExtraRows),
  };
}

function describeExtraRows({ table, extraRows }: RowsComparison): LooseEnd {
  return {
    id: `rows:extra:${table}`,
    severity: "low",
    text: `${table} has ${extraRows} rows on dev that prod has not`,
    remedy: `Set delete: true for ${table} under mirror.reference_tables, or leave them`,
  };
}

function describeNote({ text, remedy }: RowsNote): LooseEnd {
  return { id: `rows:${text}`, severity: "low", text, remedy };
}

function missingNeverCopy(app: App): LooseEnd[] {
  if ((app.config.mirror?.never_copy.length ?? 0) > 0) return [];
  return [
    {
      id: "rows:never-copy",
      severity: "low",
      text: "mirror.never_copy names no table: nothing but the list of reference tables keeps user rows in prod",
      remedy: "List the tables with user rows under mirror.never_copy in leveredge.yaml",
    },
  ];
}
