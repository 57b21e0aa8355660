/**
 * Reads every event and every link again and says where the record was changed.
 * Reads one snapshot of the database and writes nothing.
 */
import { timingSafeEqual } from "node:crypto";

import type { App } from "#app.ts";
import type { KeyRing } from "#secrets/key-ring.ts";
import type { Db } from "#store/database.ts";

import { computeEventMac, computeLinkMac } from "./event-mac.ts";
import { type Head, headPath, readHead } from "./head-file.ts";
import { findLastLink, findLink, listLinks, listMissingWaiting, listStoredEvents, listUnchained } from "./queries.ts";
import type { ChainLink, StoredEvent } from "./schema.ts";

type FaultKind =
  /** An event's row is not what was written. */
  | "edited"
  /** An event, or a stretch of the chain, is gone. */
  | "deleted"
  /** An event without position that was not written with the key, or that lost its place. */
  | "inserted"
  /** A link does not follow from the one before: events changed places, or a link was rewritten. */
  | "moved"
  /** The chain ends before the position that the head file remembers, or has another history. */
  | "cut";

export type Fault = { kind: FaultKind; position: number | null; eventId: number | null; text: string };

export type Verification = {
  events: number;
  sealed: number;
  /** Events that wait for their position: normal for a moment after each change. */
  unsealed: number;
  head: { position: number; mac: string } | null;
  /** Whether the head file confirms the end of the chain; without it a cut-off end cannot be noticed. */
  headFile: "confirms" | "contradicts" | "missing";
  /** In the order of the chain; at most `maxFaults` of them. */
  faults: Fault[];
};

const batchSize = 1000;
const maxFaults = 100;

/** Checks the MAC of every event, every link of the chain, and its end against the head file. `progress` hears how many links are done. */
export async function verifyEvents(
  app: Pick<App, "db" | "keys" | "stateDir">,
  progress: (links: number) => void = () => undefined,
): Promise<Verification> {
  // Read before the snapshot is taken: a sealer that goes on meanwhile only adds.
  const remembered = await readHead(headPath(app.stateDir));
  return app.db
    .transaction()
    .setIsolationLevel("repeatable read")
    .setAccessMode("read only")
    .execute(async (tx) => {
      const chain = await verifyChain(tx, app.keys, progress);
      const rest = await verifyUnchained(tx, app.keys);
      const end = await verifyEnd(tx, app.keys, remembered, chain.last);
      const faults = [...chain.faults, ...rest.faults, ...end.faults].slice(0, maxFaults);
      return {
        events: chain.events + rest.events,
        sealed: chain.links,
        unsealed: rest.waiting,
        head: chain.last === undefined ? null : toHead(chain.last),
        headFile: end.headFile,
        faults,
      };
    });
}

/** Only the end of the chain against the head file: quick, whatever the length of the chain. */
export async function verifyHead(
  app: Pick<App, "db" | "keys" | "stateDir">,
): Promise<Pick<Verification, "head" | "headFile" | "faults">> {
  const remembered = await readHead(headPath(app.stateDir));
  const last = await findLastLink(app.db);
  const end = await verifyEnd(app.db, app.keys, remembered, last);
  return { head: last === undefined ? null : toHead(last), ...end };
}

async function verifyChain(db: Db, keys: KeyRing, progress: (links: number) => void) {
  const faults: Fault[] = [];
  let [events, count] = [0, 0];
  let last: ChainLink | undefined;
  for (;;) {
    const links = await listLinks(db, last?.position ?? 0, batchSize);
    const stored = await listStoredEvents(
      db,
      links.map((link) => link.eventId),
    );
    const byId = new Map(stored.map((event) => [event.id, event]));
    for (const link of links) {
      const event = byId.get(link.eventId);
      if (faults.length < maxFaults) faults.push(...judgeLink(keys, last, link, event));
      last = link;
    }
    events += stored.length;
    count += links.length;
    progress(count);
    if (links.length < batchSize) return { faults, events, links: count, last };
  }
}

