/** `leveredge usage summary` and `top`. */
import type { CommandContext } from "#cli/command.ts";
import { AppError, outcomeExit } from "#errors.ts";

import {
  lookAtSums,
  type Moment,
  readCount,
  readEnvironment,
  readGrouping,
  readSpan,
  refuseLongSpan,
} from "./asked.ts";
import { listDates } from "./days.ts";
import { type Grouping, listUnpriced, type NamedSums, type Span, sumBy } from "./queries.ts";
import { describeSummary, type Summary, toJson } from "./summary-words.ts";
import { readLayout } from "./words.ts";

const mostTagDays = 92;
const mostRows = 200;
const mostTop = 1_000;
const usualTop = 10;

/** Days in their order, with those that had no calls; everything else the dearest first. */
export async function runSummary(context: CommandContext): Promise<number> {
  const grouping = readGrouping(context, "day");
  const isByDay = grouping === "day";
  const summary = await summarize(context, { grouping, limit: isByDay ? null : mostRows });
  tell(context, isByDay ? { ...summary, rows: fillDays(summary) } : summary);
  return outcomeExit.ok;
}

/** The dearest first, days too. */
export async function runTop(context: CommandContext): Promise<number> {
  const limit = readCount(context, "limit", mostTop) ?? usualTop;
  tell(context, await summarize(context, { grouping: readGrouping(context, "model"), limit }));
  return outcomeExit.ok;
}

function tell(context: CommandContext, summary: Summary): void {
  context.output.data(toJson(summary), describeSummary(summary, readLayout(context)));
}

async function summarize(
  context: CommandContext,
  { grouping, limit }: { grouping: Grouping; limit: number | null },
): Promise<Summary> {
  const app = await context.openApp();
  return lookAtSums(app, readEnvironment(context), async (tx, moment) => {
    const span = readSpan(context, moment);
    if (typeof grouping === "object") refuseTagSpan(span, moment);
    const order = limit === null ? "name" : "dearest";
    const sums = await sumBy(tx, { grouping, span, order, limit });
    const unpriced = sums.totals.unpricedCalls > 0 ? await listUnpriced(tx, span) : [];
    return { ...sums, order, grouping, span, moment, unpriced };
  });
}

function refuseTagSpan(span: Span, { firstKeptDay }: Moment): void {
  refuseLongSpan(span, { most: mostTagDays, what: "--by tag:KEY, which reads single calls," });
  if (firstKeptDay === null || span.from >= firstKeptDay) return;
  throw new AppError("invalid_input", `single calls, which have the tags, are kept from ${firstKeptDay} on`, {
    hint: `Begin there: --from ${firstKeptDay}.`,
  });
}

/** From the first day that has calls to the last of the period that has been. */
function fillDays({ rows, span, moment }: Summary): NamedSums[] {
  const byDate = new Map(rows.map((row) => [row.name, row]));
  const [first] = rows;
  if (first?.name == null) return [];
  const last = span.to < moment.today ? span.to : moment.today;
  return listDates(first.name, last).map((name) => byDate.get(name) ?? { ...noCalls, name });
}

const noCalls = { calls: 0, inputTokens: 0, outputTokens: 0, costUsd: "0", unpricedCalls: 0, estimatedCalls: 0 };
