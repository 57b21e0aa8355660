import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import type { PricedCall, Tokens } from "./call.ts";
import { createPriceList, type Price } from "./price.ts";

const at = new Date("2026-10-01T12:00:00Z");
const list = createPriceList();

/** Published rates in USD for a million tokens, one level each, in the order of `kindsOf`. */
const published = {
  "claude-haiku-4-5": ["1", "0.1", "1.25", "2", "5"],
  "gpt-4o-mini": ["0.15", "0.075", "0.15", "0.15", "0.6"],
  "gemini-3.5-flash-lite": ["0.3", "0.03", "0.3", "0.3", "2.5"],
} as const;

const count = fc.integer({ min: 0, max: 20_000_000 });
const counts = fc.tuple(count, count, count, count, count);
const model = fc.constantFrom(...(Object.keys(published) as (keyof typeof published)[]));

type Counts = readonly [input: number, read: number, write5m: number, write1h: number, output: number];

function tokensOf([input, read, write5m, write1h, output]: Counts): Tokens {
  return {
    inputTokens: input + read + write5m + write1h,
    outputTokens: output,
    cacheReadTokens: read,
    cacheWrite5mTokens: write5m,
    cacheWrite1hTokens: write1h,
  };
}

function costOf(call: Omit<PricedCall, "at">): bigint {
  const { costNanousd, notes } = list.price({ ...call, at });
  assert.ok(costNanousd !== null, notes.join());
  return costNanousd;
}

test("a cost is what whole numbers give, rounded once and half up", () => {
  fc.assert(
    fc.property(model, counts, (name, parts) => {
      const milliNano = parts.reduce((sum, tokens, index) => {
        const [whole = "", fraction = ""] = (published[name][index] ?? "").split(".");
        return sum + BigInt(tokens) * BigInt(whole + fraction.padEnd(6, "0"));
      }, 0n);

      assert.equal(costOf({ model: name, ...tokensOf(parts) }), (milliNano + 500n) / 1000n);
    }),
  );
});

test("a cost is never negative, and never less for one more token of any kind", () => {
  fc.assert(
    fc.property(model, counts, fc.nat({ max: 4 }), (name, parts, more) => {
      const cost = costOf({ model: name, ...tokensOf(parts) });
      const [input, read, write5m, write1h, output] = parts.map((tokens, index) => tokens + (index === more ? 1 : 0));
      const larger = tokensOf([input ?? 0, read ?? 0, write5m ?? 0, write1h ?? 0, output ?? 0]);

      assert.ok(cost >= 0n);
      assert.ok(costOf({ model: name, ...larger }) >= cost);
    }),
  );
});

test("a call costs what its parts cost apart, but for the rounding of each", () => {
  fc.assert(
    fc.property(model, counts, counts, (name, one, other) => {
      const [i, r, s, l, o] = one;
      const [i2, r2, s2, l2, o2] = other;
      const apart = costOf({ model: name, ...tokensOf(one) }) + costOf({ model: name, ...tokensOf(other) });
      const together = costOf({ model: name, ...tokensOf([i + i2, r + r2, s + s2, l + l2, o + o2]) });

      assert.ok(apart - together <= 1n && together - apart <= 1n);
    }),
  );
});

test("the order in which counts stand does not matter", () => {
  fc.assert(
    fc.property(model, counts, fc.infiniteStream(fc.nat()), (name, parts, random) => {
      const tokens = tokensOf(parts);
      const shuffled = Object.entries(tokens)
        .map(([key, value]) => ({ key, value, place: random.next().value }))
        .toSorted((a, b) => a.place - b.place)
        .map(({ key, value }) => [key, value]);

      // The entries of the tokens in another order are tokens.
      const same = Object.fromEntries(shuffled) as Tokens;
      assert.equal(costOf({ model: name, ...same }), costOf({ model: name, ...tokens }));
    }),
  );
});

test("every token is paid once, however cached tokens and audio overlap", () => {
  const flat = createPriceList({ overrides: [{ model: "flat", input: 1, output: 1 }] });
  fc.assert(
    fc.property(
      count,
      count,
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 6, maxLength: 6 }),
      (inputTokens, outputTokens, shares) => {
        const [read = 0, write5m = 0, write1h = 0, audioIn = 0, reasoning = 0, audioOut = 0] = shares;
        const ofInput = (share: number): number => Math.floor((share * inputTokens) / 3);
        const ofOutput = (share: number): number => Math.floor((share * outputTokens) / 2);
        const { costNanousd } = flat.price({
          model: "flat",
          at,
          inputTokens,
          outputTokens,
          cacheReadTokens: ofInput(read),
          cacheWrite5mTokens: ofInput(write5m),
          cacheWrite1hTokens: ofInput(write1h),
          audioInputTokens: Math.floor(audioIn * inputTokens),
          reasoningTokens: ofOutput(reasoning),
          audioOutputTokens: ofOutput(audioOut),
        });

        assert.equal(costNanousd, BigInt(inputTokens + outputTokens) * 1000n);
      },
    ),
  );
});

