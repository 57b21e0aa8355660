/**
 * A batch of calls, written at once. Calls that share an id are folded first; then the
 * statement is run until they are in, or until it is clear which call it fails for:
 * that one alone is rejected. A store that is away is thrown.
 */
import { readErrorCode } from "#errors.ts";
import type { Db } from "#store/database.ts";

import { insertBridges, insertCalls, type KnownKey, type Numbered, takeIdBlocks } from "./batch-queries.ts";
import type { Entry } from "./entry.ts";
import type { Months } from "./partitions.ts";
import type { Receipt } from "./schema.ts";

export type BatchTools = { db: Db; months: Months; takeIds: TakeIds };

type TakeIds = (count: number) => Promise<number[]>;
type Pair<T> = readonly [T, T];
type Folded = {
  /** With the ids of those that are the same call. */
  fresh: readonly Numbered[];
  firstOf: ReadonlyMap<Entry, Entry>;
  /** Of two that are one call, as a third one shows. */
  bridges: readonly Pair<Entry>[];
};
type Written = { receipts: ReadonlyMap<Entry, Receipt>; idPairs: readonly Pair<number>[] };

const blockSize = 100;
/** Another writer had a key, a row or a table at the same moment; 23514: a month went between two looks. */
const raceCodes = new Set(["23505", "23514", "40P01", "40001", "55P03"]);
/** Of data, of constraints, of limits: about a call, and not about the store. */
const refusalClasses = ["22", "23", "54"];
const mostTries = 5;

/** Numbers for rows, from blocks; what is left of one serves the next batch. */
export function createIds(db: Db): TakeIds {
  let left: number[] = [];
  return async (count) => {
    const missing = count - left.length;
    const blocks = missing > 0 ? await takeIdBlocks(db, Math.ceil(missing / blockSize)) : [];
    const more = blocks.flatMap((first) => Array.from({ length: blockSize }, (_, next) => first + next));
    const all = [...left, ...more];
    left = all.slice(count);
    return all.slice(0, count);
  };
}

/** What came of each entry, in their order. */
export async function writeBatch(tools: BatchTools, entries: readonly Entry[]): Promise<Receipt[]> {
  const { fresh, firstOf, bridges } = foldDuplicates(entries, await tools.takeIds(entries.length));
  const { receipts, idPairs } = await writeOrSplit(tools, fresh);
  const pairs = [...idPairs, ...bridges.flatMap((pair) => pairIds(pair, receipts))];
  if (pairs.length > 0) await insertBridges(tools.db, pairs);
  return entries.map((entry) => {
    const first = firstOf.get(entry);
    const receipt = receipts.get(first ?? entry) ?? { state: "rejected", reason: "it was not written" };
    if (first === undefined || receipt.state === "rejected") return receipt;
    return receipt.id === undefined ? receipt : { state: "duplicate", id: receipt.id };
  });
}

/** Those that are the same call as an earlier one use up no statement, but a number. */
function foldDuplicates(entries: readonly Entry[], ids: readonly number[]): Folded {
  const owners = new Map<string, Numbered>();
  const fresh: Numbered[] = [];
  const firstOf = new Map<Entry, Entry>();
  const bridges: Pair<Entry>[] = [];
  for (const [index, entry] of entries.entries()) {
    const [owner, ...others] = listOwners(entry.keys, owners);
    if (owner === undefined) {
      const own = { entry, id: ids[index] ?? Number.NaN, keys: entry.keys };
      fresh.push(own);
      for (const key of entry.keys) owners.set(key, own);
      continue;
    }
    const added = entry.keys.filter((key) => !owners.has(key));
    owner.keys = [...owner.keys, ...added];
    for (const key of added) owners.set(key, owner);
    firstOf.set(entry, owner.entry);
    for (const other of others) bridges.push([owner.entry, other.entry]);
  }
  return { fresh, firstOf, bridges };
}

/** Each once. */
function listOwners(keys: readonly string[], owners: ReadonlyMap<string, Numbered>): Numbered[] {
  const found: Numbered[] = [];
  for (const key of keys) {
    const owner = owners.get(key);
    if (owner !== undefined && !found.includes(owner)) found.push(owner);
  }
  return found;
}

/** Tries again after a race; what cannot be written is looked for in halves. */
async function writeOrSplit(tools: BatchTools, calls: readonly Numbered[], tries = 1): Promise<Written> {
  try {
    await tools.months.ensure(calls.map(({ entry }) => entry.createdAtUs));
    return describe(calls, await insertCalls(tools.db, calls));
  } catch (error) {
    const code = readErrorCode(error) ?? "";
    tools.months.forget();
    if (raceCodes.has(code) && tries < mostTries) return writeOrSplit(tools, calls, tries + 1);
    if (!refusalClasses.includes(code.slice(0, 2))) throw error;
    const [only] = calls;
    if (only !== undefined && calls.length === 1) return refuse(only.entry, error);
    const middle = calls.length >> 1;
    const halves = [await writeOrSplit(tools, calls.slice(0, middle)), await writeOrSplit(tools, calls.slice(middle))];
    return {
      receipts: new Map(halves.flatMap(({ receipts }) => [...receipts])),
      idPairs: halves.flatMap(({ idPairs }) => idPairs),
    };
  }
}

function describe(calls: readonly Numbered[], known: readonly KnownKey[]): Written {
  const firstIds = new Map<number, number[]>();
  for (const { usageId, firstId } of known) firstIds.set(usageId, [...(firstIds.get(usageId) ?? []), firstId]);
  const receipts = new Map<Entry, Receipt>();
  for (const { entry, id } of calls) {
    const earlier = firstIds.get(id);
    // As the statement has it: an id that is new leads to the first of those that are known.
    if (earlier !== undefined) receipts.set(entry, { state: "duplicate", id: Math.min(...earlier) });
    else if (entry.notes.length === 0) receipts.set(entry, { state: "recorded", id });
    else receipts.set(entry, { state: "recorded", id, notes: [...entry.notes] });
  }
  const idPairs = [...firstIds.values()].flatMap((ids) => {
    const first = Math.min(...ids);
    return ids.filter((id) => id !== first).map((other): Pair<number> => [first, other]);
  });
  return { receipts, idPairs };
}

function refuse(entry: Entry, error: unknown): Written {
  const why = error instanceof Error ? error.message : String(error);
  return { receipts: new Map([[entry, { state: "rejected", reason: `the store refused it: ${why}` }]]), idPairs: [] };
}

function pairIds([one, other]: Pair<Entry>, receipts: ReadonlyMap<Entry, Receipt>): Pair<number>[] {
  const [oneId, otherId] = [receipts.get(one)?.id, receipts.get(other)?.id];
  return oneId === undefined || otherId === undefined || oneId === otherId ? [] : [[oneId, otherId]];
}
