import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { withFileLock } from "./file-lock.ts";

test("holders of a lock take turns", async (t) => {
  const path = await lockFile(t);
  const order: string[] = [];
  const hold = (name: string) =>
    withFileLock(path, undefined, async () => {
      order.push(`${name} in`);
      await new Promise(setImmediate);
      order.push(`${name} out`);
    });

  await Promise.all([hold("a"), hold("b"), hold("c")]);

  for (const at of [0, 2, 4]) assert.equal(order[at]?.replace("in", "out"), order[at + 1]);
});

test("the lock of a process that is killed with SIGKILL is free", async (t) => {
  const path = await lockFile(t);
  const holder = spawn(process.execPath, ["--input-type=module", "--eval", holdForever(path)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(holder.stdout, "data");
  holder.kill("SIGKILL");

  const answer = await withFileLock(path, undefined, async () => "mine");

  assert.equal(answer, "mine");
});

test("work that throws gives the lock back", async (t) => {
  const path = await lockFile(t);
  const failing = withFileLock(path, undefined, async () => {
    throw new Error("broken");
  });
  await assert.rejects(failing, /broken/);

  const answer = await withFileLock(path, undefined, async () => "mine");

  assert.equal(answer, "mine");
});

test("waiting for a lock ends when it is aborted, and the holder keeps it", async (t) => {
  const path = await lockFile(t);
  const abort = new AbortController();

  const outcome = await withFileLock(path, undefined, async () => {
    const waiting = withFileLock(path, abort.signal, async () => "mine");
    abort.abort();
    return waiting.then(String, (error: unknown) => error);
  });

  assert.match(String(outcome), /stopped while waiting for/);
});

test("a lock in a directory that does not exist says so", async (t) => {
  const path = join(await lockFile(t), "nowhere", "lock");

  const taking = withFileLock(path, undefined, async () => "mine");

  await assert.rejects(taking, /cannot lock .*nowhere\/lock: .*(No such file|Not a directory)/);
});

async function lockFile(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "leveredge-lock-"));
  t.after(() => rm(directory, { recursive: true }));
  return join(directory, "lock");
}

function holdForever(path: string): string {
  return `
    import { withFileLock } from ${JSON.stringify(import.meta.resolve("./file-lock.ts"))};
    await withFileLock(${JSON.stringify(path)}, undefined, async () => {
      process.stdout.write("held");
      await new Promise((resolve) => setTimeout(resolve, 2 ** 30));
    });`;
}
