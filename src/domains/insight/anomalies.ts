/**
 * Days that cost more than those before them: by the distance from the median of 28 days,
 * in units of the median distance (MAD), which a few dear days before do not move. Exact:
 * whole numbers, compared and not divided.
 */
import { addDays, countDays, listDates } from "./days.ts";
import type { DayCost } from "./forecast.ts";

export type Anomaly = {
  date: string;
  costNanousd: bigint;
  /** The median of the days before. */
  usualNanousd: bigint;
  /** The robust z; undefined when at least half of the days before cost the same. */
  z: number | undefined;
};

export const daysCompared = 28;
/** Fewer days before it, and a day is not judged. */
export const fewestDaysBefore = 7;
const leastAboveNanousd = 1_000_000_000n;
/** z = 0.6745 · (cost − median) ÷ MAD: with 0.6745 it is in standard deviations where costs are normal. */
const [zFactor, zLimit] = [6745n, 35_000n];

/** Of the days from `from` to `to` those that stand out, in their order. `firstDay`: the first with a call. */
export function findAnomalies(
  costs: readonly DayCost[],
  { from, to, firstDay }: { from: string; to: string; firstDay: string },
): Anomaly[] {
  const costOf = new Map(costs.map(({ date, costNanousd }) => [date, costNanousd]));
  const earliest = addDays(from, -daysCompared);
  const dates = listDates(earliest < firstDay ? firstDay : earliest, to);
  const series = dates.map((date) => costOf.get(date) ?? 0n);
  return dates.flatMap((date, index) => {
    if (date < from || !isJudged(date, firstDay)) return [];
    return judge(date, series[index] ?? 0n, series.slice(Math.max(0, index - daysCompared), index)) ?? [];
  });
}

/** Whether enough days lie before it. */
export function isJudged(date: string, firstDay: string): boolean {
  return countDays(firstDay, date) >= fewestDaysBefore;
}

function judge(date: string, costNanousd: bigint, before: readonly bigint[]): Anomaly | undefined {
  // A median may lie between two values: everything is doubled, and doubled again for distances.
  const median = medianDoubled(before);
  const deviation = medianDoubled(before.map((cost) => distance(cost * 2n, median)));
  const above = costNanousd * 2n - median;
  if (above <= leastAboveNanousd * 2n || above * 2n * zFactor <= zLimit * deviation) return undefined;
  const z = deviation === 0n ? undefined : Number((above * 2n * zFactor) / deviation) / 10_000;
  return { date, costNanousd, usualNanousd: median / 2n, z };
}

/** Twice the median, which is a whole number. */
function medianDoubled(values: readonly bigint[]): bigint {
  const sorted = values.toSorted((one, other) => Number(one > other) - Number(one < other));
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)] ?? 0n) + (sorted[Math.ceil(middle)] ?? 0n);
}

function distance(one: bigint, other: bigint): bigint {
  return one > other ? one - other : other - one;
}
