import assert from "node:assert/strict";
import { test } from "node:test";

import { createPaint } from "#cli/paint.ts";
import { outcomeExit } from "#errors.ts";

import type { SetDrill } from "./schema.ts";
import {
  countDrills,
  describeDrill,
  exitOfDrills,
  formatAge,
  formatBytes,
  formatDrills,
  formatMs,
  remedyOf,
} from "./words.ts";

const good: SetDrill = {
  id: "00000000-0000-0000-0000-000000000000",
  setName: "chronos",
  environment: "prod",
  file: "/backups/chronos.dump",
  verdict: "verified",
  assurance: "content",
  stale: false,
  why: "agrees with its manifest",
  restoreMs: 1234,
  verifyMs: 80,
  dataAt: "2026-11-22T03:00:00.000Z",
  fileSha256: "0".repeat(64),
  requestedBy: "cli:root",
  startedAt: "2026-11-22T04:00:00.000Z",
  finishedAt: "2026-11-22T04:00:10.000Z",
  evidence: {},
};
const stale: SetDrill = { ...good, setName: "archive", stale: true, why: "it is too old" };
const damaged: SetDrill = { ...good, setName: "offsite", verdict: "damaged", assurance: null, why: "a row differs" };
const unsure: SetDrill = { ...damaged, verdict: "unverifiable", why: "the disk is full" };
const missing: SetDrill = { ...damaged, verdict: "missing", file: null, evidence: { remedy: "Mount /backups." } };

test("the exit code is that of the worst, and only good backups end with 0", () => {
  const cases: [SetDrill[], number][] = [
    [[good], outcomeExit.ok],
    [[good, stale], outcomeExit.drift],
    [[good, stale, unsure], outcomeExit.blocked],
    [[unsure, damaged, good], outcomeExit.failed],
    [[good, missing], outcomeExit.failed],
    [[{ ...unsure, stale: true }], outcomeExit.blocked],
  ];
  for (const [drills, exit] of cases) assert.equal(exitOfDrills(drills), exit);
});

test("what a drill without a superuser cannot restore stands beside the assurance", () => {
  const leftOut = ["publication changes", "event trigger watch", "user mapping a", "user mapping b"];
  const drill = { ...good, evidence: { leftOut } };
  const named = "publication changes, event trigger watch, user mapping a and 1 more";

  assert.equal(describeDrill(drill), `chronos: verified (content, but for ${named}), data of 2026-11-22 03:00 UTC`);
  const [, , below] = formatDrills([drill], createPaint({ color: false })).split("\n");
  assert.equal(below, `  not restored, because a drill has no superuser: ${named}`);
});

test("each drill is one line, with reason and remedy below what is not good", () => {
  const text = formatDrills([good, stale, damaged, missing], createPaint({ color: false }));

  assert.equal(
    text,
    [
      "SET      VERDICT   ASSURANCE  AGE     RESTORE  VERIFY  FILE",
      "chronos  verified  content    60 min  1.2 s    80 ms   chronos.dump",
      "archive  stale     content    60 min  1.2 s    80 ms   chronos.dump",
      "  it is too old",
      "  → leveredge backups create archive",
      "offsite  damaged   -          60 min  1.2 s    80 ms   chronos.dump",
      "  a row differs",
      "  → leveredge backups create offsite",
      "offsite  missing   -          60 min  1.2 s    80 ms   -",
      "  a row differs",
      "  → Mount /backups.",
    ].join("\n"),
  );
});

test("drills are counted by verdict, and what is told of one holds no age", () => {
  assert.equal(countDrills([damaged, good, stale]), "3 sets drilled: 1 verified, 1 stale, 1 damaged");
  assert.equal(countDrills([good]), "1 set drilled: 1 verified");
  assert.equal(describeDrill(good), "chronos: verified (content), data of 2026-11-22 03:00 UTC");
  assert.equal(describeDrill(damaged), "offsite: damaged, a row differs");
  assert.deepEqual(remedyOf(unsure), ["leveredge backups verify offsite"]);
});

test("ages, durations and sizes are said in one unit", () => {
  const from = "2026-11-22T00:00:00.000Z";
  const after = (seconds: number) => formatAge(from, new Date(Date.parse(from) + seconds * 1000).toISOString());

  assert.deepEqual(
    [after(-5), after(60), after(300), after(7200), after(5 * 86_400)],
    ["0 s", "60 s", "5 min", "2 h", "5 d"],
  );
  assert.deepEqual([formatMs(840), formatMs(12_400), formatMs(600_000)], ["840 ms", "12.4 s", "10 min"]);
  assert.deepEqual(
    [formatBytes(0), formatBytes(999), formatBytes(21_700_000), formatBytes(5e12)],
    ["0 B", "999 B", "21.7 MB", "5.0 TB"],
  );
});
