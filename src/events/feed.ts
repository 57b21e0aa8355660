/**
 * Feeds: domains that make something of events (messages, knowledge entries)
 * follow the chain, each with a cursor of its own in the store. An event is taken
 * in the transaction that moves the cursor: once, whatever is killed.
 *
 * A feed that is new to a store begins with the events of the last day: an old
 * store does not flood people with what is long over, and a new one loses nothing
 * of what happened before anybody relayed. One feed that fails holds up neither
 * the others nor what is already waiting to be sent; its cursor stays, and the
 * next relay tries again.
 */
import type { App } from "#app.ts";
import { redact } from "#secrets/redact.ts";
import { type Db, transaction } from "#store/database.ts";

import { insertCursor, lockCursor, updateCursor, updateCursorFailure } from "./cursor-queries.ts";
import { sealEvents } from "./events.ts";
import { listEventsAfter } from "./queries.ts";
import type { Event } from "./schema.ts";

export type Feed = {
  /** Names the cursor: never changed. */
  name: string;
  /** Reads and writes the store only, in the transaction that moves the cursor. */
  take(tx: Db, app: App, events: readonly Event[]): Promise<void>;
};

/** What relays events: a domain's feeds, and what it sends to the outside afterwards. */
export type Relay = {
  name: string;
  feeds?: readonly Feed[];
  /**
   * Sends what is due; never throws for what the outside does. After the signal it
   * begins nothing; only `app.signal` means to break off what has begun.
   */
  deliver?(app: App, options: { signal: AbortSignal }): Promise<void>;
};

/** A part of a relay that failed: a feed or a delivery by its name, or `seal`. Holds no secret. */
export type RelayFailure = { relay: string; why: string };

const batchSize = 500;

/**
 * Seals the chain, lets every feed take what is new to it, then sends what is due;
 * after `deliverWithinMs` nothing more is begun. After it returns, whatever was committed before
 * the call was offered to every feed. Never throws: failures are the answer. Safe
 * to run by several processes at once.
 */
export async function relayEvents(
  app: App,
  relays: readonly Relay[],
  options: { deliverWithinMs: number; signal: AbortSignal },
): Promise<RelayFailure[]> {
  const failures: RelayFailure[] = [];
  const attempt = async (relay: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      failures.push({ relay, why: redact(error instanceof Error ? error.message : String(error)) });
    }
  };
  await attempt("seal", () => sealEvents(app));
  for (const feed of relays.flatMap(({ feeds }) => feeds ?? [])) {
    await attempt(feed.name, () => takeEvents(app, feed));
  }
  const stuck = failures.filter(({ relay }) => relay !== "seal");
  await attempt("feeds", () => rememberFailures(app, stuck));
  if (options.signal.aborted) return failures;
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.deliverWithinMs)]);
  await Promise.all(relays.map((relay) => attempt(relay.name, async () => relay.deliver?.(app, { signal }))));
  return failures;
}

/** For those who look later: a feed that is stuck must not be so in silence. */
async function rememberFailures({ db }: Pick<App, "db">, failures: readonly RelayFailure[]): Promise<void> {
  for (const { relay, why } of failures) await updateCursorFailure(db, relay, why);
}

async function takeEvents(app: App, feed: Feed): Promise<void> {
  await insertCursor(app.db, feed.name);
  for (;;) {
    const taken = await transaction(app.db, (tx) => takeBatch(tx, app, feed));
    if (taken < batchSize) return;
  }
}

/** Another relay of the same feed waits at the cursor, then finds only what is left. */
async function takeBatch(tx: Db, app: App, feed: Feed): Promise<number> {
  const after = await lockCursor(tx, feed.name);
  const events = await listEventsAfter(tx, after, batchSize);
  const last = events.at(-1);
  if (last === undefined) return 0;
  await feed.take(tx, app, events);
  await updateCursor(tx, feed.name, last.position);
  return events.length;
}
