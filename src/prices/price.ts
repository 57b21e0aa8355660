/**
 * What a call costs, to the nano-dollar. In this order: what OpenRouter says it charged;
 * a price that the operator states; the catalog, with what service tier and region make
 * of it. What none of them knows has no cost, never 0: somebody must look at it.
 *
 * Rates are whole numbers and a sum is rounded once (`nanousd.ts`), so that the cost is
 * the provider's own arithmetic. Nothing here reads a clock, a file or the network: the
 * catalog is part of the program, and its version stands with every cost.
 */
import { createBoundedMap } from "./bounded-map.ts";
import { findExcess, type PricedCall } from "./call.ts";
import { catalogVersion, findRow, pricesTokens, slotMs, type CatalogRow } from "./catalog.ts";
import { catalogName, catalogTime, correct, hasDatedCorrection } from "./corrections.ts";
import { parseDecimal, toNanousd } from "./nanousd.ts";
import { readOverrides, type OperatorPrice, type PriceOverride } from "./overrides.ts";
import { complete, sumUp, tokenKinds, type Kind, type Level } from "./rates.ts";
import { findFactor, tiersVersion, type Factor } from "./tiers.ts";

export type Price = {
  /** Null when the cost is not known. */
  costNanousd: bigint | null;
  source: "provider" | "override" | "catalog" | "unpriced";
  /** Which data the cost comes from; null when it is not known. */
  version: string | null;
  /** What a person should know about it, or why it is not known. */
  notes: readonly string[];
};

export type PriceList = { price: (call: PricedCall) => Price };

/** What a model's tokens cost under one tier, in one region, at one time; or why that is not known. */
type Resolved = { levels: readonly Level[]; version: string; notes: readonly string[] } | { unknown: string };

const remembered = 4096;

/** A price list with the operator's own prices; it remembers the rows that it has found. */
export function createPriceList({ overrides = [] }: { overrides?: readonly PriceOverride[] } = {}): PriceList {
  const operatorPrices = readOverrides(overrides);
  const resolve = createResolver();
  return {
    price: (call) => {
      const excess = findExcess(call);
      if (excess !== undefined) return unpriced(excess);
      return readStatedCost(call) ?? applyOverride(call, operatorPrices) ?? applyCatalog(call, resolve(call));
    },
  };
}

function readStatedCost({ provider, providerCostUsd }: PricedCall): Price | undefined {
  if (provider?.toLowerCase() !== "openrouter" || providerCostUsd === undefined) return undefined;
  const costNanousd = parseDecimal(providerCostUsd, 9);
  return costNanousd === undefined ? undefined : { costNanousd, source: "provider", version: "openrouter", notes: [] };
}

function applyOverride(call: PricedCall, operatorPrices: readonly OperatorPrice[]): Price | undefined {
  const found = operatorPrices.find(({ matches }) => matches(call));
  if (found === undefined) return undefined;
  const { attousd } = sumUp(call, found.levels);
  return { costNanousd: toNanousd(attousd), source: "override", version: "leveredge.yaml", notes: [] };
}

function applyCatalog(call: PricedCall, resolved: Resolved): Price {
  if ("unknown" in resolved) return unpriced(resolved.unknown);
  const { attousd, missing } = sumUp(call, resolved.levels);
  if (missing.length > 0) return unpriced(`the catalog has no price of ${call.model} for ${missing.join(", ")}`);
  return { costNanousd: toNanousd(attousd), source: "catalog", version: resolved.version, notes: resolved.notes };
}

function unpriced(note: string): Price {
  return { costNanousd: null, source: "unpriced", version: null, notes: [note] };
}

/** Remembers by model, tier and region, and by time where a model has prices at times. */
function createResolver(): (call: PricedCall) => Resolved {
  const known = createBoundedMap<Resolved | "dated">(remembered);
  return (call) => {
    const key = `${call.provider ?? ""}\0${call.model}\0${call.serviceTier ?? ""}\0${call.region ?? ""}`;
    const found = known.get(key);
    if (found !== undefined && found !== "dated") return found;
    const datedKey = `${key}\0${Math.floor(call.at.getTime() / slotMs)}`;
    const dated = found === "dated" ? known.get(datedKey) : undefined;
    if (dated !== undefined && dated !== "dated") return dated;
    const row = findRow(call.provider, catalogName(call.model), catalogTime(call.model, call.at));
    const resolved = resolveRow(row, call);
    const isDated = row !== undefined && (row.isDated || hasDatedCorrection(row, catalogName(call.model)));
    if (isDated) known.set(key, "dated");
    known.set(isDated ? datedKey : key, resolved);
    return resolved;
  };
}

function resolveRow(row: CatalogRow | undefined, call: PricedCall): Resolved {
  if (row === undefined) {
    const provider = call.provider === undefined ? "" : ` of ${call.provider}`;
    return { unknown: `the catalog does not know the model ${call.model}${provider}` };
  }
  if (row.isFree) return { levels: freeOfCharge, version: catalogVersion, notes: ["free of charge"] };
  if (!pricesTokens(row)) {
    return { unknown: `${call.model} is paid by ${row.uncounted.join(", ")}, which calls do not count` };
  }
  const tier = findFactor({ ...row, serviceTier: call.serviceTier, region: call.region });
  if (tier === undefined) {
    return { unknown: `the price of ${call.model} in service tier ${call.serviceTier} is not known` };
  }
  const { levels, isCorrected } = correct(row, catalogName(call.model), call.at);
  const isOurs = isCorrected || tier.notes.length > 0;
  return {
    levels: complete(multiply(levels, tier.factor)),
    version: isOurs ? `${catalogVersion}, ${tiersVersion}` : catalogVersion,
    notes: [...tier.notes, ...noteMade(row)],
  };
}

const freeOfCharge = complete([{ above: -1, rates: { input: 0n, output: 0n, webSearch: 0n } }]);

function noteMade({ uncounted }: CatalogRow): string[] {
  const made = uncounted.filter((unit) => unit.startsWith("output_"));
  return made.length === 0 ? [] : [`all output is priced as ${made.join(", ")}`];
}

function multiply(levels: readonly Level[], [numerator, denominator]: Factor): readonly Level[] {
  if (numerator === denominator) return levels;
  return levels.map(({ above, rates }) => {
    const product: Partial<Record<Kind, bigint>> = { ...rates };
    for (const kind of tokenKinds) {
      const rate = rates[kind];
      if (rate !== undefined) product[kind] = (rate * numerator) / denominator;
    }
    return { above, rates: product };
  });
}
