/** What the commands of this domain say alike. */
import type { CommandContext } from "#cli/command.ts";
import { createPaint, type Paint } from "#cli/paint.ts";
import { formatCount } from "#prices/usd.ts";

import type { Moment } from "./asked.ts";
import { shorten } from "./bars.ts";
import type { Span, UnpricedCalls } from "./queries.ts";

/** How text is laid out. `width` undefined: no terminal, nothing is shortened. */
export type Layout = { paint: Paint; width: number | undefined };

const usualWidth = 80;
const mostModelsNamed = 2;
const longestModel = 24;

export function readLayout({ global }: Pick<CommandContext, "global">): Layout {
  const { isTTY, columns } = process.stdout;
  return { paint: createPaint(global), width: isTTY ? columns || usualWidth : undefined };
}

export function describeSpan({ from, to, timezone, environment }: Span): string {
  return `${from} to ${to} (${timezone}), ${describeEnvironment(environment)}`;
}

export function describeEnvironment(environment: Span["environment"]): string {
  return environment ?? "all environments";
}

/** Why there is nothing to see. */
export function describeNothing({ from, to, environment }: Span, { firstDay, lastDay }: Moment): string {
  const of = environment === undefined ? "" : ` of ${environment}`;
  if (firstDay === null) {
    return `no call${of} has been recorded; docs/operations/usage.md says how agents tell theirs`;
  }
  return `no call${of} from ${from} to ${to}; the ledger has calls from ${firstDay} to ${lastDay}`;
}

/** Nothing when every call has a price. */
export function describeUnpriced(unpriced: readonly UnpricedCalls[], { paint }: Layout): string[] {
  if (unpriced.length === 0) return [];
  const calls = unpriced.reduce((sum, one) => sum + one.calls, 0);
  const named = unpriced.slice(0, mostModelsNamed).map(({ model }) => shorten(model, longestModel));
  const more = unpriced.length > mostModelsNamed ? ` and ${unpriced.length - mostModelsNamed} more` : "";
  return [
    paint.loose(`${count(calls, "call has", "calls have")} no price and no cost here: ${named.join(", ")}${more}`),
    paint.faint(
      "State one under usage.prices in leveredge.yaml, restart leveredge serve, then: leveredge usage reprice",
    ),
  ];
}

/** `1 call`, `1,234 calls`. */
export function count(number: number, one: string, many: string): string {
  return `${formatCount(number)} ${number === 1 ? one : many}`;
}
