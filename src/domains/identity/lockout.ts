/**
 * Guessing is counted: an address that showed five tokens or links that were never
 * given to anybody is told to wait until fifteen minutes are over, and people are
 * told once.
 *
 * What is valid is always let in, whatever came from its address before: many sit
 * behind one proxy or on one host, and nobody may lock the admin out. Guessing 256
 * bits is hopeless anyway; this makes it visible and keeps it from filling the store.
 */
import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { appendEvent } from "#events/events.ts";
import { type Db, transaction } from "#store/database.ts";

import { addFailure, countFailures } from "./sign-in-queries.ts";

const limit = 5;
const windowMs = 15 * 60 * 1000;

/** Counts a guess; from the fifth on it throws `rate_limited`, and no more is written. */
export async function refuseGuess(app: Pick<App, "db" | "keys" | "now">, address: string): Promise<void> {
  const window = { address: address.slice(0, 100), now: app.now().toISOString(), windowMs };
  if ((await countFailures(app.db, window)) < limit) {
    const attempts = await transaction(app.db, async (tx) => {
      const failure = await addFailure(tx, window);
      if (failure.attempts === limit) await appendLockout(tx, app, window.address, failure.startedAt);
      return failure.attempts;
    });
    if (attempts < limit) return;
  }
  throw new AppError("rate_limited", "too many tries with what is not valid came from this address", {
    hint: "Wait 15 minutes, or use a valid token or a new sign-in link: those are accepted at once.",
  });
}

async function appendLockout(tx: Db, app: Pick<App, "keys">, address: string, startedAt: string): Promise<void> {
  await appendEvent(tx, app.keys, {
    key: `identity.lockout:${address}:${startedAt}`,
    actor: "anonymous",
    action: "identity.lockout",
    target: address,
    outcome: "refused",
    details: { attempts: limit, since: startedAt },
    notice: {
      severity: "normal",
      title: `${limit} failed sign-ins from ${address}`,
      text: "Tokens or links that were never given to anybody. Look at: leveredge audit list",
    },
  });
}
