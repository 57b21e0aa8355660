/**
 * The months that calls lie in: whole months of UTC, each a partition. One is made
 * before the first call of it is written, so that no call waits for a job that did not run.
 */
import type { Db } from "#store/database.ts";

import { makePartition } from "./partition-queries.ts";

const dayUs = 86_400_000_000;

export type Months = {
  /** Makes those that these instants, in microseconds, lie in and that are not known to be there. */
  ensure(instantsUs: readonly number[]): Promise<void>;
  /** Somebody else may have dropped one: they are looked at again. */
  forget(): void;
};

export function createMonths(db: Db): Months {
  const known = new Set<string>();
  return {
    ensure: async (instantsUs) => {
      for (const month of listMonths(instantsUs)) {
        if (known.has(month)) continue;
        await makePartition(db, month);
        known.add(month);
      }
    },
    forget: () => known.clear(),
  };
}

function listMonths(instantsUs: readonly number[]): Set<string> {
  const days = new Set(instantsUs.map((us) => Math.floor(us / dayUs)));
  return new Set([...days].map((day) => monthOf(new Date((day * dayUs) / 1000))));
}

/** The first day of the month, `YYYY-MM-01`; `offset` months later. */
export function monthOf(instant: Date, offset = 0): string {
  return new Date(Date.UTC(instant.getUTCFullYear(), instant.getUTCMonth() + offset)).toISOString().slice(0, 10);
}
