/** `leveredge mirror`: what differs between prod and dev, and how dev is made equal. */
import type { Command, CommandContext, Option } from "#cli/command.ts";
import { outcomeExit } from "#errors.ts";
import type { Schedule } from "#jobs/job.ts";

import type { MirrorWork } from "./mirror.ts";
import type { MirrorRequest } from "./mirror-request.ts";
import type { MirrorRows } from "./mirror-work.ts";
import { listMirrorSchedules } from "./schedules.ts";
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
const tick: Option = {
  flags: "--tick <schedule>",
  summary: "for cron: leave the work to whoever noticed this due time first",
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
    options: [...ends, allow, sql, { flags: "--yes", summary: "do not ask" }, markDev, tick],
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
  const { planRows, reportOf } = await import("./mirror-work.ts");
  const report = reportOf(await planMirror(request.parts, request.spec, workOf(context)));
  const rows = await planRows(request, workOf(context));
  await showPlan(context, report, rows);
  if (report.state !== "ready") return outcomeExit[report.state];
  if (rows.refusals.length > 0) return outcomeExit.refused;
  return report.statements.length === 0 && rows.changes.length === 0 ? outcomeExit.ok : outcomeExit.drift;
}

async function runDrift(context: CommandContext): Promise<number> {
  const request = await readRequest(context);
  const { verifyMirror } = await import("./mirror.ts");
  const { formatRows, formatVerdict } = await import("./mirror-report.ts");
  const { planRows } = await import("./mirror-work.ts");
  const verdict = await verifyMirror(request.parts, request.spec, workOf(context));
  const rows = await planRows(request, workOf(context));
  const text = [formatVerdict(verdict), ...(rows.asked ? [formatRows(rows.changes, rows.refusals)] : [])].join("\n\n");
  context.output.data({ ...verdict, rows: rows.asked ? rows : null }, text);
  if (verdict.needs.length > 0) return outcomeExit.blocked;
  return verdict.equal && rows.changes.length === 0 && rows.refusals.length === 0 ? outcomeExit.ok : outcomeExit.drift;
}

async function runApply(context: CommandContext): Promise<number> {
  const request = await readRequest(context);
  const schedule = findSchedule(request, context.options["tick"]);
  if (schedule === undefined || request.app === undefined) return apply(context, request);
  const { withTick } = await import("#jobs/ticks.ts");
  const { currentUser } = await import("#system/user.ts");
  const ticked = await withTick(request.app, schedule, `cli:${currentUser()}`, async () => {
    const exitCode = await apply(context, request);
    const [word = "failed"] = Object.entries(outcomeExit).find(([, code]) => code === exitCode) ?? [];
    return { outcome: word, result: exitCode };
  });
  if (ticked.state === "worked") return ticked.result;
  const taken = ticked.tick;
  context.output.data(
    { taken },
    `nothing to do: ${taken.claimedBy} has just begun the mirror that was due ${taken.dueAt}`,
  );
  return outcomeExit.ok;
}

/** A name that the configuration does not have schedules nothing: the line is the only one that keeps it. */
function findSchedule({ app }: MirrorRequest, name: string | boolean | undefined): Schedule | undefined {
  if (name === undefined || app === undefined) return undefined;
  return listMirrorSchedules(app.config).find((schedule) => schedule.name === name);
}

async function apply(context: CommandContext, request: MirrorRequest): Promise<number> {
  const { planMirror } = await import("./mirror.ts");
  const { carryOutMirror, reportOf } = await import("./mirror-work.ts");
  const { currentUser } = await import("#system/user.ts");
  const work = workOf(context);
  const plan = await planMirror(request.parts, request.spec, work);
  const refusal = await refuseOrAsk(context, request, reportOf(plan));
  if (refusal !== undefined) return refusal;

  const { outcome, rows, rowsFailure } = await carryOutMirror(request, plan, work, `cli:${currentUser()}`);
  const { formatOutcome, formatRows } = await import("./mirror-report.ts");
  const rowsText = rows === null ? [] : [formatRows(rows.changes, rows.refusals)];
  // What became of the schema is told in any case.
  context.output.data({ ...outcome, rows }, [formatOutcome(outcome), ...rowsText].join("\n\n"));
  if (rowsFailure !== undefined) throw rowsFailure;
  if (outcome.state !== "equal") return exitOfOutcome(outcome);
  return rows !== null && rows.refusals.length > 0 ? outcomeExit.refused : outcomeExit.ok;
}

/** The exit code of a plan that is not carried out; undefined when it is. */
async function refuseOrAsk(
  context: CommandContext,
  request: MirrorRequest,
  report: MirrorReport,
): Promise<number | undefined> {
  if (report.state === "ready" && (context.options["yes"] === true || report.statements.length === 0)) return undefined;
  const { planRows } = await import("./mirror-work.ts");
  await showPlan(context, report, await planRows(request, workOf(context)));
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

async function showPlan(context: CommandContext, report: MirrorReport, rows: MirrorRows): Promise<void> {
  const { formatPlan, formatRows } = await import("./mirror-report.ts");
  const plan = formatPlan(report, { sql: context.options["sql"] === true });
  const text = rows.asked ? `${plan}\n\n${formatRows(rows.changes, rows.refusals)}` : plan;
  context.output.data({ ...report, rows: rows.asked ? rows : null }, text);
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
