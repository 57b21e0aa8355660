/**
 * Gives an unfinished run up: what it did stays done, what was left is a loose
 * end, and the next run begins anew. Only a run that nobody works on any more.
 */
import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { appendEvent } from "#events/events.ts";
import { transaction } from "#store/database.ts";
import { describeProcess } from "#system/process-identity.ts";
import { currentUser } from "#system/user.ts";

import { describeUnfinished } from "./hardening.ts";
import { letsIn } from "./lease.ts";
import { abandonedId, gatherLooseEnds } from "./loose-ends.ts";
import { claimRun, findUnfinishedRun, finishRun, listSections, listSteps } from "./queries.ts";
import type { HardeningRun, HardeningStep } from "./schema.ts";

export type Abandoned = { runId: string; unfinishedSteps: number };

/** Ends the run as failed. `conflict` when somebody works on it, `not_found` when there is none. */
export async function abandonRun(app: App): Promise<Abandoned> {
  const seen = await findUnfinishedRun(app.db, app.config.platform.name);
  if (seen === undefined) {
    throw new AppError("not_found", `platform ${app.config.platform.name} has no unfinished run`, {
      hint: "Start one: leveredge harden",
    });
  }
  const abandoned = await transaction(app.db, async (tx) => {
    const { configSha256, programVersion } = seen;
    const claim = { owner: describeProcess(), ownerLetsIn: letsIn(seen), configSha256, programVersion };
    const run = await claimRun(tx, { runId: seen.id, attempt: seen.attempt }, claim);
    if (run === undefined) return undefined;
    const [sections, steps] = [await listSections(tx, run.id), await listSteps(tx, run.id)];
    const known = sections.map((section) => ({
      section,
      steps: steps.filter((step) => step.section === section.number),
    }));
    const unfinished = steps.filter(({ state }) => ["planned", "applying", "applied"].includes(state));
    const looseEnds = gatherLooseEnds(known, [], [describeRest(run, unfinished)]);
    await finishRun(tx, { runId: run.id, attempt: run.attempt }, { state: "failed", looseEnds });
    const text = `${unfinished.length} of ${steps.length} steps have no outcome. Begin anew: leveredge harden`;
    await appendEvent(tx, app.keys, {
      actor: `cli:${currentUser()}`,
      action: "hardening.run",
      target: `platform ${run.platform}`,
      outcome: "abandoned",
      details: { runId: run.id, unfinishedSteps: unfinished.length },
      notice: { severity: "normal", title: `hardening of ${run.platform} abandoned`, text },
    });
    return { runId: run.id, unfinishedSteps: unfinished.length };
  });
  if (abandoned === undefined) throw await describeUnfinished(app);
  return abandoned;
}

function describeRest(run: HardeningRun, unfinished: readonly HardeningStep[]) {
  const [first] = unfinished;
  const place =
    first === undefined ? "at its completion" : `at section ${first.section} ${first.environment} ${first.action}`;
  const text = `the run begun ${run.startedAt} was abandoned ${place}`;
  return { id: abandonedId, severity: "medium" as const, text, remedy: "leveredge harden" };
}
