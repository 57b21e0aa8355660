/** `leveredge runs`: what earlier runs did and proved. */
import { createPaint, type Paint } from "#cli/paint.ts";
import type { Command, CommandContext } from "#cli/command.ts";
import { AppError, outcomeExit } from "#errors.ts";

import type { RunSummary, RunView } from "./run-view.ts";

export const runsCommands: Command[] = [
  {
    name: "runs list",
    summary: "show the latest hardening runs",
    options: [{ flags: "--limit <number>", summary: "at most this many; 20" }],
    examples: ["leveredge runs list", "leveredge runs list --limit 5 --json"],
    run: runList,
  },
  {
    name: "runs show",
    summary: "show a run with its sections, steps and evidence; without an id the latest",
    arguments: [{ syntax: "[id]", summary: "the run's id, or its first characters" }],
    options: [{ flags: "--evidence", summary: "show what each step stored as its proof" }],
    examples: ["leveredge runs show", "leveredge runs show 019ab3f0 --evidence", "leveredge runs show --json"],
    run: runShow,
  },
];

/** How many runs are searched for the beginning of an id. */
const searched = 1000;

async function runList(context: CommandContext): Promise<number> {
  const limit = readLimit(context.options["limit"]);
  const app = await context.openApp();
  const { listRuns } = await import("./list-queries.ts");
  const { summarizeRun } = await import("./run-view.ts");
  const runs = (await listRuns(app.db, app.config.platform.name, { before: undefined, limit })).map(summarizeRun);
  context.output.data({ runs }, await formatRuns(runs, createPaint(context.global)));
  return outcomeExit.ok;
}

async function formatRuns(runs: readonly RunSummary[], paint: Paint): Promise<string> {
  if (runs.length === 0) return "no runs yet: leveredge harden";
  const { formatTable } = await import("#cli/table.ts");
  const { formatState } = await import("./report.ts");
  const rows = runs.map(({ id, state, startedAt, finishedAt, onlySection, looseEnds, requestedBy }) => [
    id,
    formatState(state, paint),
    startedAt.slice(0, 19).replace("T", " "),
    onlySection === null ? "all" : `§ ${onlySection}`,
    finishedAt === null ? "" : String(looseEnds),
    requestedBy,
  ]);
  return formatTable(["run", "state", "begun (UTC)", "sections", "loose ends", "by"], rows);
}

async function runShow(context: CommandContext): Promise<number> {
  const app = await context.openApp();
  const { listRuns } = await import("./list-queries.ts");
  const { readRunView } = await import("./run-view.ts");
  const platform = app.config.platform.name;
  const given = context.arguments[0];
  const limit = given === undefined ? 1 : searched;
  const runs = await listRuns(app.db, platform, { before: undefined, limit });
  const found = given === undefined ? runs : runs.filter(({ id }) => id.startsWith(given.toLowerCase()));
  const [run] = found;
  const view = run === undefined ? undefined : await readRunView(app.db, platform, run.id);
  if (view === undefined) {
    const what = given === undefined ? `platform ${platform} has no runs yet` : `there is no run ${given}`;
    throw new AppError("not_found", what, { hint: "List them: leveredge runs list" });
  }
  if (found.length > 1) {
    throw new AppError("invalid_input", `${found.length} runs begin with ${given ?? ""}`, {
      hint: "Give more of the id.",
    });
  }
  const options = { evidence: context.options["evidence"] === true };
  context.output.data(view, await formatRun(view, options, createPaint(context.global)));
  return outcomeExit.ok;
}

async function formatRun(view: RunView, options: { evidence: boolean }, paint: Paint): Promise<string> {
  const { formatLooseEnds, formatState } = await import("./report.ts");
  const ended = view.finishedAt === null ? "not ended" : `ended ${view.finishedAt.slice(0, 19)}Z`;
  const lines = [
    `${paint.strong(`Hardening run ${view.id}`)}: ${formatState(view.state, paint)}`,
    paint.faint(`begun ${view.startedAt.slice(0, 19)}Z by ${view.requestedBy}, ${ended}`),
    "",
  ];
  for (const section of view.sections) {
    const commit = section.commit === null ? "" : paint.faint(`  commit ${section.commit.slice(0, 10)}`);
    lines.push(
      `${paint.strong(`§ ${section.number}  ${section.title}`)}  ${formatState(section.state, paint)}${commit}`,
    );
    for (const step of section.steps) {
      lines.push(`     ${step.environment.padEnd(6)}  ${step.action.padEnd(26)}  ${formatState(step.state, paint)}`);
      if (step.summary !== "") lines.push(`             ${step.summary}`);
      if (options.evidence)
        lines.push(...formatEvidence(step.evidence).map((line) => paint.faint(`             ${line}`)));
    }
  }
  if (view.state === "interrupted") return [...lines, "", "Go on with it: leveredge harden --resume"].join("\n");
  if (view.finishedAt === null) return lines.join("\n");
  return [...lines, "", ...formatLooseEnds(view.looseEnds, paint)].join("\n");
}

function formatEvidence(evidence: Record<string, unknown>): string[] {
  return Object.entries(evidence)
    .filter(([name]) => name !== "summary")
    .map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`);
}

function readLimit(given: string | boolean | undefined): number {
  const limit = given === undefined ? 20 : Number(given);
  if (Number.isInteger(limit) && limit >= 1 && limit <= searched) return limit;
  throw new AppError("invalid_input", `--limit ${JSON.stringify(given)} is not a number from 1 to ${searched}`, {
    hint: "Use for example --limit 50.",
  });
}
