/** `leveredge mirror`: what differs between prod and dev, and how dev is made equal. */
import type { Command, CommandContext, Option } from "#cli/command.ts";
import { outcomeExit } from "#errors.ts";

import type { MirrorPlan, MirrorWork } from "./mirror.ts";
import type { MirrorRequest } from "./mirror-request.ts";
import type { RowsRefusal } from "./reference-tables.ts";
import type { MirrorOutcome, MirrorReport } from "./schema.ts";

const ends: Option[] = [
  { flags: "--from <environment>", summary: "configured source; prod" },
  { flags: "--to <environment>", summary: "configured target; dev" },
  { flags: "--from-url <reference>", summary: "another source: env:NAME, file:PATH or a URL without password" },
  { flags: "--to-url <reference>", summary: "another target; it must be empty or marked as dev" },
  {
    flags: "--dev-only <choice>",
    summary: "what becomes of whole objects that only dev has",
    choices: ["keep", "drop"],
  },
];
const allow: Option = {
  flags: "--allow <hazards>",
  summary: "hazards that may happen, besides those in leveredge.yaml: lock,rewrite,… or all",
};
const markDev: Option = {
  flags: "--mark-dev",
  summary: "say that the target is dev; asked for once, when it is neither empty nor marked",
};
const sql: Option = { flags: "--sql", summary: "show every statement as SQL" };

export const mirrorCommands: Command[] = [
  {
    name: "mirror plan",
    summary: "show what would make dev's schema equal to prod's",
    options: [...ends, allow, sql, markDev],
    examples: ["leveredge mirror plan", "leveredge mirror plan --sql", "leveredge mirror plan --json"],
    run: runPlan,
  },
  {
    name: "mirror apply",
    summary: "make dev's schema and reference rows equal to prod's, and prove it",
    options: [...ends, allow, sql, { flags: "--yes", summary: "do not ask" }, markDev],
    examples: [
      "leveredge mirror apply",
      "leveredge mirror apply --yes --allow lock,rewrite",
      "leveredge mirror apply --from-url file:/etc/leveredge/prod.url --to-url env:COPY_URL --mark-dev",
    ],
    run: runApply,
  },
  {
    name: "mirror drift",
    summary: "compare the two databases by an independent read, by class of difference",
    options: ends,
    examples: ["leveredge mirror drift", "leveredge mirror drift --json"],
    run: runDrift,
  },
];

async function runPlan(context: CommandContext): Promise<number> {
  const request = await readRequest(context);
  const { planMirror } = await import("./mirror.ts");
  const report = reportOf(await planMirror(request.parts, request.spec, workOf(context)));
  const rows = await planRows(context, request);
  await showPlan(context, report, rows);
  if (report.state !== "ready") return outcomeExit[report.state];
  if (rows.refusals.length > 0) return outcomeExit.refused;
  return report.statements.length === 0 && rows.changes.length === 0 ? outcomeExit.ok : outcomeExit.drift;
}

async function runDrift(context: CommandContext): Promise<number> {
  const request = await readRequest(context);
  const { verifyMirror } = await import("./mirror.ts");
  const { formatRows, formatVerdict } = await import("./mirror-report.ts");
  const verdict = await verifyMirror(request.parts, request.spec, workOf(context));
  const rows = await planRows(context, request);
  const text = [formatVerdict(verdict), ...(rows.asked ? [formatRows(rows.changes, rows.refusals)] : [])].join("\n\n");
  context.output.data({ ...verdict, rows: rows.asked ? rows : null }, text);
  if (verdict.needs.length > 0) return outcomeExit.blocked;
  return verdict.equal && rows.changes.length === 0 && rows.refusals.length === 0 ? outcomeExit.ok : outcomeExit.drift;
}

async function runApply(context: CommandContext): Promise<number> {
  const request = await readRequest(context);
  const { applyMirror, planMirror } = await import("./mirror.ts");
  const work = workOf(context);
  const plan = await planMirror(request.parts, request.spec, work);
  const refusal = await refuseOrAsk(context, request, reportOf(plan));
  if (refusal !== undefined) return refusal;

  const outcome = await recordMirrorOf(request, () => applyMirror(request.parts, request.spec, plan, work));
  const { formatOutcome, formatRows } = await import("./mirror-report.ts");
  const show = (rows: Rows | null): void => {
    const rowsText = rows === null ? [] : [formatRows(rows.changes, rows.refusals)];
    context.output.data({ ...outcome, rows }, [formatOutcome(outcome), ...rowsText].join("\n\n"));
  };
  if (outcome.state !== "equal") {
    show(null);
    return exitOfOutcome(outcome);
  }
  const rows = await copyRows(context, request).catch((error: unknown) => {
    // What became of the schema is told in any case.
    show(null);
    throw error;
  });
  show(rows);
  return rows !== null && rows.refusals.length > 0 ? outcomeExit.refused : outcomeExit.ok;
}

