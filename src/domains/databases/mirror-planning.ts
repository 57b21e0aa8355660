/** How a plan comes about: by comparing, or from a dump when dev is empty. */
import type { App } from "#app.ts";
import { redact } from "#secrets/redact.ts";
import { Secret } from "#secrets/secret.ts";

import { describeEntries } from "./bootstrap.ts";
import { compareSchemas } from "./delta-process.ts";
import type { DeltaPlan } from "./delta-protocol.ts";
import { type Desired, dumpScope, type Ends, listDumpNeeds, listMissingExtensions, mirrorScope } from "./desired.ts";
import { dumpSchema } from "./dump.ts";
import type { MirrorPlan, MirrorSpec, MirrorWork } from "./mirror.ts";
import { composePlan, findPlanFindings, fingerprint, refuseUnplannable, words } from "./mirror-plan.ts";
import { hasForeignServers, isEmptyDatabase, listReferencedRoles, listRoles } from "./mirror-queries.ts";
import { verifyEnds } from "./mirror-verdict.ts";
import type { Difference, Refusal } from "./schema.ts";
import { supplementActions } from "./supplement.ts";

/** A plan of nothing; what it stands on is filled in as it becomes known. */
export function emptyPlan(spec: MirrorSpec, stamp: string): MirrorPlan {
  return {
    from: spec.from.label,
    to: spec.to.label,
    state: "ready",
    desired: spec.from.label,
    pending: [],
    drift: {},
    statements: [],
    counts: {},
    kept: [],
    missingRoles: [],
    findings: [],
    refusals: [],
    needs: [],
    fingerprint: fingerprint([]),
    script: new Secret("[]"),
    stamp,
  };
}

/** The plan that makes dev the desired state, or what it needs first. */
export async function planDesired(
  app: Pick<App, "run">,
  spec: MirrorSpec,
  ends: Ends,
  desired: Desired,
  empty: MirrorPlan,
  work: MirrorWork,
): Promise<MirrorPlan> {
  const plan: MirrorPlan = { ...empty, desired: desired.words, pending: desired.pending };
  const missing = await listMissingExtensions(spec, ends);
  const needs = [...new Set([...desired.needs, ...missing])];
  if (needs.length > 0) return { ...plan, state: "blocked", needs };
  if (desired.refusals.length > 0) return { ...plan, state: "refused", refusals: desired.refusals };
  const scope = mirrorScope(spec);
  if (desired.kind === "live" && (await isEmptyDatabase(ends.dev, scope)) && !(await hasForeignServers(ends.prod))) {
    return planBootstrap(app, spec, ends, plan, work);
  }
  work.progress(`comparing ${spec.to.label} with ${desired.words}`);
  const compared = await compareSchemas(
    app,
    {
      desired: desired.target,
      actual: spec.to,
      devOnly: spec.devOnly,
      excludedSchemas: scope.schemas,
      excludedTables: scope.tables,
    },
    work.signal,
  );
  if (compared.state === "refused") return { ...plan, state: "refused", refusals: [refuseChange(compared.message)] };
  const more = await supplementActions(desired.client, ends.dev, {
    schemas: [...scope.schemas, ...compared.platformSchemas],
    tables: scope.tables,
  });
  const actions = [...compared.actions, ...more];
  const drift = actions.length === 0 ? {} : countByClass((await verifyEnds(spec, ends, desired, work)).differences);
  return finishPlan(spec, ends, { ...plan, drift }, { ...compared, actions });
}

function countByClass(differences: readonly Difference[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const difference of differences) counts.set(difference.class, (counts.get(difference.class) ?? 0) + 1);
  return Object.fromEntries([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function refuseChange(message: string): Refusal {
  return {
    hazard: null,
    text: "this change cannot be made in place",
    subjects: [redact(message)],
    remedy: "change the object on dev by a migration, or drop it there, then plan again",
  };
}

async function finishPlan(spec: MirrorSpec, ends: Ends, plan: MirrorPlan, compared: DeltaPlan): Promise<MirrorPlan> {
  const roles = await listRoles(ends.dev);
  const named = await listReferencedRoles(ends.prod);
  // A role that was made for the throw-away database is gone with it.
  const missingRoles = [
    ...new Set([...compared.missingRoles, ...named.filter((role) => !roles.includes(role))]),
  ].toSorted();
  const needed = compared.actions.length === 0 ? [] : missingRoles;
  const { segments, ...composed } = await composePlan(spec, ends, {
    source: "comparison",
    actions: compared.actions,
    missingRoles: needed,
    fingerprints: [compared.desiredFingerprint, compared.actualFingerprint],
  });
  const refusals = [...refuseUnplannable(spec, compared), ...composed.refusals];
  return {
    ...plan,
    ...composed,
    state: refusals.length > 0 ? "refused" : "ready",
    refusals,
    missingRoles: needed,
    kept: compared.kept.map(words),
    findings: findPlanFindings(spec, compared),
    script: new Secret(JSON.stringify(segments)),
  };
}

/** An empty dev takes prod's dump as it is: planning object by object takes time by the square of their number. */
async function planBootstrap(
  app: Pick<App, "run">,
  spec: MirrorSpec,
  ends: Ends,
  plan: MirrorPlan,
  work: MirrorWork,
): Promise<MirrorPlan> {
  const needs = await listDumpNeeds(app, spec, ends, work);
  if (needs.length > 0) return { ...plan, state: "blocked", needs };
  work.progress(`${spec.to.label} is empty: reading the whole schema of ${spec.from.label}`);
  const actions = describeEntries(await dumpSchema(app, spec.from, await dumpScope(spec, ends.prod), work.signal));
  const roles = await listRoles(ends.dev);
  const missingRoles = (await listReferencedRoles(ends.prod)).filter((role) => !roles.includes(role));
  const { segments, ...composed } = await composePlan(spec, ends, {
    source: "dump",
    actions,
    missingRoles,
    fingerprints: ["empty"],
  });
  return {
    ...plan,
    ...composed,
    state: composed.refusals.length > 0 ? "refused" : "ready",
    missingRoles,
    script: new Secret(JSON.stringify(segments)),
  };
}
