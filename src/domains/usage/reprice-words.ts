/** What `usage reprice` tells. */
import { formatTable } from "#cli/table.ts";
import { formatCount, formatUsd, toUsd } from "#prices/usd.ts";

import type { Repriced, Repricing } from "./reprice.ts";

export function describeRepricing({ models, calls, unpricedCalls }: Repricing, isPlan: boolean): string {
  if (calls === 0) return "there is no such call";
  const missing =
    unpricedCalls === 0
      ? []
      : [`${describeCount(unpricedCalls)} still without a price: state one under usage.prices in leveredge.yaml`];
  if (models.length === 0) {
    return [`${describeCount(calls)} looked at: each has what it would get now`, ...missing].join("\n");
  }
  const header = ["model", "calls", "cost before", "cost after", "without a cost"];
  const rows = models.map(({ model, calls: changed, oldNanousd, newNanousd, oldUnpriced, newUnpriced }) => [
    model,
    formatCount(changed),
    describeCost(oldNanousd, oldUnpriced === changed),
    describeCost(newNanousd, newUnpriced === changed),
    `${formatCount(oldUnpriced)} before, ${formatCount(newUnpriced)} after`,
  ]);
  const end = isPlan
    ? "nothing was written; to do it: leveredge usage reprice"
    : "the calls and their sums have these costs; a running server takes new prices when it is restarted";
  return [formatTable(header, rows), ...missing, end].join("\n");
}

/** Amounts are decimal text; null where none of the calls has a price. */
export function toJson({ oldNanousd, newNanousd, ...rest }: Repriced): Record<string, unknown> {
  return {
    ...rest,
    oldCostUsd: rest.oldUnpriced === rest.calls ? null : toUsd(oldNanousd),
    newCostUsd: rest.newUnpriced === rest.calls ? null : toUsd(newNanousd),
  };
}

function describeCost(nanousd: bigint, isUnpriced: boolean): string {
  return isUnpriced ? "unpriced" : formatUsd(nanousd);
}

function describeCount(calls: number): string {
  return `${formatCount(calls)} ${calls === 1 ? "call" : "calls"}`;
}