/** Between two URLs there is no store to record it in; the target's own record has it in any case. */
async function recordMirrorOf(
  { app, spec }: MirrorRequest,
  work: () => Promise<MirrorOutcome>,
): Promise<MirrorOutcome> {
  if (app === undefined) return work();
  const { recorded } = await import("./command-event.ts");
  const event = { action: "databases.mirror", target: spec.to.label, environment: "dev" as const };
  return recorded(app, event, work, ({ state, statements, recordedAs, passes }) => ({
    outcome: state,
    details: { statements, recordedAs, passes },
  }));
}

/** The reference rows of a command: one line per table that differs, or that was changed. */
type Rows = { asked: boolean; changes: string[]; refusals: RowsRefusal[] };

async function planRows(context: CommandContext, request: MirrorRequest): Promise<Rows> {
  if (!request.copiesRows || request.app === undefined) return { asked: false, changes: [], refusals: [] };
  const { configuredRows, describeRows, describeWaiting } = await import("./rows-step.ts");
  const { planReferenceRows } = await import("./rows.ts");
  const { tables, refusals } = await planReferenceRows(await configuredRows(request.app, workOf(context)));
  // A table whose schema is still to be made equal is no refusal of its rows.
  const waiting = refusals.filter(({ kind }) => kind === "schema");
  return {
    asked: true,
    changes: [...describeRows(tables), ...describeWaiting(waiting)],
    refusals: refusals.filter(({ kind }) => kind === "rule"),
  };
}

async function copyRows(context: CommandContext, request: MirrorRequest): Promise<Rows | null> {
  if (!request.copiesRows || request.app === undefined) return null;
  const { guardedRows } = await import("./rows-step.ts");
  const { copyReferenceRows } = await import("./rows.ts");
  const outcome = await copyReferenceRows(
    await guardedRows(request.app, workOf(context), { markDev: request.spec.markDev }),
  );
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

/** The exit code of a plan that is not carried out; undefined when it is. */
async function refuseOrAsk(
  context: CommandContext,
  request: MirrorRequest,
  report: MirrorReport,
): Promise<number | undefined> {
  if (report.state === "ready" && (context.options["yes"] === true || report.statements.length === 0)) return undefined;
  await showPlan(context, report, await planRows(context, request));
  if (report.state !== "ready") return outcomeExit[report.state];
  if (!context.output.live || !process.stdin.isTTY) {
    context.output.say("refused: nobody is here to ask; look at the plan and add --yes");
    return outcomeExit.refused;
  }
  const { createInterface } = await import("node:readline/promises");
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const question = `Run these ${report.statements.length} statements on ${report.to}? [y/N] `;
  const answer = await terminal.question(question, { signal: context.signal }).finally(() => terminal.close());
  if (/^y(es)?$/i.test(answer.trim())) return undefined;
  context.output.say("nothing was changed");
  return outcomeExit.refused;
}

async function readRequest(context: CommandContext): Promise<MirrorRequest> {
  const { readMirrorRequest } = await import("./mirror-request.ts");
  return readMirrorRequest(context);
}

async function showPlan(context: CommandContext, report: MirrorReport, rows: Rows): Promise<void> {
  const { formatPlan, formatRows } = await import("./mirror-report.ts");
  const plan = formatPlan(report, { sql: context.options["sql"] === true });
  const text = rows.asked ? `${plan}\n\n${formatRows(rows.changes, rows.refusals)}` : plan;
  context.output.data({ ...report, rows: rows.asked ? rows : null }, text);
}

/** What of a plan may be shown. */
function reportOf({ script: _script, stamp: _stamp, ...report }: MirrorPlan): MirrorReport {
  return report;
}

/** On a terminal each new activity is a line; elsewhere only the outcome is told. */
function workOf(context: CommandContext): MirrorWork {
  let last = "";
  return {
    signal: context.signal,
    progress(text) {
      if (context.output.live && text !== last) context.output.say(`… ${text}`);
      last = text;
    },
  };
}

function exitOfOutcome({ state }: MirrorOutcome): number {
  if (state === "equal") return outcomeExit.ok;
  return state === "different" ? outcomeExit.drift : outcomeExit[state];
}
