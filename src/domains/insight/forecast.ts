/**
 * What the month will have cost, by what the same weekdays cost before. Exact: nano-dollars,
 * divided once at the end.
 */
import { addDays, countDays, firstOfMonth, lastOfMonth, listDates } from "./days.ts";

export type DayCost = { date: string; costNanousd: bigint };

export type Forecast = {
  monthStart: string;
  monthEnd: string;
  /** Today with what it has so far. */
  toDateNanousd: bigint;
  /** Full days that it rests on, at most 28. */
  fullDays: number;
  /** Undefined when it is too early to say. */
  expected: Expectation | undefined;
};

/** `low` and `high`: the month if the rest of it were like one of the weeks; equal when there is one week. */
export type Expectation = { costNanousd: bigint; lowNanousd: bigint; highNanousd: bigint; weeks: number };

/** A week: fewer say nothing of some weekday. */
export const fewestDays = 7;
const mostDays = 28;
/** Divisible by every number of weeks, and of days of a weekday. */
const scale = 12n;

/** The first day whose cost the forecast of a day asks for. */
export function firstDayNeeded(today: string): string {
  const earliest = addDays(today, -mostDays);
  return earliest < firstOfMonth(today) ? earliest : firstOfMonth(today);
}

/**
 * `firstDay` is the first with a call: it did not begin in the ledger, so that full days
 * come after it. What is left of today counts as what its weekday costs beyond what today
 * has cost already.
 */
export function forecastMonth(
  costs: readonly DayCost[],
  { today, firstDay }: { today: string; firstDay: string },
): Forecast {
  const costOf = new Map(costs.map(({ date, costNanousd }) => [date, costNanousd]));
  const at = (date: string): bigint => costOf.get(date) ?? 0n;
  const [monthStart, monthEnd] = [firstOfMonth(today), lastOfMonth(today)];
  const before = listDates(monthStart, addDays(today, -1)).reduce((sum, date) => sum + at(date), 0n);
  const fullDays = Math.min(mostDays, Math.max(0, countDays(firstDay, today) - 1));
  const forecast = { monthStart, monthEnd, toDateNanousd: before + at(today), fullDays };
  if (fullDays < fewestDays) return { ...forecast, expected: undefined };

  const past = listDates(addDays(today, -fullDays), addDays(today, -1)).toReversed();
  const weekdays = Array.from({ length: 7 }, (_, weekday) =>
    past.filter((date) => weekdayOf(date) === weekday).map((date) => at(date) * scale),
  );
  const weeks = Math.ceil(fullDays / 7);
  const months = Array.from({ length: weeks }, (_, week) => {
    /** What this weekday cost so many weeks ago, or usually where that was before the first day. */
    const likely = (date: string): bigint => {
      const own = weekdays[weekdayOf(date)] ?? [];
      return own[week] ?? own.reduce((sum, cost) => sum + cost, 0n) / BigInt(own.length);
    };
    const ofToday = [at(today) * scale, likely(today)].reduce((one, other) => (one > other ? one : other));
    const rest = listDates(addDays(today, 1), monthEnd).reduce((sum, date) => sum + likely(date), 0n);
    return before * scale + ofToday + rest;
  }).toSorted((one, other) => Number(one > other) - Number(one < other));
  const sum = months.reduce((all, month) => all + month, 0n);
  return {
    ...forecast,
    expected: {
      costNanousd: divide(sum, scale * BigInt(weeks)),
      lowNanousd: divide(months[0] ?? 0n, scale),
      highNanousd: divide(months.at(-1) ?? 0n, scale),
      weeks,
    },
  };
}

function weekdayOf(date: string): number {
  return new Date(date).getUTCDay();
}

/** Half up; amounts are not negative. */
function divide(amount: bigint, divisor: bigint): bigint {
  return (amount * 2n + divisor) / (divisor * 2n);
}
