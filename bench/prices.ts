/**
 * What pricing a call costs, once its model is known, beside the limit and beside the
 * same call through the catalog's own program, in the same process.
 */
import { calcPrice } from "@pydantic/genai-prices";

import type { PricedCall } from "#prices/call.ts";
import { createPriceList } from "#prices/price.ts";

import { median, timeMs } from "./measure.ts";
import { print } from "./server-under-load.ts";

const limitUs = 3;
const calls = 50_000;
const rounds = 7;

const at = new Date("2026-10-01T12:00:00Z");
const cases: PricedCall[] = [
  { model: "gpt-4o-mini", provider: "openai", at, inputTokens: 1234, outputTokens: 567 },
  {
    model: "claude-sonnet-4-5",
    provider: "anthropic",
    at,
    inputTokens: 212_345,
    outputTokens: 678,
    cacheReadTokens: 190_000,
    cacheWrite5mTokens: 10_000,
    webSearches: 1,
  },
  { model: "deepseek-v4-pro", provider: "deepseek", at, inputTokens: 5000, outputTokens: 400, cacheReadTokens: 4000 },
];

const list = createPriceList();
for (const call of cases) {
  const { model, provider = "" } = call;
  const usage = {
    input_tokens: call.inputTokens,
    output_tokens: call.outputTokens,
    cache_read_tokens: call.cacheReadTokens ?? 0,
    cache_write_tokens: call.cacheWrite5mTokens ?? 0,
    web_searches: call.webSearches ?? 0,
  };
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    ours.push(await timeEach(calls, () => list.price(call)));
    theirs.push(await timeEach(calls / 25, () => calcPrice(usage, model, { providerId: provider, timestamp: at })));
  }
  const [us, peerUs] = [median(ours), median(theirs)];
  print(`price a call of ${model}`, `${us.toFixed(2)} µs`, `${limitUs} µs`, us / limitUs);
  console.log(`genai-prices' calcPrice: ${peerUs.toFixed(2)} µs, ${(peerUs / us).toFixed(0)} times as much`);
}

/** Microseconds a call. */
async function timeEach(times: number, work: () => unknown): Promise<number> {
  const ms = await timeMs(() => {
    for (let n = 0; n < times; n += 1) work();
  });
  return (ms / times) * 1000;
}
