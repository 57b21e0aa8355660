/** `leveredge harden --plan`: what a run would do now. Reads only; no row is written. */
import type { App } from "#app.ts";
import type { Paint } from "#cli/paint.ts";
import type { Domain, Environment, Step } from "#domain.ts";

import { gatherLooseEnds } from "./loose-ends.ts";
import { orderSteps, selectSomeSections } from "./outline.ts";
import type { ReportProgress } from "./progress.ts";
import { formatLooseEnds } from "./report.ts";
import type { LooseEnd } from "./schema.ts";
import { askPlan } from "./step.ts";

export type RunPlan = {
  sections: { number: number; title: string; state: PlanState; needs: string[]; steps: PlannedStep[] }[];
  looseEnds: LooseEnd[];
};

type PlannedStep = {
  environment: Environment;
  action: string;
  title: string;
  state: PlanState;
  summary: string;
  changes: string[];
};

type PlanState = "ready" | "blocked" | "failed";

/** Asks every wanted section, dev before prod. A step's plan shows the platform as it is before the steps ahead of it. */
export async function planRun(
  app: App,
  domains: readonly Domain[],
  options: { onlySection: number | undefined },
  report: ReportProgress,
): Promise<RunPlan> {
  const sections: RunPlan["sections"] = [];
  const looseEnds: LooseEnd[] = [];
  for (const section of selectSomeSections(app, domains, options.onlySection)) {
    const steps: PlannedStep[] = [];
    const needs = new Set<string>();
    for (const definition of orderSteps(app, section)) {
      const plan = await planStep(app, section.number, definition, report);
      for (const need of plan.needs) needs.add(need);
      looseEnds.push(...plan.looseEnds);
      steps.push(plan.step);
    }
    const { number, title } = section;
    sections.push({ number, title, state: worstState(steps), needs: [...needs], steps });
  }
  return { sections, looseEnds: gatherLooseEnds([], [], looseEnds) };
}

async function planStep(
  app: App,
  section: number,
  definition: Step,
  report: ReportProgress,
): Promise<{ step: PlannedStep; needs: string[]; looseEnds: LooseEnd[] }> {
  const { environment, action, title } = definition;
  const name = { section, environment, action };
  report({ kind: "step", step: name, phase: "plan" });
  const plan = await askPlan(app.signal, () =>
    definition.plan(app, {
      stepId: undefined,
      signal: app.signal,
      progress: (text, done, total) => report({ kind: "step-progress", step: name, text, done, total }),
    }),
  );
  const changes = plan.state === "failed" ? [] : plan.changes;
  const step = { environment, action, title, state: plan.state, summary: plan.summary, changes };
  return {
    step,
    needs: plan.state === "blocked" ? plan.needs : [],
    looseEnds: plan.state === "failed" ? [] : plan.looseEnds,
  };
}

function worstState(steps: readonly PlannedStep[]): PlanState {
  if (steps.some((step) => step.state === "failed")) return "failed";
  return steps.some((step) => step.state === "blocked") ? "blocked" : "ready";
}

const mostChangesShown = 10;

export function formatRunPlan(plan: RunPlan, paint: Paint): string {
  const lines = plan.sections.flatMap((section) => [
    paint.strong(`§ ${section.number}  ${section.title}`),
    ...section.steps.flatMap((step) => formatPlannedStep(step, paint)),
    ...section.needs.map((need) => `     ${paint.loose("needs")} ${need}`),
    "",
  ]);
  return [
    ...lines,
    ...(plan.looseEnds.length === 0 ? [] : formatLooseEnds(plan.looseEnds, paint)),
    plan.sections.some(({ needs }) => needs.length > 0)
      ? "Nothing was changed. What is blocked stays as it is until its needs are met: leveredge harden does the rest."
      : "Nothing was changed: leveredge harden carries it out.",
  ].join("\n");
}

function formatPlannedStep(step: PlannedStep, paint: Paint): string[] {
  const state = { ready: paint.good, blocked: paint.loose, failed: paint.bad }[step.state](step.state);
  const rest = step.changes.length - mostChangesShown;
  return [
    `     ${step.environment.padEnd(6)}  ${step.action.padEnd(26)}  ${state}  ${step.summary}`,
    ...step.changes.slice(0, mostChangesShown).map((change) => `               ${paint.faint(change)}`),
    ...(rest > 0 ? [`               ${paint.faint(`and ${rest} more (--json lists all)`)}`] : []),
  ];
}
