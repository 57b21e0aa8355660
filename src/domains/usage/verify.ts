/** Proof that the sums are what the calls add up to: counted anew, in one snapshot, by other statements than those that wrote them. */
import type { App } from "#app.ts";
import type { Period } from "#cli/period.ts";
import { transaction } from "#store/database.ts";

import { readState } from "./queries.ts";
import { allowLongStatements, compareSums, type Difference, readOneMoment, sumTables } from "./rollup-queries.ts";

export type SumsVerdict = {
  equal: boolean;
  /** Undefined before the first call. */
  timezone: string | undefined;
  /** The first day that can be counted anew: single calls of the days before are no longer kept. */
  firstDay: string | undefined;
  /** Rows of the sums that were compared, and those that differ. */
  rows: number;
  differing: number;
  /** The first ten of each table. */
  differences: Difference[];
};

/** Compares in the zone that the sums were made in. Reads only. */
export async function verifySums(app: Pick<App, "db">, period: Period = {}): Promise<SumsVerdict> {
  return transaction(app.db, async (tx) => {
    await readOneMoment(tx);
    await allowLongStatements(tx);
    const { timezone, firstDay } = await readState(tx);
    if (timezone === null || firstDay === null) {
      return { equal: true, timezone: undefined, firstDay: undefined, rows: 0, differing: 0, differences: [] };
    }
    const verdict: SumsVerdict = { equal: true, timezone, firstDay, rows: 0, differing: 0, differences: [] };
    for (const table of sumTables) {
      const { rows, differing, first } = await compareSums(tx, table, { timezone, firstDay }, period);
      verdict.rows += rows;
      verdict.differing += differing;
      verdict.differences.push(...first.map((difference) => ({ table: table.name, ...difference })));
    }
    return { ...verdict, equal: verdict.differing === 0 };
  });
}
