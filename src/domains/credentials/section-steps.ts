/** Steps of section 3. A dead key is a finding: the step is the looking. */
import { createHash } from "node:crypto";

import type { App } from "#app.ts";
import type { LooseEnd, ReadyPlan, Step, StepApplied, StepContext, StepVerdict } from "#domain.ts";

import { listCheckable } from "./check-queries.ts";
import { type Finding, listFindings } from "./findings.ts";
import { listProviderRows } from "./provider-queries.ts";
import { listCredentials } from "./queries.ts";
import { listProviders, listUnregistered, seedProviders } from "./registry.ts";
import { listDue, sweepCredentials, withCheckTools } from "./sweep.ts";
import { describeSweep } from "./words.ts";

type Body = Pick<Step, "plan" | "apply" | "verify">;

export const seedRegistry: Body = {
  plan: async (app) => {
    const missing = await listUnregistered(app);
    const total = (await listProviders(app)).length;
    return ready(
      missing.length === 0 ? `${total} providers are registered` : `register ${missing.length} of ${total} providers`,
      missing.map((name) => `register ${name}`),
    );
  },
  apply: async (app) => {
    await seedProviders(app, { name: "harden" });
    return { state: "applied", notes: [] };
  },
  verify: async (app) => {
    const missing = await listUnregistered(app);
    const rows = await listProviderRows(app.db);
    const digest = createHash("sha256")
      .update(JSON.stringify(rows.map(({ id: _id, createdAt: _created, updatedAt: _updated, ...row }) => row)))
      .digest("hex");
    const evidence = { providers: rows.length, digest };
    if (missing.length > 0) {
      return { verified: false, summary: `${missing.join(", ")} are not as defined`, evidence, looseEnds: [] };
    }
    const summary = `${rows.length} providers, digest ${digest.slice(0, 12)}`;
    return { verified: true, summary, evidence, looseEnds: [] };
  },
};

export const checkLive: Body = { plan: planChecks, apply: applyChecks, verify: verifyChecks };

async function planChecks(app: App): Promise<ReadyPlan> {
  const credentials = await listCredentials(app.db);
  if (credentials.length === 0) {
    return ready("no credentials yet: leveredge credentials add NAME --provider PROVIDER", []);
  }
  const { due } = await listDue(app, {});
  return ready(
    due.length === 0
      ? `none of ${credentials.length} credentials is due for a check`
      : `check ${due.length} of ${credentials.length} credentials`,
    due.map(({ credentialName, provider }) => `check ${credentialName} at ${provider}`),
  );
}

async function applyChecks(app: App, _plan: ReadyPlan, { signal, progress }: StepContext): Promise<StepApplied> {
  const work = { requestedBy: "harden", signal, progress };
  const swept = await withCheckTools(app, (tools) => sweepCredentials(app, tools, work));
  return { state: "applied", notes: [describeSweep(swept)] };
}

/** Reads the rows again: each credential that can be asked for has been, or somebody is at it now. */
async function verifyChecks(app: App): Promise<StepVerdict> {
  const [credentials, checkable] = await Promise.all([listCredentials(app.db), listCheckable(app.db)]);
  const never = checkable.filter(({ attemptedAt, isClaimed }) => attemptedAt === null && !isClaimed);
  const looseEnds = (await listFindings(app)).map(describeLooseEnd);
  const counts = countBy(credentials.map(({ validationStatus }) => validationStatus));
  const unreached = credentials.filter(
    ({ validationStatus, attemptVerdict }) => validationStatus === "unknown" && attemptVerdict === "provider_down",
  ).length;
  const evidence = { credentials: credentials.length, statuses: counts, unreached };
  if (never.length > 0) {
    const summary = `never asked for: ${never.map(({ credentialName }) => credentialName).join(", ")}`;
    return { verified: false, summary, evidence, looseEnds };
  }
  const told = Object.entries(counts).map(([status, count]) => `${count} ${status}`);
  const reach = unreached === 0 ? "" : `; the providers of ${unreached} are not reachable`;
  const summary =
    told.length === 0 ? "no credentials yet" : `${credentials.length} credentials: ${told.join(", ")}${reach}`;
  return { verified: true, summary, evidence, looseEnds };
}

function countBy(words: readonly string[]): Record<string, number> {
  const sorted = words.toSorted();
  return Object.fromEntries([...Map.groupBy(sorted, (word) => word)].map(([word, { length }]) => [word, length]));
}

function ready(summary: string, changes: string[]): ReadyPlan {
  const fingerprint = createHash("sha256")
    .update([summary, ...changes].join("\n"))
    .digest("hex");
  // What is loose is told by the verdict: a check may settle what the plan would tell.
  return { state: "ready", summary, changes, fingerprint, looseEnds: [] };
}

function describeLooseEnd({ subject, severity, text, remedy }: Finding): LooseEnd {
  // That of the health check: one finding, told once.
  return { id: `check:${subject}`, severity, text, remedy };
}
