import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { appendFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { listEvents, sealEvents } from "#events/events.ts";
import { type BackupPlatform, backupPlatform, damage } from "#test/backup-set.ts";

import { checkBackups } from "./checks.ts";
import { describeFile } from "./manifest.ts";
import { listDrillsOfSet, listLatestDrills } from "./queries.ts";
import { drillSet, type DrillWork } from "./set-drill.ts";
import { remedyOf } from "./words.ts";

const work: DrillWork = { requestedBy: "test", signal: new AbortController().signal, progress: () => undefined };
const hour = 3_600_000;

async function drillEvents({ app }: BackupPlatform) {
  await sealEvents(app);
  const events = await listEvents(app, { after: 0, limit: 100 });
  return events.filter(({ action }) => action === "backups.drill");
}

test("a good backup is verified by its content, kept as a row, and told once", async (t) => {
  const platform = await backupPlatform(t);
  const file = await platform.backUp();

  const drill = await drillSet(platform.app, platform.set, work);

  assert.deepEqual(
    [drill.verdict, drill.assurance, drill.stale, drill.file],
    ["verified", "content", false, file],
    drill.why,
  );
  assert.equal(drill.fileSha256, (await describeFile(file, work.signal)).sha256);
  assert.deepEqual(await listDrillsOfSet(platform.app.db, "chronos", 10), [drill]);
  const events = await drillEvents(platform);
  assert.deepEqual(
    events.map(({ outcome, target, environment }) => [outcome, target, environment]),
    [["verified", "backup set chronos", "prod"]],
  );
  const [check] = await checkBackups(platform.app);
  assert.deepEqual([check?.state, check?.subject], ["ok", "backup set chronos"], check?.detail);
});

test("a flipped byte is damage, an old backup is stale, no file is missing: told with high severity, and their end too", async (t) => {
  const platform = await backupPlatform(t);
  const { app, set } = platform;

  const missing = await drillSet(app, set, work);
  const file = await platform.backUp();
  const later = { ...app, now: () => new Date(Date.now() + 30 * hour) };
  const stale = await drillSet(later, set, work);
  await damage(file);
  const damaged = await drillSet(app, set, work);
  await damage(file);
  const mended = await drillSet(app, set, work);

  assert.deepEqual(
    [missing, stale, damaged, mended].map(({ verdict, stale: isOld }) => [verdict, isOld]),
    [
      ["missing", false],
      ["verified", true],
      ["damaged", false],
      ["verified", false],
    ],
  );
  assert.match(stale.why, /max_age is 24h/);
  const told = (await drillEvents(platform)).map(({ outcome, notice }) => [outcome, notice?.severity]);
  assert.deepEqual(told, [
    ["missing", "high"],
    ["stale", "high"],
    ["damaged", "high"],
    ["verified", "normal"],
  ]);
  const [latest] = await listLatestDrills(app.db);
  assert.equal(latest?.id, mended.id);
});

test("a damaged manifest is told with high severity, and a new backup mends it", async (t) => {
  const platform = await backupPlatform(t);
  const { app, set } = platform;
  await writeFile(`${await platform.backUp()}.manifest.json`, "{bad");

  const drill = await drillSet(app, set, work);

  assert.deepEqual([drill.verdict, remedyOf(drill)], ["unverifiable", ["leveredge backups create chronos"]], drill.why);
  const [event] = await drillEvents(platform);
  assert.deepEqual([event?.outcome, event?.notice?.severity], ["unverifiable", "high"]);
  assert.match(event?.notice?.text ?? "", /the manifest \S+\.manifest\.json is damaged/);
});

test("a bad drill of the newest file is a failed check, and a file that came after it is only undrilled", async (t) => {
  const { app, set, backUp, directory } = await backupPlatform(t);
  const file = await backUp();
  await damage(file);
  await drillSet(app, set, work);

  const [bad] = await checkBackups(app);
  await rename(file, join(directory, "another.dump"));
  const [undrilled] = await checkBackups(app);

  assert.deepEqual([bad?.state, bad?.remedy], ["failed", "leveredge backups create chronos"]);
  assert.match(bad?.detail ?? "", /^damaged: /);
  assert.deepEqual([undrilled?.state, undrilled?.remedy], ["loose", "leveredge backups verify chronos"]);
});

test("what one step asked for is drilled and told once, also after a kill in between", async (t) => {
  const platform = await backupPlatform(t);
  await platform.backUp();
  const ofStep = { ...work, workId: randomUUID() };

  const first = await drillSet(platform.app, platform.set, ofStep);
  const second = await drillSet(platform.app, platform.set, ofStep);

  assert.deepEqual(second, first);
  assert.equal((await drillEvents(platform)).length, 1);
});

test("a file that is written to while it is read is no evidence against it", async (t) => {
  const platform = await backupPlatform(t);
  const file = await platform.backUp();
  let isGrown = false;
  const progress = (): void => {
    if (isGrown) return;
    isGrown = true;
    void appendFile(file, "more");
  };

  const drill = await drillSet(platform.app, platform.set, { ...work, progress });

  assert.deepEqual([drill.verdict, drill.stale], ["unverifiable", false], drill.why);
  assert.match(drill.why, /was written to while it was read/);
});

test("a directory that is gone is missing backups, with what mends it", async (t) => {
  const platform = await backupPlatform(t);
  await rm(platform.directory, { recursive: true });

  const drill = await drillSet(platform.app, platform.set, work);

  assert.equal(drill.verdict, "missing");
  assert.match(String(drill.evidence["remedy"]), /^Mount or make /);
});
