import assert from "node:assert/strict";
import { test } from "node:test";

import type { PricedCall } from "./call.ts";
import { findOverlap, PriceOverride } from "./overrides.ts";
import { createPriceList, type Price } from "./price.ts";

const call: PricedCall = {
  model: "llama-3",
  at: new Date("2026-10-01T12:00:00Z"),
  inputTokens: 1000,
  outputTokens: 100,
};

function priceWith(overrides: unknown[], changes: Partial<PricedCall> = {}): Price {
  return createPriceList({ overrides: overrides.map((one) => PriceOverride.parse(one)) }).price({
    ...call,
    ...changes,
  });
}

test("an operator's price goes before the catalog, exactly as it stands", () => {
  const price = priceWith([{ model: "gpt-4o", input: "1.5", output: 4 }], { model: "gpt-4o", serviceTier: "batch" });

  // 1000 × 1.5 + 100 × 4
  assert.deepEqual(price, { costNanousd: 1_900_000n, source: "override", version: "leveredge.yaml", notes: [] });
});

test("a price of 0 is a cost of 0: a model of one's own", () => {
  assert.equal(priceWith([{ model: "llama-*", input: 0, output: 0 }]).costNanousd, 0n);
});

test("every stated kind has its price, the others that of what they are", () => {
  const tokens = {
    inputTokens: 1000,
    outputTokens: 200,
    cacheReadTokens: 100,
    cacheWrite5mTokens: 200,
    cacheWrite1hTokens: 300,
    audioInputTokens: 50,
    audioOutputTokens: 20,
    webSearches: 2,
  };
  const all = {
    cache_read: 0.5,
    cache_write_5m: 3,
    cache_write_1h: 5,
    audio_input: "7.000000001",
    audio_output: 20,
    web_search: 10,
  };

  // 350 × 2 + 100 × 0.5 + 200 × 3 + 300 × 5 + 50 × 7.000000001 + 180 × 8 + 20 × 20 + 2s × 10
  assert.equal(priceWith([{ model: "llama-3", input: 2, output: 8, ...all }], tokens).costNanousd, 25_040_000n);
  // 1000 × 2 + 200 × 8
  assert.equal(priceWith([{ model: "llama-3", input: 2, output: 8 }], tokens).costNanousd, 3_600_000n);
});

test("the most specific price holds, whatever the order", () => {
  const overrides = [
    { model: "llama-*", input: 2, output: 0 },
    { model: "llama-*", provider: "Here", input: 3, output: 0 },
    { model: "llama-3*", input: 4, output: 0 },
    { model: "LLAMA-3", input: 5, output: 0 },
  ];
  const cases: [Partial<PricedCall>, bigint][] = [
    [{}, 5_000_000n],
    [{ model: "llama-3.1" }, 4_000_000n],
    [{ model: "llama-2", provider: "here" }, 3_000_000n],
    [{ model: "llama-2", provider: "there" }, 2_000_000n],
  ];
  for (const [changes, cost] of cases) {
    assert.equal(priceWith(overrides, changes).costNanousd, cost);
    assert.equal(priceWith(overrides.toReversed(), changes).costNanousd, cost);
  }
});

test("a price holds from the first instant of its period to the last before its end", () => {
  const overrides = [
    { model: "llama-3", input: 1, output: 0, valid_to: "2026-01-01" },
    { model: "llama-3", input: 2, output: 0, valid_from: "2026-01-01", valid_to: "2026-06-01T02:00:00+02:00" },
  ];
  const cases: [string, bigint | null][] = [
    ["2025-12-31T23:59:59.999Z", 1_000_000n],
    ["2026-01-01T00:00:00Z", 2_000_000n],
    ["2026-05-31T23:59:59.999Z", 2_000_000n],
    ["2026-06-01T00:00:00Z", null],
  ];
  for (const [at, cost] of cases) assert.equal(priceWith(overrides, { at: new Date(at) }).costNanousd, cost, at);
});

test("prices of one model that hold at the same time are found, those that only touch are not", () => {
  const at = (model: string, from?: string, to?: string, provider?: string): PriceOverride =>
    PriceOverride.parse({ model, input: 1, output: 1, valid_from: from, valid_to: to, provider });
  const cases: [PriceOverride[], [number, number] | undefined][] = [
    [[at("m"), at("n")], undefined],
    [
      [at("m"), at("M")],
      [0, 1],
    ],
    [[at("m"), at("m*")], undefined],
    [[at("m"), at("m", undefined, undefined, "p")], undefined],
    [[at("m", undefined, "2026-01-01"), at("m", "2026-01-01")], undefined],
    [
      [at("n"), at("m", undefined, "2026-01-02"), at("m", "2026-01-01")],
      [1, 2],
    ],
    [
      [at("m", "2026-03-01", "2026-04-01"), at("m", "2026-01-01", "2026-12-31")],
      [0, 1],
    ],
  ];
  for (const [overrides, overlap] of cases) assert.deepEqual(findOverlap(overrides), overlap);
});

test("what is not a price is refused", () => {
  const good = { model: "m", input: 1, output: 1 };
  const bad = [
    { ...good, input: -1 },
    { ...good, input: "-1" },
    { ...good, input: "1e3" },
    { ...good, input: Number.NaN },
    { ...good, input: 1e-10 },
    { ...good, input: "0.0000000001" },
    { ...good, model: "" },
    { ...good, model: "*" },
    { ...good, model: "a*b" },
    { ...good, cache: 1 },
    { model: "m", input: 1 },
    { ...good, valid_from: "yesterday" },
    { ...good, valid_from: "2026-01-01T00:00:00" },
    { ...good, valid_from: "2026-01-02", valid_to: "2026-01-02" },
  ];
  for (const override of bad) assert.equal(PriceOverride.safeParse(override).success, false, JSON.stringify(override));
});
