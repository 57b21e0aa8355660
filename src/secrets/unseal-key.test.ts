import assert from "node:assert/strict";
import { chmod, link, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";

import { AppError } from "#errors.ts";
import { runProgram } from "#system/run.ts";

import {
  ensureUnsealKey,
  installNextKey,
  nextKeyPath,
  previousKeyPath,
  readUnsealKey,
  removeKeyFile,
  unsealKeyPath,
} from "./unseal-key.ts";

async function stateDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "leveredge-unseal-"));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

const isSealed = (message: RegExp) => (error: unknown) =>
  error instanceof AppError && error.code === "sealed" && error.exitCode === 78 && message.test(error.message);

test("the key is made once, as 32 bytes that its owner alone can read", async (t) => {
  const path = unsealKeyPath(await stateDirectory(t));

  const made = await ensureUnsealKey(path);
  const again = await ensureUnsealKey(path);

  assert.equal(again.id, made.id);
  const status = await stat(path);
  assert.equal(status.mode & 0o777, 0o400);
  assert.equal(status.size, 32);
  assert.equal(status.nlink, 1);
});

test("several processes that start at once end with the same key", async (t) => {
  const directory = await stateDirectory(t);
  const script = `
    import { ensureUnsealKey } from ${JSON.stringify(import.meta.resolve("./unseal-key.ts"))};
    console.log((await ensureUnsealKey(${JSON.stringify(unsealKeyPath(directory))})).id);`;
  const start = () =>
    runProgram(process.execPath, ["--input-type=module", "--eval", script], {
      timeoutMs: 60_000,
      cwd: import.meta.dirname,
    });

  const results = await Promise.all([start(), start(), start(), start()]);

  assert.equal(new Set(results.map((result) => result.stdout)).size, 1);
  assert.deepEqual(await readdir(directory), ["unseal.key"]);
});

test("what a killed process left is removed before the key is made", async (t) => {
  const directory = await stateDirectory(t);
  const { stdout: deadPid } = await runProgram(process.execPath, ["--eval", "console.log(process.pid)"], {
    timeoutMs: 60_000,
  });
  await writeFile(join(directory, `.unseal.key.${deadPid.trim()}`), "half");

  await ensureUnsealKey(unsealKeyPath(directory));

  assert.deepEqual(await readdir(directory), ["unseal.key"]);
});

test("a missing file is an answer and is not made by reading", async (t) => {
  const directory = await stateDirectory(t);

  assert.equal(await readUnsealKey(unsealKeyPath(directory)), undefined);
  assert.deepEqual(await readdir(directory), []);
});

test("a file that others can reach, of another length, or behind a link is refused and stays as it is", async (t) => {
  const directory = await stateDirectory(t);
  const path = unsealKeyPath(directory);
  await ensureUnsealKey(path);
  const bytes = await readFile(path);
  const copy = join(directory, "copy");

  for (const mode of [0o440, 0o404, 0o420, 0o600 | 0o001]) {
    await chmod(path, mode);
    await assert.rejects(ensureUnsealKey(path), isSealed(/others can reach it/));
  }
  await chmod(path, 0o400);
  await link(path, copy);
  await rm(path);
  await symlink(copy, path);
  await assert.rejects(ensureUnsealKey(path), isSealed(/cannot open/));
  await rm(path);
  for (const content of ["", "short", Buffer.alloc(33)]) {
    await rm(path, { force: true });
    await writeFile(path, content, { mode: 0o400 });
    await assert.rejects(ensureUnsealKey(path), isSealed(/does not hold 32 bytes/));
  }

  assert.deepEqual(await readFile(copy), bytes);
});

test(
  "a file of another user is refused",
  { skip: process.getuid?.() === 0 ? false : "only root can give a file away" },
  async (t) => {
    const path = unsealKeyPath(await stateDirectory(t));
    await ensureUnsealKey(path);
    await runProgram("chown", ["65534", path], { timeoutMs: 10_000 });

    await assert.rejects(readUnsealKey(path), isSealed(/belongs to another user/));
  },
);

test("the next key takes the name of the current one, which stays as the previous one", async (t) => {
  const path = unsealKeyPath(await stateDirectory(t));
  const [current, next] = [await ensureUnsealKey(path), await ensureUnsealKey(nextKeyPath(path))];

  await installNextKey(path);

  assert.equal((await readUnsealKey(path))?.id, next.id);
  assert.equal((await readUnsealKey(previousKeyPath(path)))?.id, current.id);
  assert.deepEqual((await readdir(dirname(path))).toSorted(), ["unseal.key", "unseal.key.previous"]);
  for (const file of [path, previousKeyPath(path)]) {
    const status = await stat(file);
    assert.equal(status.mode & 0o777, 0o400);
    assert.equal(status.nlink, 1);
  }
});

test("a killed exchange of key files goes on from whatever it left", async (t) => {
  const path = unsealKeyPath(await stateDirectory(t));
  const { stdout: deadPid } = await runProgram(process.execPath, ["--eval", "console.log(process.pid)"], {
    timeoutMs: 60_000,
  });
  const draft = join(dirname(path), `.unseal.key.${deadPid.trim()}`);
  const leftovers = [
    // The old key has its second name already, under the name of a draft or the last one.
    async () => link(path, draft),
    async () => link(path, previousKeyPath(path)),
    // Of an earlier rotation there is a previous key.
    async () => ensureUnsealKey(previousKeyPath(path)),
    // The key was lost: nothing has its name.
    async () => rm(path),
  ];

  for (const leave of leftovers) {
    await rm(path, { force: true });
    await rm(previousKeyPath(path), { force: true });
    const [current, next] = [await ensureUnsealKey(path), await ensureUnsealKey(nextKeyPath(path))];
    await leave();
    const isLost = (await readUnsealKey(path)) === undefined;

    await installNextKey(path);

    assert.equal((await readUnsealKey(path))?.id, next.id);
    assert.equal((await readUnsealKey(previousKeyPath(path)))?.id, isLost ? undefined : current.id);
    assert.deepEqual(
      (await readdir(dirname(path))).toSorted(),
      isLost ? ["unseal.key"] : ["unseal.key", "unseal.key.previous"],
    );
  }
});

test("without a next key nothing is exchanged, and a key file is removed once and for all", async (t) => {
  const path = unsealKeyPath(await stateDirectory(t));
  const current = await ensureUnsealKey(path);

  await assert.rejects(installNextKey(path), { code: "ENOENT" });
  assert.equal((await readUnsealKey(path))?.id, current.id);
  await removeKeyFile(previousKeyPath(path));
  await removeKeyFile(previousKeyPath(path));

  assert.deepEqual(await readdir(dirname(path)), ["unseal.key"]);
});
