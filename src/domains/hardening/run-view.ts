/** A run as it is answered to programs and shown to people, whether it has ended or not. */
import { z } from "zod";

import type { Db } from "#store/database.ts";

import { isLeft } from "./lease.ts";
import { abandonedId } from "./loose-ends.ts";
import { findRun, listSections, listSteps } from "./queries.ts";
import { type HardeningRun, type HardeningStep, type ListedRun, LooseEnd, Standing, StepState } from "./schema.ts";
import { decideOutcome, summarize } from "./step.ts";

const instant = z.iso.datetime();

export const RunSummary = z.object({
  id: z.uuid(),
  state: Standing,
  onlySection: z.int().nullable(),
  requestedBy: z.string(),
  startedAt: instant,
  finishedAt: instant.nullable(),
  looseEnds: z.int(),
});
export type RunSummary = z.output<typeof RunSummary>;

export const StepView = z.object({
  section: z.int(),
  environment: z.enum(["dev", "prod", "shared"]),
  action: z.string(),
  title: z.string(),
  state: StepState,
  /** What was planned, proven, missing or wrong. */
  summary: z.string(),
  needs: z.array(z.string()),
});
export type StepView = z.output<typeof StepView>;

export const RunView = RunSummary.extend({
  configSha256: z.string(),
  programVersion: z.string(),
  attempt: z.int(),
  looseEnds: z.array(LooseEnd),
  sections: z.array(
    z.object({
      number: z.int(),
      title: z.string(),
      state: Standing,
      commit: z.string().nullable(),
      steps: z.array(StepView.extend({ evidence: z.record(z.string(), z.unknown()) })),
    }),
  ),
});
export type RunView = z.output<typeof RunView>;

/** Every place that shows a run asks here: the row alone does not know that its owner was killed. */
export function standingOf(run: HardeningRun): Standing {
  return decideStanding({ ...run, isAbandoned: run.looseEnds.some(({ id }) => id === abandonedId) });
}

export function summarizeRun(run: ListedRun): RunSummary {
  const { id, onlySection, requestedBy, startedAt, finishedAt, looseEnds } = run;
  return { id, state: decideStanding(run), onlySection, requestedBy, startedAt, finishedAt, looseEnds };
}

function decideStanding(run: Pick<ListedRun, "state" | "leaseOwner" | "leaseIsOver" | "isAbandoned">): Standing {
  if (run.state === "running") return isLeft(run) ? "interrupted" : "running";
  return run.isAbandoned ? "abandoned" : run.state;
}

export function viewStep(step: HardeningStep): StepView {
  const { section, environment, action, title, state, needs } = step;
  return { section, environment, action, title, state, summary: summarize(step), needs };
}

/** Undefined for a run of another platform too. */
export async function readRunView(db: Db, platform: string, runId: string): Promise<RunView | undefined> {
  const run = await findRun(db, runId);
  if (run === undefined || run.platform !== platform) return undefined;
  const [sections, steps] = [await listSections(db, runId), await listSteps(db, runId)];
  return {
    id: run.id,
    state: standingOf(run),
    onlySection: run.onlySection,
    requestedBy: run.requestedBy,
    startedAt: run.startedAt,
    finishedAt: run.finishedAt,
    configSha256: run.configSha256,
    programVersion: run.programVersion,
    attempt: run.attempt,
    looseEnds: run.looseEnds,
    sections: sections.map(({ number, title, commitHash }) => {
      const own = steps.filter((step) => step.section === number);
      return {
        number,
        title,
        state: own.every(isFinished) ? decideOutcome(own) : standingOf(run),
        commit: commitHash,
        steps: own.map((step) => ({ ...viewStep(step), evidence: step.evidence })),
      };
    }),
  };
}

function isFinished({ state }: HardeningStep): boolean {
  return state === "verified" || state === "blocked" || state === "failed";
}
