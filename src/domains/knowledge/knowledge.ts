/**
 * Knowledge: `aria_knowledge`, the platform's memory of what was done to it.
 *
 * Every event that people are told of is an entry, whatever its severity. The
 * store has a table of its own under that name, which only grows. Where the
 * configuration names a table of the platform's own, each entry is appended there
 * too, once, recognised by its source: `leveredge:event:N:STORE`, the position in
 * the audit record and the beginning of the store's identity, so that a store that
 * is made anew is not taken for the old one.
 *
 * Nobody calls this domain: it follows the events. It never changes or removes an
 * entry, and it makes nothing in the platform's database.
 */
import type { App } from "#app.ts";
import type { Event } from "#events/schema.ts";
import type { Db } from "#store/database.ts";

import { insertEntry, type NewEntry } from "./queries.ts";

/** Keeps what people are told; an event taken twice is one entry. */
export async function takeEvents(tx: Db, app: Pick<App, "keys">, events: readonly Event[]): Promise<void> {
  for (const event of events) {
    const entry = describeEntry(app, event);
    if (entry !== undefined) await insertEntry(tx, entry);
  }
}

function describeEntry({ keys }: Pick<App, "keys">, event: Event): NewEntry | undefined {
  const { notice, action, position } = event;
  if (notice === undefined) return undefined;
  return {
    title: notice.title === "" ? action : notice.title,
    content: notice.text,
    category: action.split(".")[0] ?? action,
    source: `leveredge:event:${position}:${keys.instanceId.slice(0, 8)}`,
    environment: event.environment,
    createdAt: event.at,
  };
}
