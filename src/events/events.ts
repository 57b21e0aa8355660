/**
 * Events: what happened, append-only, so that a change to the record shows.
 *
 * A domain appends an event in the transaction of the change it tells of; the row
 * carries a MAC over what is stored. After the commit a sealer gives each event a
 * position in one chain, in which every link covers the one before: an event that
 * is edited, deleted, moved or slipped in breaks it. Positions are contiguous and
 * given only to committed events, so readers follow the position and never the
 * row's number, which may become visible after a higher one.
 *
 * Cutting off the end leaves a chain that is whole. Therefore the last position is
 * also kept in a file outside the database, and `verify.ts` compares.
 *
 * What this does not do: hold against somebody who has both the database and the
 * unseal key, or notice events that are removed before they are sealed.
 */
import type { App } from "#app.ts";
import type { KeyRing } from "#secrets/key-ring.ts";
import { redact } from "#secrets/redact.ts";
import { type Db, transaction } from "#store/database.ts";

import { computeEventMac, computeLinkMac } from "./event-mac.ts";
import { type Head, headPath, readHead, writeHead } from "./head-file.ts";
import {
  draftEvents,
  findLastLink,
  findLink,
  insertEvents,
  insertLinks,
  listEventsAfter,
  listWaiting,
  lockChain,
} from "./queries.ts";
import type { ChainLink, Event, NewEvent } from "./schema.ts";

const batchSize = 500;

/** Writes an event in the caller's transaction. One whose key was written before changes nothing. */
export function appendEvent(tx: Db, keys: KeyRing, event: NewEvent): Promise<void> {
  return appendEvents(tx, keys, [event]);
}

/** The same for several at once, in two statements however many they are. */
export async function appendEvents(tx: Db, keys: KeyRing, events: readonly NewEvent[]): Promise<void> {
  const key = keys.key("audit");
  const details = events.map((event) =>
    JSON.stringify(cleanValue(event.notice === undefined ? event.details : { ...event.details, notice: event.notice })),
  );
  const drafts = await draftEvents(tx, details);
  const rows = drafts.flatMap((draft, place) => {
    const event = events[place];
    if (event === undefined) return [];
    const row = {
      ...draft,
      key: event.key ?? null,
      actor: cleanText(event.actor),
      action: cleanText(event.action),
      target: cleanText(event.target),
      environment: event.environment ?? null,
      outcome: cleanText(event.outcome),
      keyVersion: key.version,
    };
    return [{ ...row, mac: computeEventMac(keys, key, row) }];
  });
  if (rows.length > 0) await insertEvents(tx, rows);
}

/**
 * Gives every event that is committed by now its position in the chain, and
 * answers how many there were. Call it after a commit; several at once take turns,
 * and after a crash the next call goes on.
 */
export async function sealEvents(app: Pick<App, "db" | "keys" | "stateDir">): Promise<number> {
  let sealed = 0;
  for (;;) {
    const links = await transaction(app.db, (tx) => sealBatch(tx, app.keys));
    sealed += links.length;
    if (links.length < batchSize) break;
  }
  await advanceHead(app);
  return sealed;
}

/** Events in the order of the chain, from the one after the given position. */
export function listEvents(app: Pick<App, "db">, page: { after: number; limit: number }): Promise<Event[]> {
  return listEventsAfter(app.db, page.after, page.limit);
}

async function sealBatch(tx: Db, keys: KeyRing): Promise<ChainLink[]> {
  await lockChain(tx);
  const key = keys.key("audit");
  let previous = await findLastLink(tx);
  const links = (await listWaiting(tx, batchSize)).map((event) => {
    const link = { position: (previous?.position ?? 0) + 1, eventId: event.id, keyVersion: key.version };
    const mac = computeLinkMac(keys, key, link, previous?.mac ?? Buffer.alloc(0), event.mac);
    previous = { ...link, mac };
    return previous;
  });
  if (links.length > 0) await insertLinks(tx, links);
  return links;
}

/** A remembered position that this chain does not have stays remembered: it is evidence, and verifying shows it. */
async function advanceHead({ db, keys, stateDir }: Pick<App, "db" | "keys" | "stateDir">): Promise<void> {
  const path = headPath(stateDir);
  const [known, last] = [await readHead(path), await findLastLink(db)];
  if (last === undefined) return;
  const head: Head = { instanceId: keys.instanceId, position: last.position, mac: last.mac.toString("hex") };
  if (known === "damaged") return;
  if (known !== undefined) {
    if (known.instanceId !== head.instanceId || known.position >= head.position) return;
    const link = await findLink(db, known.position);
    if (link?.mac.toString("hex") !== known.mac) return;
  }
  await writeHead(path, head);
}

/** PostgreSQL stores no NUL and no half of a surrogate pair; the MAC must cover what it stores. */
function cleanText(text: string): string {
  return redact(text.toWellFormed().replaceAll("\0", "\uFFFD"));
}

function cleanValue(value: unknown): unknown {
  if (typeof value === "string") return cleanText(value);
  if (Array.isArray(value)) return value.map(cleanValue);
  if (typeof value !== "object" || value === null) return value;
  if ("toJSON" in value && typeof value.toJSON === "function") return cleanValue(value.toJSON());
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [cleanText(name), cleanValue(part)]));
}