test("what nobody prices has no cost and says why: never 0", () => {
  const cases: [Omit<PricedCall, "at" | "inputTokens" | "outputTokens">, RegExp][] = [
    [{ model: "no-such-model" }, /does not know the model no-such-model$/],
    [{ model: "gpt-4o", provider: "my-proxy" }, /does not know the model gpt-4o of my-proxy$/],
    [{ model: "whisper-1", provider: "openai" }, /whisper-1 is paid by audio_hours/],
    [{ model: "gpt-5-nano", provider: "openai", serviceTier: "priority" }, /service tier priority is not known/],
    [{ model: "gpt-5.6-sol", provider: "openai", serviceTier: "ultrafast" }, /service tier ultrafast is not known/],
    [{ model: "mistral-small-latest", provider: "mistral", serviceTier: "batch" }, /service tier batch is not known/],
    [{ model: "deepseek-v4-pro", provider: "deepseek", webSearches: 1 }, /no price of deepseek-v4-pro for webSearch/],
    [{ model: "text-embedding-3-small", provider: "openai" }, /no price of text-embedding-3-small for output/],
    [{ model: "" }, /does not know the model/],
    [{ model: "__proto__" }, /does not know the model/],
  ];
  for (const [call, why] of cases) {
    const price = list.price({ ...call, at, inputTokens: 1000, outputTokens: 100 });

    assert.deepEqual([price.costNanousd, price.source, price.version], [null, "unpriced", null], call.model);
    assert.match(price.notes.join(), why);
  }
});

test("a model that the catalog lists as free costs nothing and says so", () => {
  const price = list.price({ model: "gemma-3-27b-it", provider: "google", at, inputTokens: 1000, outputTokens: 100 });

  assert.deepEqual([price.costNanousd, price.source, price.notes], [0n, "catalog", ["free of charge"]]);
});

test("parts that are larger than their whole have no cost and are named", () => {
  const cases: [Tokens, string][] = [
    [
      { inputTokens: 100, outputTokens: 0, cacheReadTokens: 60, cacheWrite1hTokens: 41 },
      "cache_read_tokens with cache writes (101) are more than input_tokens (100)",
    ],
    [
      { inputTokens: 100, outputTokens: 0, audioInputTokens: 101 },
      "audio_input_tokens (101) are more than input_tokens (100)",
    ],
    [
      { inputTokens: 0, outputTokens: 9, reasoningTokens: 5, audioOutputTokens: 5 },
      "reasoning_tokens with audio_output_tokens (10) are more than output_tokens (9)",
    ],
  ];
  for (const [tokens, note] of cases) {
    assert.deepEqual(list.price({ model: "gpt-4o", at, ...tokens }).notes, [note]);
  }
});

test("what OpenRouter says it charged goes before everything, in any decimal form", () => {
  const stated = (provider: string, providerCostUsd: string): Price =>
    createPriceList({ overrides: [{ model: "openai/*", input: 9, output: 9 }] }).price({
      model: "openai/gpt-4o-mini",
      provider,
      providerCostUsd,
      at,
      inputTokens: 1000,
      outputTokens: 100,
    });

  const cases: [string, bigint][] = [
    ["0.00014475", 144_750n],
    ["1.5e-7", 150n],
    ["2E-05", 20_000n],
    ["0", 0n],
    ["3", 3_000_000_000n],
    ["0.0000000005", 1n],
    ["0.00000000049999", 0n],
    ["0.0123456785", 12_345_679n],
  ];
  for (const [text, nanousd] of cases) {
    assert.deepEqual(stated("openrouter", text), {
      costNanousd: nanousd,
      source: "provider",
      version: "openrouter",
      notes: [],
    });
  }
  for (const text of ["-1", "NaN", "", "1e999", "0x10", "1,5"])
    assert.equal(stated("openrouter", text).source, "override", text);
  assert.equal(stated("openai", "0.5").source, "override");
});

test("a cost says which data it comes from", () => {
  const version = (call: Omit<PricedCall, "at" | "inputTokens" | "outputTokens">): string | null =>
    list.price({ ...call, at, inputTokens: 1000, outputTokens: 100 }).version;

  assert.equal(version({ model: "claude-haiku-4-5" }), "genai-prices 0.1.8");
  assert.equal(version({ model: "claude-haiku-4-5", serviceTier: "standard" }), "genai-prices 0.1.8");
  assert.equal(version({ model: "claude-haiku-4-5", serviceTier: "batch" }), "genai-prices 0.1.8, tiers 2026-11-23");
  assert.equal(version({ model: "gpt-5.4" }), "genai-prices 0.1.8, tiers 2026-11-23");
});

test("a list that has forgotten a model finds the same price again", () => {
  const call = { model: "gpt-4o", at, inputTokens: 1000, outputTokens: 100 };
  const first = list.price(call);

  for (let n = 0; n < 5000; n += 1) list.price({ ...call, model: `unknown-${n}` });

  assert.deepEqual(list.price(call), first);
});
