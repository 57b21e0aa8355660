import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import { Config } from "#config/schema.ts";

import { type Manifest, manifestPathOf, writeManifest } from "./manifest.ts";
import { type BackupSet, findSet, inspectSet, isStale } from "./sets.ts";

const day = 24 * 3_600_000;
const now = new Date("2026-11-22T12:00:00.000Z");

async function folder(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "sets-"));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

function setOf(directory: string, more: Partial<BackupSet> = {}): BackupSet {
  const written = { name: "chronos", environment: "prod", directory, pattern: "*.dump", ...more };
  const [set] = Config.parse({ platform: { name: "Test", root: "/p" }, backups: [written] }).backups;
  assert.ok(set);
  return set;
}

async function put(path: string, daysAgo: number): Promise<string> {
  await writeFile(path, "backup");
  const at = new Date(now.getTime() - daysAgo * day);
  await utimes(path, at, at);
  return path;
}

function manifestOf(daysAgo: number): Manifest {
  return {
    format: "leveredge-backup-manifest",
    version: 1,
    programVersion: "1.0.0",
    takenAt: new Date(now.getTime() - daysAgo * day).toISOString(),
    serverVersion: 150018,
    database: { name: "prod", encoding: "UTF8", sizeBytes: 1 },
    file: { sizeBytes: 6, sha256: "0".repeat(64) },
    tables: [],
    sequences: [],
    largeObjects: { count: 0, hash: "0" },
    definitions: { tool: null, entries: {} },
  };
}

test("the newest file of the pattern is found, and nothing else counts as a backup", async (t) => {
  const directory = await folder(t);
  await put(join(directory, "a.dump"), 3);
  await put(join(directory, "b.dump"), 1);
  for (const name of ["c.dump.part", ".hidden.dump", "d.sql", "e.dump.manifest.json"])
    await put(join(directory, name), 0);
  await mkdir(join(directory, "folder.dump"));
  await symlink("/etc/passwd", join(directory, "out.dump"));
  await symlink("gone", join(directory, "dangling.dump"));

  const all = await inspectSet(setOf(directory, { pattern: "*" }));
  const found = await inspectSet(setOf(directory));

  assert.equal(found.state, "found");
  assert.deepEqual([found.newest.name, found.files, found.totalBytes], ["b.dump", 2, 12]);
  assert.equal(found.newest.dataAt, new Date(now.getTime() - day).toISOString());
  assert.equal(all.state === "found" && all.files, 3);
});

test("the manifest tells the time of the data, not a copy's new date", async (t) => {
  const directory = await folder(t);
  const [old, young] = [await put(join(directory, "old.dump"), 0), await put(join(directory, "young.dump"), 1)];
  await writeManifest(manifestPathOf(old), manifestOf(9));
  await writeManifest(manifestPathOf(young), manifestOf(2));

  const found = await inspectSet(setOf(directory));

  assert.equal(found.state, "found");
  assert.deepEqual([found.newest.path, found.newest.manifestPath], [young, manifestPathOf(young)]);
  assert.equal(found.newest.dataAt, manifestOf(2).takenAt);
});

test("a manifest that cannot be read leaves the file's own time", async (t) => {
  const directory = await folder(t);
  const file = await put(join(directory, "a.dump"), 1);
  await writeFile(manifestPathOf(file), "{");

  const found = await inspectSet(setOf(directory));

  assert.equal(found.state, "found");
  assert.equal(found.newest.dataAt, new Date(now.getTime() - day).toISOString());
  assert.equal(found.newest.manifestPath, manifestPathOf(file));
});

test("no file, no directory and no right to look are told apart, each with its remedy", async (t) => {
  const directory = await folder(t);
  await writeFile(join(directory, "file"), "");

  const empty = await inspectSet(setOf(directory));
  const gone = await inspectSet(setOf(join(directory, "none")));
  const noDirectory = await inspectSet(setOf(join(directory, "file")));

  assert.deepEqual([empty.state, gone.state, noDirectory.state], ["missing", "missing", "missing"]);
  assert.match(empty.state === "missing" ? empty.why : "", /no file of .* matches \*\.dump/);
  assert.equal(empty.state === "missing" && empty.remedy, "leveredge backups create chronos");
  assert.match(gone.state === "missing" ? gone.remedy : "", /^Mount or make /);
});

test("data are stale when they are older than the set allows", () => {
  const ages: [max: string, hours: number, stale: boolean][] = [
    ["24h", 24, false],
    ["24h", 24.001, true],
    ["7d", 7 * 24 + 1, true],
    ["90m", 1.4, false],
    ["30s", 0.01, true],
    // A clock that was ahead makes nothing old.
    ["30s", -5, false],
  ];
  for (const [max, hours, stale] of ages) {
    const dataAt = new Date(now.getTime() - hours * 3_600_000).toISOString();
    assert.equal(isStale({ max_age: max }, dataAt, now), stale, `${max} ${hours}`);
  }
});

test("a set that is not configured is refused with those that are", () => {
  const set = setOf("/backups");

  assert.equal(findSet({ backups: [set] }, "chronos"), set);
  assert.throws(() => findSet({ backups: [set] }, "other"), { code: "not_found", hint: "Choose one of chronos." });
});
