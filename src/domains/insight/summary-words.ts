/** Sums as a table with bars, and as JSON. */
import { escapeControls } from "#cli/printable.ts";
import { formatTable } from "#cli/table.ts";
import { formatCount, formatUsd, parseUsd, toUsd } from "#prices/usd.ts";

import type { Moment } from "./asked.ts";
import { alignAmounts, alignRight, formatBar, formatShare, formatTokens, shorten } from "./bars.ts";
import type { GroupedSums, Grouping, NamedSums, Span, Sums, UnpricedCalls } from "./queries.ts";
import { count, describeNothing, describeSpan, describeUnpriced, type Layout } from "./words.ts";

export type Summary = GroupedSums & {
  /** By name the rows are the days, all of them. */
  order: "name" | "dearest";
  grouping: Grouping;
  span: Span;
  moment: Moment;
  unpriced: UnpricedCalls[];
};

type Line = Sums & { label: string };

const widestBar = 60;
const narrowestBar = 8;
const plainBar = 20;
const shortestName = 12;
/** Below that there is no room for tokens. */
const narrow = 72;

export function describeSummary(summary: Summary, layout: Layout): string {
  const { totals, span, moment } = summary;
  if (totals.calls === 0) return describeNothing(span, moment);
  const { calls, inputTokens, outputTokens, estimatedCalls } = totals;
  const tokens = `${formatTokens(inputTokens)} tokens in, ${formatTokens(outputTokens)} out`;
  const estimated = count(estimatedCalls, "call has", "calls have");
  return [
    layout.paint.faint(describeSpan(span)),
    layout.paint.strong(`${count(calls, "call", "calls")}, ${tokens}, ${describeCost(totals)}`),
    ...describeUnpriced(summary.unpriced, layout),
    ...(estimatedCalls > 0 ? [`${estimated} estimated token counts: the provider did not say`] : []),
    "",
    formatLines(summary, layout),
  ].join("\n");
}

/** Amounts are decimal text, null where none of the calls has a price. `others`: what the rows leave out. */
export function toJson({ totals, rows, groups, grouping, span, unpriced }: Summary): Record<string, unknown> {
  const others = subtract(totals, rows);
  return {
    ...{ ...span, environment: span.environment ?? null, by: nameOf(grouping), totals: sumsToJson(totals) },
    rows: rows.map(sumsToJson),
    ...(others.calls > 0 ? { others: { groups: groups - rows.length, ...sumsToJson(others) } } : {}),
    unpriced,
  };
}

function formatLines(summary: Summary, { paint, width }: Layout): string {
  const lines = listLines(summary);
  const columns = listColumns(summary, lines, width);
  const title = nameOf(summary.grouping);
  const taken = columns.reduce((sum, [header = ""]) => sum + 2 + header.length, 0);
  const longest = Math.max(...[title, ...lines.map(({ label }) => label)].map((label) => Array.from(label).length));
  const room = width === undefined ? undefined : width - taken - 2;
  const most = room === undefined ? longest : Math.max(shortestName, Math.min(longest, room - narrowestBar));
  const barWidth = room === undefined ? plainBar : Math.min(widestBar, room - most);
  const dearest = lines.map(({ costUsd }) => parseUsd(costUsd)).reduce((one, other) => (other > one ? other : one), 0n);
  return formatTable(
    [shorten(title, most), ...columns.map(([header = ""]) => header), ""],
    lines.map(({ label, costUsd }, index) => [
      shorten(label, most),
      ...columns.map((cells) => cells[index + 1] ?? ""),
      paint.good(formatBar(parseUsd(costUsd), dearest, barWidth)),
    ]),
  );
}

/** The rows, and what they leave out as the last. */
function listLines({ rows, groups, totals }: Summary): Line[] {
  const others = subtract(totals, rows);
  const left: Line = { ...others, label: `(${formatCount(groups - rows.length)} others)` };
  const lines = rows.map((row) => ({ ...row, label: row.name === null ? "(not said)" : escapeControls(row.name) }));
  return others.calls > 0 ? [...lines, left] : lines;
}

/** Each with its header first, in cells of equal width. */
function listColumns({ totals, order }: Summary, lines: readonly Line[], width: number | undefined): string[][] {
  const column = (header: string, read: (line: Line) => string): string[] => alignRight([header, ...lines.map(read)]);
  const whole = parseUsd(totals.costUsd);
  const columns = [column("calls", ({ calls }) => formatCount(calls))];
  if (width === undefined || width >= narrow) {
    columns.push(column("in", ({ inputTokens }) => formatTokens(inputTokens)));
    columns.push(column("out", ({ outputTokens }) => formatTokens(outputTokens)));
  }
  columns.push(alignCosts(lines));
  if (order === "dearest") {
    columns.push(column("share", (line) => (isUnpriced(line) ? "" : formatShare(parseUsd(line.costUsd), whole))));
  }
  if (totals.unpricedCalls > 0) {
    columns.push(column("unpriced", ({ unpricedCalls }) => (unpricedCalls > 0 ? formatCount(unpricedCalls) : "")));
  }
  return columns;
}

function alignCosts(lines: readonly Line[]): string[] {
  const cells = alignAmounts(lines.map((line) => (isUnpriced(line) ? "unpriced" : formatUsd(parseUsd(line.costUsd)))));
  return alignRight(["cost", ...cells]);
}

function describeCost(totals: Sums): string {
  return isUnpriced(totals) ? "cost unknown" : formatUsd(parseUsd(totals.costUsd));
}

/** Nothing of it has a price: that is no cost of 0. */
function isUnpriced({ calls, unpricedCalls }: Sums): boolean {
  return calls > 0 && calls === unpricedCalls;
}

function sumsToJson<T extends Sums>(sums: T): Omit<T, "costUsd"> & { costUsd: string | null } {
  return { ...sums, costUsd: isUnpriced(sums) ? null : sums.costUsd };
}

function nameOf(grouping: Grouping): string {
  return typeof grouping === "object" ? `tag:${grouping.tag}` : grouping;
}

function subtract(totals: Sums, rows: readonly NamedSums[]): Sums {
  const sum = (read: (sums: Sums) => number): number => rows.reduce((left, row) => left - read(row), read(totals));
  return {
    calls: sum(({ calls }) => calls),
    inputTokens: sum(({ inputTokens }) => inputTokens),
    outputTokens: sum(({ outputTokens }) => outputTokens),
    costUsd: toUsd(rows.reduce((left, row) => left - parseUsd(row.costUsd), parseUsd(totals.costUsd))),
    unpricedCalls: sum(({ unpricedCalls }) => unpricedCalls),
    estimatedCalls: sum(({ estimatedCalls }) => estimatedCalls),
  };
}
