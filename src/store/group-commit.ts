/**
 * Work of many callers, carried out together: what comes while a group is under way goes
 * into the next one, so that the cost of a statement and its commit is shared by all who
 * wait. When a group fails each of its items is tried alone: one that cannot be done takes
 * no other with it.
 */
import { AppError } from "#errors.ts";

type Waiting<T, R> = { item: T; done: (result: R) => void; fail: (error: unknown) => void };

/** `work` answers for each item at its place, and must leave nothing behind when it throws. */
export function createGroupCommit<T, R>(
  work: (items: readonly T[]) => Promise<readonly R[]>,
  { mostAtOnce }: { mostAtOnce: number },
): (item: T) => Promise<R> {
  let waiting: Waiting<T, R>[] = [];
  let isWorking = false;

  const carryOut = async (group: readonly Waiting<T, R>[]): Promise<void> => {
    try {
      const results = await work(group.map(({ item }) => item));
      if (results.length !== group.length) {
        throw new AppError("internal", `a group of ${group.length} was given ${results.length} answers`);
      }
      // There are as many results as items: undefined is a result only where R says so.
      group.forEach(({ done }, place) => done(results[place] as R));
    } catch (error) {
      const [only] = group;
      if (only !== undefined && group.length === 1) return only.fail(error);
      for (const one of group) await carryOut([one]);
    }
  };

  const drain = async (): Promise<void> => {
    while (waiting.length > 0) {
      const group = waiting.slice(0, mostAtOnce);
      waiting = waiting.slice(mostAtOnce);
      await carryOut(group);
    }
    isWorking = false;
  };

  return (item) =>
    new Promise((done, fail) => {
      waiting.push({ item, done, fail });
      if (isWorking) return;
      isWorking = true;
      // Whoever asks in this turn comes along.
      setImmediate(() => void drain());
    });
}
