import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { findAnomalies } from "./anomalies.ts";
import { addDays, listDates } from "./days.ts";
import type { DayCost } from "./forecast.ts";

const usd = 1_000_000_000n;
const firstDay = "2026-01-01";
const series = fc.array(fc.bigInt({ min: 0n, max: 100n * usd }), { minLength: 1, maxLength: 60 });

function costsOf(amounts: readonly bigint[]): DayCost[] {
  return amounts.map((costNanousd, index) => ({ date: addDays(firstDay, index), costNanousd }));
}

function find(amounts: readonly bigint[]): ReturnType<typeof findAnomalies> {
  return findAnomalies(costsOf(amounts), { from: firstDay, to: addDays(firstDay, amounts.length - 1), firstDay });
}

const quartersTo = (max: number) => fc.array(fc.integer({ min: 0, max }), { minLength: 8, maxLength: 60 });

test("what is found is what the definition says, computed with fractions", () => {
  const median = (values: readonly number[]): number => {
    const sorted = values.toSorted((one, other) => one - other);
    return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
  };
  fc.assert(
    fc.property(fc.oneof(quartersTo(9), quartersTo(400)), (quarters) => {
      // Quarters of a dollar: a float holds them, their medians and distances exactly.
      const costs = quarters.map((count) => count / 4);
      const expected = costs.flatMap((cost, index) => {
        const before = costs.slice(Math.max(0, index - 28), index);
        if (before.length < 7) return [];
        const usual = median(before);
        const mad = median(before.map((one) => Math.abs(one - usual)));
        return cost - usual > 1 && 6745 * (cost - usual) > 35_000 * mad ? [addDays(firstDay, index)] : [];
      });
      const found = find(quarters.map((count) => (BigInt(count) * usd) / 4n));
      assert.deepEqual(
        found.map(({ date }) => date),
        expected,
      );
    }),
  );
});

test("a dearer day stays found, and nobody is told of a day at or below the usual, or a dollar above it", () => {
  fc.assert(
    fc.property(series, (amounts) => {
      for (const { costNanousd, usualNanousd, z } of find(amounts)) {
        assert.ok(costNanousd - usualNanousd > usd - 1n);
        assert.ok(z === undefined || z >= 3.5);
      }
      const raised = [...amounts.slice(0, -1), 10n ** 15n];
      assert.equal(find(raised).at(-1)?.date === addDays(firstDay, amounts.length - 1), amounts.length > 7);
    }),
  );
});

test("one dear day does not hide the next, and a usual weekend is no finding", () => {
  const weeks = listDates(firstDay, addDays(firstDay, 34)).map((_, index) => (index % 7 < 5 ? 10n * usd : 0n));
  assert.deepEqual(find(weeks), []);
  const dear = [...weeks.slice(0, 30), 90n * usd, 95n * usd, ...weeks.slice(32)];
  assert.deepEqual(find(dear), [
    { date: "2026-01-31", costNanousd: 90n * usd, usualNanousd: 10n * usd, z: undefined },
    { date: "2026-02-01", costNanousd: 95n * usd, usualNanousd: 10n * usd, z: undefined },
  ]);
  const uneven = [8n, 9n, 10n, 11n, 12n, 10n, 10n, 30n].map((one) => one * usd);
  assert.equal(find(uneven)[0]?.z, 13.49);
});
