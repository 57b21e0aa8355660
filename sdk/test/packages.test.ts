import assert from "node:assert/strict";
import { test } from "node:test";

import { type TrackOptions } from "../src/usage.ts";
import { ledgerToken, openClient, startLedger, startProvider } from "./http-server.ts";
import { askCell, listCells } from "./packages.ts";

for (const { pack, kind, cell } of listCells()) {
  test(`${pack.name}, ${kind}: the caller gets what it would get, and the ledger the exact call`, async (t) => {
    const { answer, expected, returns, throws } = cell;
    const provider = await startProvider(t, answer);
    const ledger = await startLedger(t);
    const usage = openClient(t, ledger.url);
    const options: TrackOptions = { usage, agent: "CHIRON", operation: "plan", context: () => "endpoint: /plan" };
    const asked = askCell(pack, kind, provider.origin, options);

    if (throws === undefined) assert.equal(await asked, returns);
    else await assert.rejects(asked, throws);
    if (expected !== undefined) await ledger.received(1);
    await usage.close();

    const base = { agent_name: "CHIRON", operation: "plan", context: "endpoint: /plan" };
    assert.deepEqual(
      ledger.calls.map(({ created_at: _at, idempotency_key: _key, ...call }) => call),
      expected === undefined ? [] : [{ ...base, ...expected }],
    );
    assert.equal(provider.requests.length, 1);
    for (const token of ledger.tokens) assert.equal(token, `Bearer ${ledgerToken}`);
    for (const call of ledger.calls) {
      assert.match(call.idempotency_key ?? "", /^[0-9a-f-]{36}-\d+$/);
      assert.ok(Math.abs(Date.parse(call.created_at ?? "") - Date.now()) < 60_000);
    }
  });
}
