/** `leveredge usage forecast`. */
import type { CommandContext } from "#cli/command.ts";
import { formatTable } from "#cli/table.ts";
import { outcomeExit } from "#errors.ts";
import { formatUsd, parseUsd, toUsd } from "#prices/usd.ts";

import { lookAtSums, type Moment, readEnvironment } from "./asked.ts";
import { alignAmounts } from "./bars.ts";
import { fewestDays, firstDayNeeded, type Forecast, forecastMonth } from "./forecast.ts";
import { listUnpriced, type NamedSums, type Span, sumBy, type UnpricedCalls } from "./queries.ts";
import { count, describeNothing, describeSpan, describeUnpriced, type Layout, readLayout } from "./words.ts";

type Seen = {
  moment: Moment;
  span: Span;
  forecast: Forecast;
  /** Of the month. */
  unpriced: UnpricedCalls[];
  /** Of the days before it that the expectation rests on. */
  earlierUnpricedCalls: number;
};

export async function runForecast(context: CommandContext): Promise<number> {
  const app = await context.openApp();
  const environment = readEnvironment(context);
  const seen = await lookAtSums(app, environment, async (tx, moment): Promise<Seen> => {
    const { today, timezone } = moment;
    const past = { timezone, environment, from: firstDayNeeded(today), to: today };
    const { rows } = await sumBy(tx, { grouping: "day", span: past, order: "name", limit: null });
    const costs = rows.map(({ name, costUsd }) => ({ date: name ?? "", costNanousd: parseUsd(costUsd) }));
    const forecast = forecastMonth(costs, { today, firstDay: moment.firstDay ?? today });
    const span = { ...past, from: forecast.monthStart };
    const earlierUnpricedCalls = countUnpriced(rows.filter(({ name }) => (name ?? "") < forecast.monthStart));
    return { moment, span, forecast, unpriced: await listUnpriced(tx, span), earlierUnpricedCalls };
  });
  context.output.data(toJson(seen), describe(seen, readLayout(context)));
  return outcomeExit.ok;
}

function countUnpriced(rows: readonly NamedSums[]): number {
  return rows.reduce((sum, { unpricedCalls }) => sum + unpricedCalls, 0);
}

function describe({ moment, span, forecast, unpriced, earlierUnpricedCalls }: Seen, layout: Layout): string {
  if (moment.firstDay === null) return describeNothing(span, moment);
  const { expected, toDateNanousd, fullDays, monthEnd } = forecast;
  const { paint } = layout;
  const lines: [label: string, amount: string, why: string][] = [["to date", formatUsd(toDateNanousd), ""]];
  if (expected !== undefined) {
    const rest = `by the weekday means of the last ${fullDays} full days`;
    lines.push([`by ${monthEnd}`, formatUsd(expected.costNanousd), rest]);
  }
  if (expected !== undefined && expected.weeks > 1) {
    lines.push(["at least", formatUsd(expected.lowNanousd), `like the cheapest of the last ${expected.weeks} weeks`]);
    lines.push(["at most", formatUsd(expected.highNanousd), "like the dearest of them"]);
  }
  const amounts = alignAmounts(lines.map(([, amount]) => amount));
  const [header = [], ...rows] = lines.map(([label, , why], row) => [label, amounts[row] ?? "", paint.faint(why)]);
  return [
    paint.faint(describeSpan(span)),
    formatTable(header, rows),
    ...describeCertainty(forecast, layout),
    ...describeUnpriced(unpriced, layout),
    ...(earlierUnpricedCalls > 0
      ? [paint.loose(`${count(earlierUnpricedCalls, "call", "calls")} of the days before had no price: expect more`)]
      : []),
  ].join("\n");
}

/** What the range cannot say. */
function describeCertainty({ expected, fullDays }: Forecast, { paint }: Layout): string[] {
  if (expected === undefined) {
    const days = count(fullDays, "full day is", "full days are");
    return [paint.loose(`Too early to say how it goes on: ${days} recorded, ${fewestDays} are wanted.`)];
  }
  if (expected.weeks > 1) return [];
  return [paint.loose("It rests on one week: how far weeks differ is not known yet.")];
}

/** Amounts are decimal text; null where nobody can tell yet. */
function toJson({ span, forecast, unpriced, earlierUnpricedCalls }: Seen): Record<string, unknown> {
  const { expected, monthStart, monthEnd, toDateNanousd, fullDays } = forecast;
  const usd = (nanousd: bigint | undefined): string | null => (nanousd === undefined ? null : toUsd(nanousd));
  const hasRange = expected !== undefined && expected.weeks > 1;
  return {
    ...{ month: monthStart.slice(0, 7), today: span.to, monthEnd, timezone: span.timezone },
    ...{ environment: span.environment ?? null, fullDays, weeks: expected?.weeks ?? 0 },
    ...{ toDateUsd: toUsd(toDateNanousd), expectedUsd: usd(expected?.costNanousd) },
    ...{ lowUsd: hasRange ? usd(expected.lowNanousd) : null, highUsd: hasRange ? usd(expected.highNanousd) : null },
    ...{ unpriced, earlierUnpricedCalls },
  };
}