function judgeLink(
  keys: KeyRing,
  previous: ChainLink | undefined,
  link: ChainLink,
  event: StoredEvent | undefined,
): Fault[] {
  const { position, eventId } = link;
  const expected = (previous?.position ?? 0) + 1;
  const gap: Fault[] =
    position === expected
      ? []
      : [
          {
            kind: "deleted",
            position: expected,
            eventId: null,
            text: `${nameRange(expected, position - 1)} gone from the chain`,
          },
        ];
  if (event === undefined) {
    return [...gap, { kind: "deleted", position, eventId, text: `event ${eventId} at position ${position} is gone` }];
  }
  if (!isAuthentic(keys, event)) {
    const text = `event ${eventId} at position ${position} is not what was written`;
    return [...gap, { kind: "edited", position, eventId, text }];
  }
  // After a gap there is nothing to compare the link with.
  if (gap.length > 0 || follows(keys, previous, link, event)) return gap;
  return [{ kind: "moved", position, eventId, text: `event ${eventId} does not belong at position ${position}` }];
}

async function verifyUnchained(db: Db, keys: KeyRing) {
  const faults: Fault[] = (await listMissingWaiting(db, maxFaults)).map((eventId) => ({
    kind: "deleted",
    position: null,
    eventId,
    text: `event ${eventId} is gone before it was sealed`,
  }));
  let [events, waiting, lastId] = [0, 0, 0];
  for (;;) {
    const unchained = await listUnchained(db, lastId, batchSize);
    for (const event of unchained) {
      lastId = event.id;
      if (event.isWaiting) waiting += 1;
      const place = { kind: "inserted", position: null, eventId: event.id } as const;
      if (!isAuthentic(keys, event)) {
        faults.push({ ...place, text: `event ${event.id}, not sealed yet, was not written with the audit key` });
      } else if (!event.isWaiting) {
        faults.push({ ...place, text: `event ${event.id} has no position in the chain and does not wait for one` });
      }
    }
    events += unchained.length;
    if (unchained.length < batchSize) return { faults, events, waiting };
  }
}

async function verifyEnd(
  db: Db,
  keys: KeyRing,
  remembered: Head | "damaged" | undefined,
  last: ChainLink | undefined,
): Promise<Pick<Verification, "headFile" | "faults">> {
  if (remembered === undefined) return { headFile: "missing", faults: [] };
  if (remembered === "damaged") return contradict(null, "the head file is damaged: it names no position");
  const { instanceId, position, mac } = remembered;
  if (instanceId !== keys.instanceId) {
    return contradict(position, `the head file belongs to store ${instanceId}, this is ${keys.instanceId}`);
  }
  if (last === undefined || last.position < position) {
    return contradict(position, `the chain ends at position ${last?.position ?? 0}, it was ${position} long`);
  }
  const link = await findLink(db, position);
  if (link?.mac.toString("hex") === mac) return { headFile: "confirms", faults: [] };
  return contradict(position, `position ${position} of the chain is not the one that was sealed`);
}

function contradict(position: number | null, text: string): Pick<Verification, "headFile" | "faults"> {
  return { headFile: "contradicts", faults: [{ kind: "cut", position, eventId: null, text }] };
}

function isAuthentic(keys: KeyRing, event: StoredEvent): boolean {
  const key = keys.find("audit", event.keyVersion);
  return key !== undefined && equal(event.mac, computeEventMac(keys, key, event));
}

function follows(keys: KeyRing, previous: ChainLink | undefined, link: ChainLink, event: StoredEvent): boolean {
  const key = keys.find("audit", link.keyVersion);
  if (key === undefined) return false;
  return equal(link.mac, computeLinkMac(keys, key, link, previous?.mac ?? Buffer.alloc(0), event.mac));
}

function equal(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function toHead(link: ChainLink): { position: number; mac: string } {
  return { position: link.position, mac: link.mac.toString("hex") };
}

function nameRange(first: number, last: number): string {
  return first === last ? `position ${first} is` : `positions ${first} to ${last} are`;
}
