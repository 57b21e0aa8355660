/** What a run left, for programs and for people. */
import type { Paint } from "#cli/paint.ts";
import type { Check } from "#domain.ts";

import type { Completion } from "./completion.ts";
import type { HardeningRun, HardeningSection, HardeningStep, LooseEnd, Report, Standing, StepState } from "./schema.ts";
import { decideOutcome, summarize } from "./step.ts";

export type RunRows = {
  run: Pick<HardeningRun, "id" | "state" | "startedAt" | "finishedAt">;
  sections: Pick<HardeningSection, "number" | "title">[];
  steps: HardeningStep[];
  looseEnds: LooseEnd[];
};

export function buildReport({ run, sections, steps, looseEnds }: RunRows): Report {
  return {
    run: { id: run.id, state: run.state },
    sections: sections.map(({ number, title }) => {
      const own = steps.filter((step) => step.section === number);
      return {
        number,
        title,
        state: decideOutcome(own),
        needs: [...new Set(own.flatMap((step) => step.needs))],
        steps: own.map(({ environment, action, state, evidence }) => ({ environment, action, state, evidence })),
      };
    }),
    looseEnds,
  };
}

/** One screen: is it hard, what is loose, what to do next. */
export function formatReport(rows: RunRows, checks: Completion["checks"], paint: Paint): string {
  const report = buildReport(rows);
  const title = paint.strong(`Hardening run ${report.run.id}`);
  const lines = [`${title}: ${formatState(report.run.state, paint)}${formatDuration(rows.run)}`, ""];
  for (const section of report.sections) {
    lines.push(`${paint.strong(`§ ${section.number}  ${section.title}`)}  ${formatState(section.state, paint)}`);
    for (const step of rows.steps.filter(({ section: number }) => number === section.number)) {
      lines.push(`     ${formatStepLine(step, paint)}`);
    }
  }
  lines.push("", formatHealth(checks, paint), ...formatLooseEnds(report.looseEnds, paint));
  return lines.join("\n");
}

/** From its beginning to its end, interruptions included. */
function formatDuration({ startedAt, finishedAt }: RunRows["run"]): string {
  if (finishedAt === null) return "";
  const seconds = Math.round((Date.parse(finishedAt) - Date.parse(startedAt)) / 1000);
  return ` in ${seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`}`;
}

const longestState = "verified".length;

const longestProof = 160;
/** What is missing is told with its remedy, which comes last; LOOSE-ENDS.md has all of it. */
const longestNeed = 600;

function formatStepLine(step: HardeningStep, paint: Paint): string {
  const name = `${step.environment.padEnd(6)}  ${step.action.padEnd(26)}`;
  const state = formatState(step.state, paint) + " ".repeat(longestState - step.state.length);
  return `${name}  ${state}  ${shorten(summarize(step), step.state === "verified" ? longestProof : longestNeed)}`.trimEnd();
}

/** How many answers of the health check were good, and those that were not. */
function formatHealth(checks: readonly Check[], paint: Paint): string {
  const count = (state: Check["state"]): number => checks.filter((check) => check.state === state).length;
  const parts = [
    paint.good(`${count("ok")} ok`),
    ...(count("loose") > 0 ? [paint.loose(`${count("loose")} loose`)] : []),
    ...(count("failed") > 0 ? [paint.bad(`${count("failed")} failed`)] : []),
    ...(count("unknown") > 0 ? [`${count("unknown")} unknown`] : []),
  ];
  return `Health: ${parts.join(", ")}`;
}

const mostLooseEndsShown = 12;

/** The most severe ones; the rest is counted. */
export function formatLooseEnds(looseEnds: readonly LooseEnd[], paint: Paint): string[] {
  if (looseEnds.length === 0) return ["Nothing is loose."];
  const shown = looseEnds
    .slice(0, mostLooseEndsShown)
    .flatMap((end) => [
      `  ${formatSeverity(end.severity, paint)}  ${shorten(end.text, longestNeed)}`,
      `          ${paint.faint(`→ ${end.remedy}`)}`,
    ]);
  const rest = looseEnds.length - mostLooseEndsShown;
  return [`Loose ends: ${looseEnds.length}`, ...shown, ...(rest > 0 ? [`  and ${rest} more in LOOSE-ENDS.md`] : [])];
}

export function formatState(state: StepState | Standing, paint: Paint): string {
  switch (state) {
    case "verified":
      return paint.good(state);
    case "blocked":
    case "interrupted":
      return paint.loose(state);
    case "failed":
    case "abandoned":
      return paint.bad(state);
    default:
      return state;
  }
}

function formatSeverity(severity: LooseEnd["severity"], paint: Paint): string {
  const text = severity.padEnd(6);
  return severity === "high" ? paint.bad(text) : severity === "medium" ? paint.loose(text) : text;
}

function shorten(text: string, length: number): string {
  const line = text.replace(/\s+/g, " ");
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`;
}
