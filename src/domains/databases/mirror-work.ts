/**
 * A whole mirror, schema and reference rows, as a command, the API or a schedule asks
 * for it, with its event. What people are told of it is decided here.
 */
import type { App } from "#app.ts";
import type { Hazard } from "#config/schema.ts";
import type { Notice } from "#events/schema.ts";
import { redact } from "#secrets/redact.ts";

import { recorded } from "./command-event.ts";
import { applyMirror, type MirrorPlan, type MirrorWork, planMirror } from "./mirror.ts";
import { describeRefusal } from "./mirror-report.ts";
import type { MirrorRequest } from "./mirror-request.ts";
import { configuredMirror } from "./mirror-step.ts";
import type { RowsRefusal } from "./reference-tables.ts";
import { copyReferenceRows, planReferenceRows } from "./rows.ts";
import { configuredRows, describeRows, describeRowsRefusal, describeWaiting, guardedRows } from "./rows-step.ts";
import type { MirrorOutcome, MirrorReport } from "./schema.ts";

/** The reference rows of a mirror: one line per table that differs, or that was changed. */
export type MirrorRows = { asked: boolean; changes: string[]; refusals: RowsRefusal[] };

export type MirrorResult = {
  outcome: MirrorOutcome;
  /** Null when they were not copied. */
  rows: MirrorRows | null;
  /** Why the rows could not be copied, though the schema was made equal. */
  rowsFailure: Error | undefined;
};

const mostTold = 5;

/** What the configuration asks for, with hazards that the caller allows besides. */
export async function configuredRequest(app: App, allow: readonly Hazard[]): Promise<MirrorRequest & { app: App }> {
  const spec = await configuredMirror(app);
  return {
    app,
    parts: app,
    spec: { ...spec, allow: [...new Set([...spec.allow, ...allow])] },
    copiesRows: (app.config.mirror?.reference_tables.length ?? 0) > 0,
  };
}

/** What of a plan may be shown. */
export function reportOf({ script: _script, stamp: _stamp, ...report }: MirrorPlan): MirrorReport {
  return report;
}

/** How the reference rows differ. Reads only. */
export async function planRows(request: MirrorRequest, work: MirrorWork): Promise<MirrorRows> {
  if (!request.copiesRows || request.app === undefined) return { asked: false, changes: [], refusals: [] };
  const { tables, refusals } = await planReferenceRows(await configuredRows(request.app, work));
  // A table whose schema is still to be made equal is no refusal of its rows.
  const waiting = refusals.filter(({ kind }) => kind === "schema");
  return {
    asked: true,
    changes: [...describeRows(tables), ...describeWaiting(waiting)],
    refusals: refusals.filter(({ kind }) => kind === "rule"),
  };
}

/** Applies the plan, copies the rows when the schema is equal, and records what came of both. */
export async function carryOutMirror(
  request: MirrorRequest,
  plan: MirrorPlan,
  work: MirrorWork,
  actor: string,
): Promise<MirrorResult> {
  const { app, parts, spec } = request;
  const mirror = async (): Promise<MirrorResult> => {
    const outcome = await applyMirror(parts, spec, plan, work);
    if (outcome.state !== "equal") return { outcome, rows: null, rowsFailure: undefined };
    try {
      return { outcome, rows: await copyRows(request, work), rowsFailure: undefined };
    } catch (error) {
      if (work.signal.aborted || !(error instanceof Error)) throw error;
      return { outcome, rows: null, rowsFailure: error };
    }
  };
  // Between two URLs there is no store to record it in; the target's own record has it in any case.
  if (app === undefined) return mirror();
  const event = { actor, action: "databases.mirror", target: spec.to.label, environment: "dev" as const };
  return recorded(app, event, mirror, (result) => {
    const { statements, recordedAs, passes } = result.outcome;
    const details = { statements, recordedAs, passes, rows: result.rows?.changes ?? [] };
    return { outcome: stateOf(result), details, notice: describeResult(result) };
  });
}

/** Plans and applies what is configured, with nobody there to ask: what is refused or blocked is told, not thrown. */
export async function mirrorUnattended(
  app: App,
  options: { allow: readonly Hazard[]; actor: string },
  work: MirrorWork,
): Promise<Record<string, unknown>> {
  const request = await configuredRequest(app, options.allow);
  const plan = await planMirror(request.parts, request.spec, work);
  const { drift } = plan;
  const result = await carryOutMirror(request, plan, work, options.actor);
  if (result.rowsFailure !== undefined) throw result.rowsFailure;
  const { statements, recordedAs, passes, needs, refusals, failure } = result.outcome;
  return {
    state: stateOf(result),
    drift,
    statements,
    passes,
    recordedAs,
    rows: result.rows?.changes ?? [],
    needs,
    refusals: [...refusals.map(describeRefusal), ...(result.rows?.refusals ?? []).map(describeRowsRefusal)],
    failure,
  };
}

async function copyRows(request: MirrorRequest, work: MirrorWork): Promise<MirrorRows | null> {
  if (!request.copiesRows || request.app === undefined) return null;
  const outcome = await copyReferenceRows(await guardedRows(request.app, work, { markDev: request.spec.markDev }));
  if (outcome.state === "refused") return { asked: true, changes: [], refusals: outcome.refusals };
  const changed = outcome.tables.filter(({ inserted, updated, deleted }) => inserted + updated + deleted > 0);
  return {
    asked: true,
    changes: changed.map(
      ({ table, inserted, updated, deleted }) =>
        `${table}: ${inserted} inserted, ${updated} updated, ${deleted} deleted`,
    ),
    refusals: [],
  };
}

/** One word for schema and rows together. */
function stateOf({ outcome, rows, rowsFailure }: MirrorResult): MirrorOutcome["state"] {
  if (rowsFailure !== undefined) return "failed";
  return outcome.state === "equal" && rows !== null && rows.refusals.length > 0 ? "refused" : outcome.state;
}

function describeResult(result: MirrorResult): Notice {
  const { outcome, rows, rowsFailure } = result;
  const state = stateOf(result);
  if (state === "equal") {
    const changes = outcome.statements + (rows?.changes.length ?? 0);
    const title = changes === 0 ? "dev equals prod" : "dev was made equal to prod";
    const text = [`${outcome.statements} statements`, ...(rows?.changes ?? [])].join("\n");
    return { severity: "low", title, text, section: 1 };
  }
  const reasons = [
    ...outcome.needs,
    ...outcome.refusals.map(describeRefusal),
    ...(outcome.failure === null ? [] : [`${outcome.failure.message} (${outcome.failure.hint})`]),
    ...(rows?.refusals ?? []).map(describeRowsRefusal),
    ...(rowsFailure === undefined ? [] : [redact(rowsFailure.message)]),
    ...(state === "different" ? [`${outcome.verdict?.differences.length ?? 0} differences are left`] : []),
  ];
  return {
    severity: state === "failed" ? "high" : "normal",
    title: `mirror of prod to dev: ${state}`,
    text: [...reasons.slice(0, mostTold), "Look: leveredge mirror plan"].join("\n"),
    section: 1,
  };
}
