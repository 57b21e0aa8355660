/** The ledger under SIGKILL: of those who tell it calls, and of its PostgreSQL, which writes to the disk as it does in production. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";

import { sql } from "kysely";
import { z } from "zod";

import { Config } from "#config/schema.ts";
import { programRoot } from "#config/state-directory.ts";
import { createLedger } from "#domains/usage/ledger.ts";
import { verifySums } from "#domains/usage/verify.ts";
import { type Db, many } from "#store/database.ts";
import { startServer } from "#store/server.ts";
import { openStore } from "#store/store.ts";
import { minimalEnvironment } from "#system/run.ts";

import { call, listSums, origin, sumCalls, tellCalls } from "./calls.ts";
import { testDatabase } from "./database.ts";
import { makeHousehold } from "./server-user.ts";

const config = Config.parse({ platform: { name: "Test", root: "/srv/platform" } });
const now = (): Date => new Date();

/** Kills tellers after some of their acknowledgements; each next one tells the same calls again. */
export async function survivesKilledTellers(
  t: TestContext,
  { calls, kills }: { calls: number; kills: number },
): Promise<void> {
  const { db, ownerUrl } = await testDatabase(t);
  const acknowledged = new Set<string>();
  for (let round = 0; round <= kills; round += 1) {
    const child = spawn(process.execPath, [join(programRoot, "test", "killed-teller.ts"), "call", String(calls)], {
      cwd: programRoot,
      env: { ...minimalEnvironment(), STORE_URL: ownerUrl.reveal() },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const closed = once(child, "close");
    const killAt = round === kills ? Infinity : ((round + 1) * calls) / (kills + 2);
    let seen = 0;
    createInterface({ input: child.stdout }).on("line", (id) => {
      acknowledged.add(id);
      if ((seen += 1) >= killAt) child.kill("SIGKILL");
    });
    await closed;
    assert.equal(child.signalCode, round === kills ? null : "SIGKILL");
    await proveOnce(db, acknowledged);
  }
  assert.equal(acknowledged.size, calls);
}

/** Kills the postmaster while calls are told, and starts it again. */
export async function survivesKilledStore(
  t: TestContext,
  { calls, kills }: { calls: number; kills: number },
): Promise<void> {
  const { address } = await makeHousehold(t, "this user");
  // Closed before the household goes, which a hook of the test would be too late for.
  await using opened = new AsyncDisposableStack();
  const store = opened.adopt(await openStore(address), (own) => own.close());
  const ledger = createLedger({ config, now, db: store.db }, { mostAtOnce: 50 });
  await ledger.record([call()], origin);
  const acknowledged = new Set<string>();
  const told = tellCalls(ledger, {
    ids: Array.from({ length: calls }, (_, index) => `call-${index}`),
    onAcknowledged: (ids) => ids.forEach((id) => acknowledged.add(id)),
  });
  let pid = store.server?.pid ?? Number.NaN;
  for (let kill = 1; kill <= kills; kill += 1) {
    while (acknowledged.size < (kill * calls) / (kills + 1)) await new Promise(setImmediate);
    process.kill(pid, "SIGKILL");
    const again = opened.adopt(await startServer(address), (own) => own.stop());
    assert.notEqual(again.pid, pid);
    pid = again.pid;
  }
  await told;
  assert.equal(acknowledged.size, calls);
  await proveOnce(store.db, acknowledged);
}

/** None lost, none double, and the sums are those of the calls. */
async function proveOnce(db: Db, acknowledged: ReadonlySet<string>): Promise<void> {
  const rows = await many(
    db,
    z.object({ calls: z.int(), keys: z.int(), joined: z.int() }),
    sql`
      select (select count(*) from llm_usage u where exists (select from llm_usage_key k where k.usage_id = u.id)) as calls,
             (select count(*) from llm_usage_key) as keys,
             (select count(*) from llm_usage_key k join llm_usage u on u.id = k.usage_id) as joined`,
  );
  const [{ calls, keys, joined } = { calls: 0, keys: 0, joined: 0 }] = rows;
  assert.deepEqual([keys, joined], [calls, calls]);
  assert.ok(calls >= acknowledged.size, `${calls} of ${acknowledged.size} acknowledged`);
  assert.deepEqual(await listSums(db), await sumCalls(db));
  assert.equal((await verifySums({ db })).equal, true);
}
