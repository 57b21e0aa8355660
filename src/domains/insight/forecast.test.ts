import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { addDays, countDays, lastOfMonth, listDates } from "./days.ts";
import { type DayCost, type Forecast, forecastMonth } from "./forecast.ts";

const usd = 1_000_000_000n;
const today = fc.integer({ min: 0, max: 1500 }).map((days) => addDays("2024-01-01", days));
const history = fc.record({
  today,
  days: fc.integer({ min: 0, max: 60 }),
  amounts: fc.array(fc.bigInt({ min: 0n, max: 10n ** 15n }), { minLength: 61, maxLength: 61 }),
});

function costsOf({ today: last, days, amounts }: { today: string; days: number; amounts: bigint[] }): DayCost[] {
  return listDates(addDays(last, -days), last).map((date, index) => ({ date, costNanousd: amounts[index] ?? 0n }));
}

function forecast(costs: readonly DayCost[], last: string): Forecast {
  return forecastMonth(costs, { today: last, firstDay: costs[0]?.date ?? last });
}

test("a month costs at least what it has cost, and what is expected lies in the range", () => {
  fc.assert(
    fc.property(history, (one) => {
      const { expected, toDateNanousd, fullDays } = forecast(costsOf(one), one.today);
      assert.equal(expected === undefined, fullDays < 7);
      if (expected === undefined) return;
      assert.ok(toDateNanousd <= expected.lowNanousd);
      assert.ok(expected.lowNanousd <= expected.costNanousd && expected.costNanousd <= expected.highNanousd);
    }),
  );
});

test("days that all cost the same go on so, to the nano-dollar, and days ten times as dear make the month ten times as dear", () => {
  fc.assert(
    fc.property(today, fc.integer({ min: 8, max: 60 }), fc.bigInt({ min: 0n, max: 10n ** 15n }), (last, days, each) => {
      const costs = listDates(addDays(last, -days), last).map((date) => ({ date, costNanousd: each }));
      const month = forecast(costs, last);
      const firstCounted = month.monthStart > addDays(last, -days) ? month.monthStart : addDays(last, -days);
      const expected = each * BigInt(countDays(firstCounted, lastOfMonth(last)) + 1);
      assert.deepEqual(month.expected && [month.expected.costNanousd, month.expected.lowNanousd], [expected, expected]);
      const dearer = forecast(
        costs.map(({ date }) => ({ date, costNanousd: each * 10n })),
        last,
      );
      assert.equal(dearer.expected?.costNanousd, expected * 10n);
    }),
  );
});

test("weekends that cost nothing are not expected to, and the range is that of single weeks", () => {
  // A Sunday; three days are left of the month, Monday to Wednesday.
  const last = "2026-09-27";
  const costs = listDates("2026-08-01", last).map((date) => {
    const isWeekend = [0, 6].includes(new Date(date).getUTCDay());
    return { date, costNanousd: isWeekend ? 0n : date < "2026-09-07" ? 10n * usd : 20n * usd };
  });

  const { toDateNanousd, expected, fullDays } = forecast(costs, last);

  assert.deepEqual([toDateNanousd, fullDays], [340n * usd, 28]);
  // Of the four weeks one was cheaper.
  assert.deepEqual(expected, {
    costNanousd: 392_500_000_000n,
    lowNanousd: 370n * usd,
    highNanousd: 400n * usd,
    weeks: 4,
  });
});

test("the first day with a call is not taken for a full one, and what today has already cost beyond its usual stays", () => {
  const flat = listDates("2026-10-24", "2026-10-31").map((date) => ({ date, costNanousd: usd }));
  assert.deepEqual(forecast(flat.slice(1), "2026-10-31").fullDays, 5);
  const dearToday = [...flat.slice(0, -1), { date: "2026-10-31", costNanousd: 50n * usd }];
  assert.deepEqual(forecast(dearToday, "2026-10-31").expected, undefined);
  const longer = [{ date: "2026-10-23", costNanousd: usd }, ...dearToday];
  assert.equal(forecast(longer, "2026-10-31").expected?.costNanousd, 58n * usd);
});
