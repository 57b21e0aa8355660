/**
 * Feeds: domains that make something of events (messages, knowledge entries)
 * follow the chain, each with a cursor of its own in the store. An event is taken
 * in the transaction that moves the cursor: once, whatever is killed.
 */
import type { App } from "#app.ts";
import type { Db } from "#store/database.ts";

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
  /** Sends what is due; never throws for what the outside does. Ends soon after the signal. */
  deliver?(app: App, options: { signal: AbortSignal }): Promise<void>;
};
