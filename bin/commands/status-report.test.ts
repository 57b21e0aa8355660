import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";

import { createPaint } from "#cli/paint.ts";
import type { Check } from "#domain.ts";
import type { RunView } from "#domains/hardening/run-view.ts";

import { formatStatus, type Status } from "./status-report.ts";

const now = new Date("2026-11-23T03:00:00Z");
const plain = createPaint({ color: false });

const run: RunView = {
  id: "075c6b49-b106-4a3c-957d-269008b1f423",
  state: "failed",
  onlySection: null,
  requestedBy: "cli:root",
  startedAt: "2026-11-22T23:00:00.000Z",
  finishedAt: "2026-11-23T00:00:00.000Z",
  configSha256: "",
  programVersion: "1.0.0",
  attempt: 1,
  looseEnds: [],
  sections: [
    { number: 1, title: "Database mirroring", state: "verified", commit: null, steps: [] },
    { number: 2, title: "Cloudflare Access", state: "blocked", commit: null, steps: [] },
  ],
};

const checks: Check[] = [
  { subject: "database prod", state: "ok", detail: "PostgreSQL 15.18 answers" },
  {
    subject: "a subject that is longer than any screen has room for, by far",
    state: "failed",
    detail: "and a detail that is longer than the rest of an ordinary line on an ordinary screen",
    remedy: "leveredge doctor",
  },
];

function status(more: Partial<Status> = {}): Status {
  const looseEnds = [1, 2, 3, 4, 5, 6, 7].map((number) => ({
    id: String(number),
    severity: number === 1 ? ("high" as const) : ("low" as const),
    text: `loose end ${number} whose description is so long that it cannot stand on one line of a small terminal`,
    remedy: `leveredge mirror apply --dev-only drop --allow data-loss --and ${number}`,
  }));
  const base = { platform: "LeverEdge", configPath: "/etc/leveredge/leveredge.yaml", programVersion: "1.0.0" };
  return { ...base, state: "failed", run, looseEnds, checks, ...more };
}

test("no line is wider than the screen, and what is failed stands first", () => {
  for (const width of [80, 120]) {
    const lines = formatStatus(status(), { now, width, paint: plain }).split("\n");

    for (const line of lines) assert.ok(line.length <= width, line);
    const health = lines.findIndex((line) => line.startsWith("Health"));
    assert.match(lines[health] ?? "", /✗ a subject/);
    assert.match(lines[health + 1] ?? "", /✓ database prod/);
  }
});

test("five loose ends are shown with their remedies and the rest is counted", () => {
  const text = formatStatus(status(), { now, width: undefined, paint: plain });

  assert.match(text, /^Loose {5}1 high, 6 low$/m);
  assert.equal(text.match(/→ leveredge mirror apply/g)?.length, 5);
  assert.match(text, /and 2 more/);
});

test("the last run is told with its age and its sections", () => {
  const text = formatStatus(status(), { now, width: 80, paint: plain });

  assert.match(text, /^Run {7}failed, ended 3 h ago, by cli:root$/m);
  assert.match(text, /✓ § 1 {2}Database mirroring\n {10}! § 2 {2}Cloudflare Access/);
});

test("a run that nobody works on any more says how to go on, and no run how to begin", () => {
  const interrupted = status({ run: { ...run, state: "interrupted", finishedAt: null } });

  assert.match(formatStatus(interrupted, { now, width: 80, paint: plain }), /interrupted, begun 4 h ago.*\n.*--resume/);
  assert.match(
    formatStatus(status({ run: undefined }), { now, width: 80, paint: plain }),
    /none yet → leveredge harden/,
  );
});

test("colours change nothing about the text's width", () => {
  const painted = formatStatus(status(), { now, width: 80, paint: createPaint({ color: true }) });

  // oxlint-disable-next-line no-control-regex -- the colours themselves
  assert.equal(stripVTControlCharacters(painted), formatStatus(status(), { now, width: 80, paint: plain }));
});
