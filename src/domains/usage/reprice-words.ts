/** What `usage reprice` tells. */
import { formatTable } from "#cli/table.ts";
import { formatCount, formatUsd, toUsd } from "#prices/usd.ts";

import type { Repriced } from "./reprice.ts";

export function describeRepriced(repriced: readonly Repriced[], isPlan: boolean): string {
  if (repriced.length === 0) return "every call has the price that it would get now";
  const header = ["model", "calls", "cost before", "cost after", "without a cost"];
  const rows = repriced.map(({ model, calls, oldNanousd, newNanousd, oldUnpriced, newUnpriced }) => [
    model,
    formatCount(calls),
    formatUsd(oldNanousd),
    formatUsd(newNanousd),
    `${formatCount(oldUnpriced)} before, ${formatCount(newUnpriced)} after`,
  ]);
  const end = isPlan
    ? "nothing was written; to do it: leveredge usage reprice"
    : "the calls and their sums have these costs";
  return `${formatTable(header, rows)}\n${end}`;
}

/** Amounts are decimal text. */
export function toJson({ oldNanousd, newNanousd, ...rest }: Repriced): Record<string, unknown> {
  return { ...rest, oldCostUsd: toUsd(oldNanousd), newCostUsd: toUsd(newNanousd) };
}
