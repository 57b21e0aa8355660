import { createPaint } from "#cli/paint.ts";
import type { Command, CommandContext } from "#cli/command.ts";
import type { App } from "#app.ts";
import type { Domain } from "#domain.ts";
import { AppError, type OutcomeExit, outcomeExit } from "#errors.ts";

import { type ReportProgress, formatProgress } from "./progress.ts";

/** `leveredge harden` over the sections of these domains. */
export function hardenCommand(domains: readonly Domain[]): Command {
  return {
    name: "harden",
    summary: "plan, apply and verify every section, dev first, then prod",
    options: [
      { flags: "--plan", summary: "show what would be done and change nothing" },
      { flags: "--section <number>", summary: "only this section" },
      { flags: "--resume", summary: "go on with the run that was interrupted" },
      { flags: "--abandon", summary: "give up the run that was interrupted; what it did stays done" },
      { flags: "--strict", summary: "end with 12 when a section is blocked" },
    ],
    examples: [
      "leveredge harden",
      "leveredge harden --plan --section 1",
      "leveredge harden --resume",
      "leveredge harden --strict --json",
    ],
    run: (context) => harden(context, domains),
  };
}

async function harden(context: CommandContext, domains: readonly Domain[]): Promise<number> {
  const { options } = context;
  const onlySection = parseSection(options["section"]);
  if (options["resume"] === true && (options["plan"] === true || onlySection !== undefined)) {
    throw new AppError("invalid_input", "--resume goes on with a run as it was begun", {
      hint: "Leave out --plan and --section.",
    });
  }
  if (options["abandon"] === true && Object.keys(options).some((name) => name !== "abandon")) {
    throw new AppError("invalid_input", "--abandon stands alone", { hint: "Leave out the other options." });
  }
  const app = await context.openApp();
  if (options["abandon"] === true) return abandon(context, app);
  if (options["plan"] === true) return showPlan(context, app, domains, onlySection);
  return carryOut(context, app, domains, onlySection);
}

async function showPlan(
  context: CommandContext,
  app: App,
  domains: readonly Domain[],
  onlySection: number | undefined,
): Promise<OutcomeExit> {
  const { formatRunPlan, planRun } = await import("./run-plan.ts");
  const plan = await planRun(app, domains, { onlySection }, sayLines(context));
  context.output.data(plan, formatRunPlan(plan, createPaint(context.global)));
  return exitOf(context, plan.sections);
}

async function abandon(context: CommandContext, app: App): Promise<OutcomeExit> {
  const { abandonRun } = await import("./abandon.ts");
  const { runId, unfinishedSteps } = await abandonRun(app);
  context.output.data(
    { runId, unfinishedSteps },
    `run ${runId} is abandoned; ${unfinishedSteps} steps have no outcome`,
  );
  return outcomeExit.ok;
}

async function carryOut(
  context: CommandContext,
  app: App,
  domains: readonly Domain[],
  onlySection: number | undefined,
): Promise<OutcomeExit> {
  const { resumeRun, startRun } = await import("./hardening.ts");
  const { buildReport, formatReport } = await import("./report.ts");
  const progress = await openProgress(context);
  try {
    const result =
      context.options["resume"] === true
        ? await resumeRun(app, domains, progress.report)
        : await startRun(app, domains, { onlySection }, progress.report);
    await progress.close();
    const report = buildReport(result.rows);
    context.output.data(report, formatReport(result.rows, result.checks, createPaint(context.global)));
    return exitOf(context, report.sections);
  } catch (error) {
    await progress.close();
    if (!app.signal.aborted) throw error;
    context.output.say("stopped; the run is unfinished, go on with it: leveredge harden --resume");
    return outcomeExit.interrupted;
  }
}

/** Drawn on a terminal, lines elsewhere, nothing where silence is asked for. */
async function openProgress(context: CommandContext): Promise<{ report: ReportProgress; close(): Promise<void> }> {
  const isDrawn = context.output.live && context.global.color && process.stdout.isTTY;
  if (!isDrawn) return { report: sayLines(context), close: () => Promise.resolve() };
  const { openLiveProgress } = await import("./live-progress.ts");
  return openLiveProgress((line) => context.output.say(line));
}

function sayLines(context: CommandContext): ReportProgress {
  return (progress) => {
    const line = formatProgress(progress);
    if (line !== undefined && !context.global.json) context.output.say(line);
  };
}

function exitOf(context: CommandContext, sections: readonly { state: string }[]): OutcomeExit {
  if (sections.some((section) => section.state === "failed")) return outcomeExit.failed;
  const isBlocked = sections.some((section) => section.state === "blocked");
  return isBlocked && context.options["strict"] === true ? outcomeExit.blocked : outcomeExit.ok;
}

function parseSection(text: string | boolean | undefined): number | undefined {
  if (typeof text !== "string") return undefined;
  if (!/^[0-9]{1,3}$/.test(text)) {
    throw new AppError("invalid_input", `section ${JSON.stringify(text)} is not a number`, {
      hint: "Name a section by its number: leveredge harden --section 1",
    });
  }
  return Number(text);
}
