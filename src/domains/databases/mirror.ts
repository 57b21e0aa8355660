/**
 * Mirror: make one database's schema equal to another's, and prove it.
 *
 * Dev should be prod's schema plus the migrations that dev has taken and prod has
 * not; work that goes dev first is never reverted. `planMirror` says what differs and
 * what the change may cost, and writes nothing that lasts. `applyMirror` runs exactly
 * that plan, or nothing: hazards must be allowed by name, and a dev that changed since
 * is refused. `verifyMirror` reads both catalogues again and compares them without the
 * library that planned; only its answer makes a mirror equal.
 *
 * Rows are never read here, prod is opened read only, whole objects that only dev has
 * are kept unless asked otherwise, and what is bound to its environment (foreign
 * servers, user mappings, subscriptions, schedules) is never copied.
 */
import type { App } from "#app.ts";
import type { Hazard } from "#config/schema.ts";
import { AppError } from "#errors.ts";
import type { Secret } from "#secrets/secret.ts";
import { ensureMigrationTable, type MigrationTable } from "#store/migrator.ts";

import { type DatabaseTarget, refuseTransactionPooler } from "#postgres/connection.ts";
import { openDesired } from "./desired.ts";
import { withEnds, withWriter } from "./ends.ts";
import { guardDirection } from "./mirror-guard.ts";
import { applyPasses, noOutcome } from "./mirror-passes.ts";
import { emptyPlan, planDesired } from "./mirror-planning.ts";
import { readCatalogStamp, tryMirrorLock } from "./mirror-queries.ts";
import { verifyEnds } from "./mirror-verdict.ts";
import { dropStale } from "./shadow.ts";
import type { MirrorOutcome, MirrorReport, MirrorVerdict, Refusal } from "./schema.ts";

export type MirrorSpec = {
  from: DatabaseTarget;
  to: DatabaseTarget;
  /** Hazards that may happen. */
  allow: Hazard[];
  devOnly: "keep" | "drop";
  /** Where migrations are recorded in both databases, and where their files lie; no directory, no replay. */
  migrations: { table: MigrationTable; directory: string | undefined };
  /** Says that the target is dev: without it, a target that is neither empty nor marked is refused. */
  markDev: boolean;
  /** Recorded as `applied_by`. */
  appliedBy: string;
};

export type MirrorWork = {
  signal: AbortSignal;
  progress(text: string, done?: number, total?: number): void;
};

/** A report, and what only applying it needs. */
export type MirrorPlan = MirrorReport & {
  /** The segments as they are run, as JSON; never shown. */
  script: Secret;
  /** Dev's catalogue when it was planned. */
  stamp: string;
};

const lockTimeoutMs = 10_000;

/** What would make the target equal, and what stands against it. Reads only. */
export async function planMirror(app: Pick<App, "run">, spec: MirrorSpec, work: MirrorWork): Promise<MirrorPlan> {
  await refuseTransactionPooler(spec.to);
  return withEnds(spec, work.signal, async (ends) => {
    const stamp = await readCatalogStamp(ends.dev);
    const refusals = await guardDirection(spec, ends);
    const empty = emptyPlan(spec, stamp);
    if (refusals.length > 0) return { ...empty, state: "refused", refusals };
    const desired = await openDesired(app, spec, ends, work);
    try {
      return await planDesired(app, spec, ends, desired, empty, work);
    } finally {
      await desired.close();
    }
  });
}

/** Runs the plan and proves the result; plans again, at most four times, while the proof finds what one more pass can mend. */
export async function applyMirror(
  app: Pick<App, "run" | "now">,
  spec: MirrorSpec,
  plan: MirrorPlan,
  work: MirrorWork,
): Promise<MirrorOutcome> {
  if (plan.state !== "ready") return { ...noOutcome, state: plan.state, refusals: plan.refusals, needs: plan.needs };
  return withWriter(spec, { signal: work.signal, lockTimeoutMs }, async (client) => {
    if (!(await tryMirrorLock(client))) {
      throw new AppError("conflict", `another mirror is writing ${spec.to.label}`, {
        hint: "Wait until it ends, then plan again.",
      });
    }
    const refusals = await checkUnchanged(app, spec, plan, work);
    if (refusals.length > 0) return { ...noOutcome, state: "refused", refusals };
    await dropStale(client);
    if (spec.markDev) await ensureMigrationTable(client, spec.migrations.table, { environment: "dev" });
    return await applyPasses(app, spec, client, plan, work, {
      plan: () => planMirror(app, spec, work),
      verify: () => verifyMirror(app, spec, work),
    });
  });
}

/** Whether the target is what it should be now, told by the independent verifier. Reads only. */
export function verifyMirror(app: Pick<App, "run">, spec: MirrorSpec, work: MirrorWork): Promise<MirrorVerdict> {
  return withEnds(spec, work.signal, async (ends) => {
    const desired = await openDesired(app, spec, ends, work);
    try {
      return await verifyEnds(spec, ends, desired, work);
    } finally {
      await desired.close();
    }
  });
}

/** An unchanged catalogue needs no second comparison; a changed one must still give the same plan. */
async function checkUnchanged(
  app: Pick<App, "run">,
  spec: MirrorSpec,
  plan: MirrorPlan,
  work: MirrorWork,
): Promise<Refusal[]> {
  const now = await withEnds(spec, work.signal, async (ends) => {
    return { refusals: await guardDirection(spec, ends), stamp: await readCatalogStamp(ends.dev) };
  });
  if (now.refusals.length > 0 || now.stamp === plan.stamp) return now.refusals;
  const again = await planMirror(app, spec, work);
  if (again.fingerprint === plan.fingerprint) return [];
  return [
    {
      hazard: null,
      text: `${spec.to.label} or ${spec.from.label} changed after this plan was made`,
      subjects: [],
      remedy: "plan again and look at what is planned now",
    },
  ];
}
