/**
 * Checking many credentials: who is due, as many of each provider at a time as its host
 * may bear, the longest unasked first. There is no list of what is left: stopped or
 * killed, the next sweep finds who is still due.
 */
import type { App } from "#app.ts";
import { createOutbound } from "#outbound/outbound.ts";
import type { CheckTools } from "#providers/ask.ts";
import { createCheckTools } from "#providers/check-tools.ts";
import type { Verdict } from "#providers/provider.ts";

import { createCheckBatches } from "./check-batches.ts";
import { type Checkable, listCheckable } from "./check-queries.ts";
import { askAndKeep, type CheckApp, type CheckOutcome, findReasonToSkip } from "./live-check.ts";
import { Environment } from "./schema.ts";
import { suspectProviders } from "./suspicion.ts";

export type SweepWork = {
  requestedBy: string;
  signal: AbortSignal;
  progress: (text: string, done?: number, total?: number) => void;
  /** `pending` looks only at those whose dead answer waits for its confirmation. */
  which?: "all" | "pending";
  /** Only these; without it all of them. */
  environments?: readonly Environment[] | undefined;
  force?: boolean;
};

export type Swept = {
  /** How many answered so. */
  verdicts: Partial<Record<Verdict, number>>;
  skipped: number;
  /** Dead answers that wait for a second one. */
  needConfirmation: number;
};

/** Of one provider at a time. The host takes eight; as many are claimed and opened meanwhile, or kept. */
const lanesOfProvider = 16;

/** Opens what checks ask with, for as long as the work takes. */
export async function withCheckTools<T>(
  app: Pick<App, "config" | "programVersion" | "now">,
  work: (tools: CheckTools) => Promise<T>,
): Promise<T> {
  const outbound = createOutbound({ outside: app.config.outside, userAgent: `leveredge/${app.programVersion}` });
  try {
    return await work(createCheckTools({ outbound, outside: app.config.outside, now: app.now }));
  } finally {
    await outbound.close();
  }
}

/** Those that a sweep would ask for now; the rest is counted. */
export async function listDue(
  app: CheckApp,
  {
    which = "all",
    force = false,
    environments = Environment.options,
  }: Pick<SweepWork, "which" | "force" | "environments">,
): Promise<{ due: Checkable[]; skipped: number }> {
  const checkable = (await listCheckable(app.db)).filter(({ environment }) => environments.includes(environment));
  const looked = which === "all" ? checkable : checkable.filter(({ deadSeenAt }) => deadSeenAt !== null);
  const due: Checkable[] = [];
  for (const credential of looked) {
    if ((await findReasonToSkip(app, credential, { force })) === undefined) due.push(credential);
  }
  return { due, skipped: looked.length - due.length };
}

/** Checks every credential that is due. Aborted, it ends when what was begun has ended, and throws. */
export async function sweepCredentials(app: CheckApp, tools: CheckTools, work: SweepWork): Promise<Swept> {
  const by = { name: work.requestedBy };
  await suspectProviders(app, by);
  const { due, skipped } = await listDue(app, work);
  const swept: Swept = { verdicts: {}, skipped, needConfirmation: 0 };
  let done = 0;
  const checker = { app, tools, batches: createCheckBatches(app) };
  const queues = [...Map.groupBy(due, ({ provider }) => provider).values()];
  await settleAll(
    queues.flatMap((queue) =>
      startLanes(queue, lanesOfProvider, async (credential) => {
        work.signal.throwIfAborted();
        count(swept, await askAndKeep(checker, credential, work));
        done += 1;
        work.progress(`checked ${credential.credentialName}`, done, due.length);
      }),
    ),
  );
  if (swept.needConfirmation > 0) await suspectProviders(app, by);
  return swept;
}

/** Each lane takes the next item of the queue that they share. */
function startLanes<T>(items: readonly T[], lanes: number, work: (item: T) => Promise<void>): Promise<void>[] {
  const iterator = items.values();
  const run = async (): Promise<void> => {
    for (const item of iterator) await work(item);
  };
  return Array.from({ length: Math.min(lanes, items.length) }, run);
}

/** Nothing is left running when it throws the first failure. */
async function settleAll(lanes: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(lanes)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}

function count(swept: Swept, outcome: CheckOutcome): void {
  if (outcome.state === "skipped") {
    swept.skipped += 1;
    return;
  }
  const { verdict } = outcome.answer;
  swept.verdicts[verdict] = (swept.verdicts[verdict] ?? 0) + 1;
  if (outcome.needsConfirmation) swept.needConfirmation += 1;
}
