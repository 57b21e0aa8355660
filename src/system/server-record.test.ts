import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import { describeProcess } from "./process-identity.ts";
import { findListener, forgetListener, recordListener } from "./server-record.ts";

async function makeStateDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "leveredge-record-"));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

/** What a process of this host left that had this one's number earlier. */
function describeEarlierProcess(): string {
  return describeProcess().replace(/\d+$/, "1");
}

test("where a server listens is found until it says that it ends", async (t) => {
  const stateDir = await makeStateDirectory(t);

  await recordListener(stateDir, 8021);
  const during = await findListener(stateDir);
  await forgetListener(stateDir);
  await forgetListener(stateDir);

  assert.deepEqual([during?.port, during?.pid], [8021, process.pid]);
  assert.equal(await findListener(stateDir), undefined);
  assert.deepEqual(await readdir(stateDir), []);
});

test("a record of a process that is gone, and a file that makes no sense, count for nothing and are replaced", async (t) => {
  const stateDir = await makeStateDirectory(t);
  const path = join(stateDir, "server.json");
  const stale = JSON.stringify({ pid: process.pid, port: 8021, process: describeEarlierProcess() });
  for (const text of [stale, "", "{}", '{"pid":1,"port":0,"process":"x"}']) {
    await writeFile(path, text);

    const found = await findListener(stateDir);
    await forgetListener(stateDir);

    assert.equal(found, undefined, text);
    assert.equal(await readFile(path, "utf8"), text, "only its own is taken back");
  }
  await recordListener(stateDir, 8022);

  assert.equal((await findListener(stateDir))?.port, 8022);
});
