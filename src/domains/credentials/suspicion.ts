/** A provider that calls all of its keys dead at once is suspected itself: their confirmation waits. */
import type { App } from "#app.ts";
import { appendEvent } from "#events/events.ts";
import { transaction } from "#store/database.ts";

import { postponeConfirmations } from "./check-queries.ts";

const atLeast = 3;
const delayMs = 3_600_000;

/** Puts off what is to be put off and tells of it once. A second call does nothing. */
export async function suspectProviders(app: Pick<App, "db" | "keys">, by: { name: string }): Promise<void> {
  await transaction(app.db, async (tx) => {
    const postponed = await postponeConfirmations(tx, { atLeast, delayMs });
    for (const [provider, credentials] of Map.groupBy(postponed, (row) => row.provider)) {
      const names = credentials.map(({ credentialName }) => credentialName).toSorted();
      const since = credentials.map(({ deadSeenAt }) => deadSeenAt).toSorted()[0];
      await appendEvent(tx, app.keys, {
        key: `credentials.suspicion:${provider}:${String(since)}`,
        actor: by.name,
        action: "credentials.check",
        target: `provider ${provider}`,
        outcome: "suspected",
        details: { provider, credentials: names, since },
        notice: {
          severity: "high",
          title: `${provider} calls all ${names.length} of its keys dead`,
          text: `More likely the fault is its own. They count as dead when it still says so in an hour: ${names.join(", ")}.\nRemedy: leveredge credentials check ${names[0] ?? ""}`,
          section: 3,
        },
      });
    }
  });
}
