/**
 * Calls priced anew, after a price came to the catalog or to `usage.prices`. Each call
 * has the price of its own time; what a provider charged itself stays. Rows and sums of
 * one part change together: killed in between, what is left is done by the next time.
 */
import type { App } from "#app.ts";
import type { Period } from "#cli/period.ts";
import { appendEvent, sealEvents } from "#events/events.ts";
import { createPriceList, type Price, type PriceList } from "#prices/price.ts";
import { parseUsd, toUsd } from "#prices/usd.ts";
import { transaction } from "#store/database.ts";

import { readState } from "./queries.ts";
import { listPricedRows, type NewPrice, type PricedRow, type PricedRows, updatePrices } from "./reprice-queries.ts";
import { allowLongStatements, lockSums } from "./rollup-queries.ts";
import { type Place, readInOrder } from "./row-order-queries.ts";

/** Of one model; amounts in nano-dollars, of the calls that get another price. */
export type Repriced = {
  model: string;
  calls: number;
  oldNanousd: bigint;
  newNanousd: bigint;
  /** Of these calls, those without a cost before and after. */
  oldUnpriced: number;
  newUnpriced: number;
};

/** `models`: those whose calls get another price, the largest difference first. */
export type Repricing = {
  models: Repriced[];
  /** That were looked at, and how many of them have no price now. */
  calls: number;
  unpricedCalls: number;
};

type RepriceApp = Pick<App, "db" | "config" | "keys" | "stateDir">;

export type RepriceOptions = {
  period: Period;
  model: string | undefined;
  /** Nothing is written. */
  isPlan: boolean;
  actor: string;
  signal: AbortSignal;
  progress(text: string, done: number): void;
  /** Calls in one transaction. Default 5,000. */
  mostAtOnce?: number;
};

const usualPart = 5_000;

/** Prices the calls of the period anew. A second call finds no model whose calls get another price. */
export async function repriceCalls(app: RepriceApp, options: RepriceOptions): Promise<Repricing> {
  const { timezone } = await readState(app.db);
  if (timezone === null) return { models: [], calls: 0, unpricedCalls: 0 };
  const prices = createPriceList({ overrides: app.config.usage?.prices ?? [] });
  const rows = { timezone, period: options.period, model: options.model };
  const models = new Map<string, Repriced>();
  let after: Place | undefined;
  let [calls, unpricedCalls] = [0, 0];
  for (;;) {
    options.signal.throwIfAborted();
    const part = await repricePart(app, { ...options, rows, prices, after });
    for (const change of part.changes) addChange(models, change);
    unpricedCalls += part.unpricedCalls;
    if (part.last === undefined) break;
    after = part.last;
    options.progress("calls looked at", (calls += part.rows));
  }
  const repriced = [...models.values()].toSorted((one, other) => compareDifference(other, one));
  if (!options.isPlan && repriced.length > 0) await tell(app, options.actor, repriced);
  return { models: repriced, calls, unpricedCalls };
}

type Change = { row: PricedRow; price: Price };
type Part = { rows: number; last: Place | undefined; changes: Change[]; unpricedCalls: number };

async function repricePart(
  app: RepriceApp,
  {
    rows,
    prices,
    after,
    isPlan,
    mostAtOnce = usualPart,
  }: RepriceOptions & { rows: PricedRows; prices: PriceList; after: Place | undefined },
): Promise<Part> {
  return transaction(app.db, async (tx) => {
    await allowLongStatements(tx);
    await readInOrder(tx);
    if (!isPlan) await lockSums(tx);
    const found = await listPricedRows(tx, { ...rows, after, limit: mostAtOnce });
    const priced = found.map((row): Change => ({ row, price: prices.price(toCall(row)) }));
    const changes = priced.filter(({ row, price }) => !isSame(row, price));
    const unpricedCalls = priced.filter(({ price }) => price.costNanousd === null).length;
    if (!isPlan && changes.length > 0) await updatePrices(tx, rows.timezone, changes.map(toNewPrice));
    return { rows: found.length, last: found.at(-1), changes, unpricedCalls };
  });
}

function toCall(row: PricedRow): Parameters<PriceList["price"]>[0] {
  return {
    model: row.model,
    provider: row.provider ?? undefined,
    at: new Date(row.createdAt),
    inputTokens: row.inputTokens,
    outputTokens: row.outputTokens,
    cacheReadTokens: row.cacheReadTokens ?? undefined,
    cacheWrite5mTokens: row.cacheWrite5mTokens ?? undefined,
    cacheWrite1hTokens: row.cacheWrite1hTokens ?? undefined,
    reasoningTokens: row.reasoningTokens ?? undefined,
    audioInputTokens: row.audioInputTokens ?? undefined,
    audioOutputTokens: row.audioOutputTokens ?? undefined,
    webSearches: row.webSearches ?? undefined,
    serviceTier: row.serviceTier ?? undefined,
    region: row.region ?? undefined,
  };
}

/** Another version with the same cost is no other price: rows are not written for that. */
function isSame({ cost, costSource }: PricedRow, price: Price): boolean {
  return (cost === null ? null : parseUsd(cost)) === price.costNanousd && costSource === price.source;
}

function toNewPrice({ row: { at, id }, price }: Change): NewPrice {
  const cost = price.costNanousd === null ? null : toUsd(price.costNanousd);
  return { at, id, cost, costSource: price.source, priceVersion: price.version };
}

function addChange(models: Map<string, Repriced>, { row, price }: Change): void {
  const { model, cost } = row;
  const none: Repriced = { model, calls: 0, oldNanousd: 0n, newNanousd: 0n, oldUnpriced: 0, newUnpriced: 0 };
  const sum = models.get(model) ?? none;
  models.set(model, {
    model,
    calls: sum.calls + 1,
    oldNanousd: sum.oldNanousd + (cost === null ? 0n : parseUsd(cost)),
    newNanousd: sum.newNanousd + (price.costNanousd ?? 0n),
    oldUnpriced: sum.oldUnpriced + (cost === null ? 1 : 0),
    newUnpriced: sum.newUnpriced + (price.costNanousd === null ? 1 : 0),
  });
}

function compareDifference(one: Repriced, other: Repriced): number {
  const [a, b] = [one, other].map(({ oldNanousd, newNanousd }) =>
    newNanousd > oldNanousd ? newNanousd - oldNanousd : oldNanousd - newNanousd,
  );
  return Number((a ?? 0n) - (b ?? 0n));
}

async function tell(app: RepriceApp, actor: string, repriced: readonly Repriced[]): Promise<void> {
  const calls = repriced.reduce((sum, model) => sum + model.calls, 0);
  const difference = repriced.reduce((sum, { oldNanousd, newNanousd }) => sum + newNanousd - oldNanousd, 0n);
  await transaction(app.db, (tx) =>
    appendEvent(tx, app.keys, {
      ...{ actor, action: "usage.repriced", target: "llm_usage", environment: "shared", outcome: "done" },
      details: { calls, models: repriced.length, differenceUsd: toUsd(difference) },
    }),
  );
  await sealEvents(app);
}
