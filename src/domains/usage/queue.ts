/**
 * Entries of many callers, written together. The first go at once; what comes while
 * they are written goes into the next batch, which is under way beside it when many
 * wait: so the store works while the next is prepared. A caller
 * whose entries went into several batches hears of them when the last is durable.
 */
import type { Entry } from "./entry.ts";
import type { Receipt } from "./schema.ts";

type Group = {
  entries: readonly Entry[];
  done: (receipts: Receipt[]) => void;
  fail: (error: unknown) => void;
};

export type Queue = {
  add(entries: readonly Entry[]): Promise<Receipt[]>;
  /** What waits or is being written. */
  size(): { calls: number; bytes: number };
};

/** Measured: a third keeps two cores busy while the other two wait for the disk. */
const mostUnderWay = 3;
/** Fewer wait for those that are under way: one commit for all is cheaper than one each. */
const manyCalls = 1_000;
/** What shares one commit and one round of sums; more only where half of what waits is more. */
const usualCalls = 2_000;

/** `write` answers a receipt for each entry; what it throws goes to all whose entries it had. */
export function createQueue(
  write: (entries: readonly Entry[]) => Promise<Receipt[]>,
  { mostAtOnce }: { mostAtOnce: number },
): Queue {
  let waiting: Group[] = [];
  let waitingCalls = 0;
  let isScheduled = false;
  let underWay = 0;
  const size = { calls: 0, bytes: 0 };

  const takeBatch = (): Group[] => {
    // Of few that wait one half: while it is written the other is prepared.
    const most = Math.min(mostAtOnce, Math.max(usualCalls, waitingCalls / 2));
    let [groups, calls] = [0, 0];
    for (const { entries } of waiting) {
      if (calls > 0 && calls + entries.length > most) break;
      groups += 1;
      calls += entries.length;
    }
    const batch = waiting.slice(0, groups);
    waiting = waiting.slice(groups);
    waitingCalls -= calls;
    return batch;
  };

  const writeGroups = async (batch: readonly Group[]): Promise<void> => {
    const entries = batch.flatMap((group) => group.entries);
    try {
      const receipts = await write(entries);
      let from = 0;
      for (const group of batch) group.done(receipts.slice(from, (from += group.entries.length)));
    } catch (error) {
      for (const group of batch) group.fail(error);
    }
    size.calls -= entries.length;
    size.bytes -= sumBytes(entries);
    underWay -= 1;
    schedule();
  };

  const mayWrite = (): boolean =>
    waitingCalls > 0 &&
    (underWay === 0 || (underWay < mostUnderWay && waitingCalls >= Math.min(manyCalls, mostAtOnce)));

  const start = (): void => {
    isScheduled = false;
    if (!mayWrite()) return;
    underWay += 1;
    void writeGroups(takeBatch());
    start();
  };

  /** At the end of this turn: who asks in it comes along. */
  const schedule = (): void => {
    if (isScheduled || waitingCalls === 0) return;
    isScheduled = true;
    setImmediate(start);
  };

  const addGroup = (entries: readonly Entry[]): Promise<Receipt[]> =>
    new Promise((done, fail) => {
      waiting.push({ entries, done, fail });
      waitingCalls += entries.length;
      size.calls += entries.length;
      size.bytes += sumBytes(entries);
      schedule();
    });

  return {
    add: async (entries) => {
      const groups = Array.from({ length: Math.ceil(entries.length / mostAtOnce) }, (_, index) =>
        addGroup(entries.slice(index * mostAtOnce, (index + 1) * mostAtOnce)),
      );
      return (await Promise.all(groups)).flat();
    },
    size: () => ({ ...size }),
  };
}

function sumBytes(entries: readonly Entry[]): number {
  return entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
