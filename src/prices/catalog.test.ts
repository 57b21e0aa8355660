import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { calcPrice, waitForUpdate } from "@pydantic/genai-prices";

import { programRoot } from "#config/state-directory.ts";

import { catalogVersion, findRow, slotMs } from "./catalog.ts";
import { complete, sumUp } from "./rates.ts";

const at = new Date("2026-10-01T12:00:00Z");
const providers = (await waitForUpdate()) ?? [];

test("the version that costs are marked with is that of the package", async () => {
  const text = await readFile(join(programRoot, "package.json"), "utf8");

  assert.match(text, new RegExp(`"@pydantic/genai-prices": "${catalogVersion.replace("genai-prices ", "")}"`));
});

test("every boundary of the catalog in time falls on a slot", () => {
  for (const { id, models } of providers) {
    for (const { prices, id: model } of models) {
      for (const { constraint } of Array.isArray(prices) ? prices : []) {
        const texts =
          constraint?.type === "time_of_date"
            ? [`1970-01-01T${constraint.start_time}`, `1970-01-01T${constraint.end_time}`]
            : [constraint?.start_date ?? "1970-01-01"];
        for (const text of texts) assert.equal(Date.parse(text) % slotMs, 0, `${id} ${model}: ${text}`);
      }
    }
  }
});

test("each row of the catalog comes to what its own program says, to its last float", () => {
  let compared = 0;
  for (const { id: providerId, models } of providers) {
    for (const { id } of models) {
      const row = findRow(providerId, id, at);
      if (row === undefined || row.isFree || row.uncounted.length > 0) continue;
      for (const inputTokens of [1234, 199_999, 200_000, 300_001]) {
        const usage = {
          input_tokens: inputTokens,
          output_tokens: 567,
          cache_read_tokens: 300,
          cache_write_tokens: 200,
        };
        const theirs = calcPrice(usage, id, { providerId, timestamp: at });
        const tokens = { inputTokens, outputTokens: 567, cacheReadTokens: 300, cacheWrite5mTokens: 200 };
        const { attousd } = sumUp(tokens, complete(row.levels));

        assert.ok(theirs !== null);
        assert.ok(Math.abs(Number(attousd) / 1e18 - theirs.total_price) < 1e-12, `${providerId} ${id} ${inputTokens}`);
        compared += 1;
      }
    }
  }

  assert.ok(compared > 4000, String(compared));
});

test("a model is found by the names that answers and gateways give it", () => {
  const names: [provider: string | undefined, model: string, found: string][] = [
    [undefined, "gpt-4o-2024-08-06", "openai gpt-4o"],
    [undefined, "openai/gpt-4o", "openai gpt-4o"],
    ["openai", "openai/gpt-4o", "openai gpt-4o"],
    [undefined, "anthropic/claude-haiku-4-5", "anthropic claude-haiku-4-5"],
    [undefined, "models/gemini-2.5-pro", "google gemini-2.5-pro"],
    ["google", "GEMINI-2.5-pro", "google gemini-2.5-pro"],
    ["openrouter", "openai/gpt-4o-mini", "openrouter openai/gpt-4o-mini"],
    ["azure", "gpt-5", "azure gpt-5"],
  ];
  for (const [provider, model, found] of names) {
    const row = findRow(provider, model, at);

    assert.equal(row && `${row.provider} ${row.model}`, found);
  }
});
