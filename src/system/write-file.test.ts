import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import { AppError } from "#errors.ts";

import { findOwner } from "./owner.ts";
import { type FileContent, readFileInside, writeFileAtomically } from "./write-file.ts";

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "write-file-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function write(root: string, path: string, more: Partial<FileContent> = {}): Promise<void> {
  await writeFileAtomically({ root, path, content: "new\n", mode: 0o644, owner: await findOwner(root), ...more });
}

test("a file is written with its mode, below directories that are made for it", async (t) => {
  const root = await directory(t);

  await write(root, "shared/scripts/a.sh", { mode: 0o755 });

  assert.equal(await readFile(join(root, "shared/scripts/a.sh"), "utf8"), "new\n");
  assert.equal((await stat(join(root, "shared/scripts/a.sh"))).mode & 0o777, 0o755);
});

test("a file is replaced whole and no draft is left", async (t) => {
  const root = await directory(t);
  await writeFile(join(root, "a"), "old, and longer than the new one\n");

  await write(root, "a");

  assert.equal(await readFile(join(root, "a"), "utf8"), "new\n");
  assert.deepEqual(await readdir(root), ["a"]);
});

test(
  "what root writes for somebody is theirs, with its new directories",
  { skip: process.getuid?.() === 0 ? false : "only root can" },
  async (t) => {
    const root = await directory(t);

    await write(root, "docs/a", { owner: { uid: 65_534, gid: 65_534 } });

    for (const path of ["docs", "docs/a"]) {
      const { uid, gid } = await stat(join(root, path));
      assert.deepEqual({ path, uid, gid }, { path, uid: 65_534, gid: 65_534 });
    }
  },
);

test("a link that leads out of the root is refused and nothing behind it changes", async (t) => {
  const root = await directory(t);
  const outside = await directory(t);
  await writeFile(join(outside, "a"), "theirs\n");
  await symlink(join(outside, "a"), join(root, "a"));
  await symlink(outside, join(root, "docs"));

  for (const path of ["a", "docs/b", "docs/b/c"]) {
    await assert.rejects(write(root, path), (error) => error instanceof AppError && error.code === "conflict", path);
  }

  assert.equal(await readFile(join(outside, "a"), "utf8"), "theirs\n");
  assert.deepEqual(await readdir(outside), ["a"]);
});

test("a link that stays inside is followed and stays a link", async (t) => {
  const root = await directory(t);
  await mkdir(join(root, "real"));
  await writeFile(join(root, "real/a"), "old\n");
  await symlink("real/a", join(root, "a"));

  await write(root, "a");

  assert.equal(await readFile(join(root, "real/a"), "utf8"), "new\n");
  assert.deepEqual((await readdir(root)).toSorted(), ["a", "real"]);
});

test("a path that climbs out, is absolute or names a directory is refused", async (t) => {
  const root = await directory(t);
  await mkdir(join(root, "docs"));

  for (const path of ["../a", "docs/../../a", "/etc/a", "docs", ""]) {
    await assert.rejects(write(root, path), AppError, path);
  }
});

test("drafts of killed writers are removed, those of living ones are not", async (t) => {
  const root = await directory(t);
  await writeFile(join(root, ".a.leveredge-4194305"), "of a process that cannot be");
  await writeFile(join(root, ".a.leveredge-1"), "of the first process");

  await write(root, "a");

  assert.deepEqual((await readdir(root)).toSorted(), [".a.leveredge-1", "a"]);
});

test("a directory that cannot be written to is named with the remedy", async () => {
  await assert.rejects(
    write("/proc/self", "a"),
    (error) => error instanceof AppError && error.message.includes("/proc/self/a") && error.hint !== undefined,
  );
});

test("a file is read with its mode, one that is not there is undefined, and one outside is refused", async (t) => {
  const root = await directory(t);
  const outside = await directory(t);
  await writeFile(join(root, "a"), "text", { mode: 0o640 });
  await writeFile(join(outside, "b"), "theirs");
  await symlink(outside, join(root, "docs"));

  const found = await readFileInside(root, "a");

  assert.deepEqual({ text: found?.content.toString(), mode: found?.mode }, { text: "text", mode: 0o640 });
  assert.equal(await readFileInside(root, "gone/a"), undefined);
  await assert.rejects(
    readFileInside(root, "docs/b"),
    (error) => error instanceof AppError && error.code === "conflict",
  );
});
