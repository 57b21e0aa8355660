import assert from "node:assert/strict";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import pg from "pg";

import { appendEvent, sealEvents } from "#events/events.ts";
import { transaction } from "#store/database.ts";
import { openKeyRing } from "#store/keys.ts";
import { testDatabase } from "#test/database.ts";
import { type Ran, runLeveredge } from "#test/run-leveredge.ts";

type AuditedStore = { stateDir: string; ownerUrl: string; audit(...words: string[]): Promise<Ran> };

/** A store with three sealed events and one that waits. */
async function openRecord(t: TestContext): Promise<AuditedStore> {
  const { db, ownerUrl } = await testDatabase(t);
  const stateDir = await mkdtemp(join(tmpdir(), "leveredge-audit-"));
  t.after(() => rm(stateDir, { recursive: true }));
  const app = { db, stateDir, keys: await openKeyRing(db, stateDir) };
  for (const target of ["one", "two", "three", "four"]) {
    const event = { actor: "test", action: "test.event", target, outcome: "ok", details: {} };
    await transaction(db, (tx) => appendEvent(tx, app.keys, event));
    if (target === "three") await sealEvents(app);
  }
  return {
    stateDir,
    ownerUrl: ownerUrl.reveal(),
    audit: (...words) =>
      runLeveredge(["audit", ...words, "--state", stateDir], { env: { DATABASE_URL: ownerUrl.reveal() } }),
  };
}

async function edit({ ownerUrl }: AuditedStore): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  await client.query(`
    alter table leveredge.event disable trigger event_is_append_only;
    update leveredge.event set outcome = 'fine' where id = 2`);
  await client.end();
}

test("audit verify ends with 0 on a whole record and counts what is not sealed yet", async (t) => {
  const record = await openRecord(t);

  const { exitCode, stdout } = await record.audit("verify");

  assert.equal(exitCode, 0);
  assert.match(stdout, /^events: 4\nsealed: 3\nunsealed: 1\nhead: position 3, [0-9a-f]{16}…\nthe record is whole\n$/);
});

test("audit verify ends with 13 and names the event that was edited", async (t) => {
  const record = await openRecord(t);
  await edit(record);

  const { exitCode, stdout } = await record.audit("verify", "--json");

  assert.equal(exitCode, 13);
  assert.deepEqual(JSON.parse(stdout).faults, [
    { kind: "edited", position: 2, eventId: 2, text: "event 2 at position 2 is not what was written" },
  ]);
});

test("audit list shows the newest events in the order of the chain", async (t) => {
  const record = await openRecord(t);

  const { exitCode, stdout } = await record.audit("list", "--limit", "2");

  assert.equal(exitCode, 0);
  assert.match(stdout, /^POSITION .*\n2 .* two +ok\n3 .* three +ok\n$/);
});

test("with another unseal key the commands end with 78 and name both keys by label", async (t) => {
  const [record, other] = [await openRecord(t), await openRecord(t)];
  await rename(join(other.stateDir, "unseal.key"), join(record.stateDir, "unseal.key"));

  const { exitCode, stdout, stderr } = await record.audit("verify");

  assert.equal(exitCode, 78);
  assert.equal(stdout, "");
  assert.match(stderr, /^error: the store was sealed with unseal key \w{8}, the key file holds \w{8}\nhint: /);
});

test("a state directory without a store is refused and stays empty", async () => {
  const { exitCode, stderr } = await runLeveredge(["audit", "verify", "--state", "/nonexistent/leveredge"]);

  assert.equal(exitCode, 4);
  assert.match(stderr, /there is no store in \/nonexistent\/leveredge/);
});
