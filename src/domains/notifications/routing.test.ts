import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { Config } from "#config/schema.ts";
import { AppError } from "#errors.ts";

import { chooseAddressed, chooseChannels, chooseInstant, listAwake } from "./routing.ts";

const channels = { file: { path: "/var/log/leveredge.jsonl" }, slack: { webhook_url: "env:SLACK" } };

function configure(notifications: Record<string, unknown>, timezone = "UTC"): Config {
  return Config.parse({ platform: { name: "Test", root: "/srv/test", timezone }, notifications });
}

test("without rules high and normal messages go everywhere and low ones nowhere", () => {
  const config = configure({ channels });

  const chosen = (["high", "normal", "low"] as const).map((severity) =>
    chooseChannels(config, { severity, section: undefined }),
  );

  assert.deepEqual(chosen, [["slack", "file"], ["slack", "file"], []]);
});

test("rules choose by severity and section, each channel once", () => {
  const config = configure({
    channels,
    rules: [
      { severity: ["high"], channels: ["slack"] },
      { severity: ["high", "low"], sections: [1], channels: ["file", "slack"] },
    ],
  });
  const choose = (severity: "high" | "normal" | "low", section?: number) =>
    chooseChannels(config, { severity, section });

  assert.deepEqual(
    [choose("high"), choose("high", 1), choose("low", 1), choose("low", 2), choose("normal", 1)],
    [["slack"], ["slack", "file"], ["slack", "file"], [], []],
  );
});

test("an address that is not configured is refused by name, or falls back when that is said", () => {
  const isRefusal = (error: unknown): boolean =>
    error instanceof AppError &&
    error.code === "not_found" &&
    /"telegram" \(configured: slack, file\)/.test(error.message);

  assert.throws(() => chooseAddressed(configure({ channels }), "telegram"), isRefusal);
  assert.deepEqual(chooseAddressed(configure({ channels, fallback: "file" }), "telegram"), ["file"]);
  assert.deepEqual(chooseAddressed(configure({ channels }), "file"), ["file"]);
  assert.deepEqual(chooseAddressed(configure({ channels }), undefined), ["slack", "file"]);
});

test("in quiet hours a message waits for their end, except those that may not", () => {
  const config = configure({ channels, quiet_hours: { from: "22:00", to: "07:00" } }, "America/Los_Angeles");
  const choose = (severity: "high" | "normal", now: string) =>
    chooseInstant(config, severity, new Date(now)).toISOString();

  // 23:30 and 06:59 there are quiet, 07:00 and 21:59 are not.
  assert.equal(choose("normal", "2026-11-22T07:30:00Z"), "2026-11-22T15:00:00.000Z");
  assert.equal(choose("normal", "2026-11-22T14:59:59Z"), "2026-11-22T15:00:00.000Z");
  assert.equal(choose("normal", "2026-11-22T15:00:00Z"), "2026-11-22T15:00:00.000Z");
  assert.equal(choose("normal", "2026-11-23T05:59:00Z"), "2026-11-23T05:59:00.000Z");
  assert.equal(choose("high", "2026-11-22T07:30:00Z"), "2026-11-22T07:30:00.000Z");
});

test("the end of the quiet hours moves with the clocks, and what waits is never sent in them", () => {
  const config = configure({ channels, quiet_hours: { from: "22:00", to: "07:00" } }, "Europe/Berlin");
  // The nights of 2026-03-29 (one hour less) and 2026-10-25 (one hour more).
  assert.equal(
    chooseInstant(config, "normal", new Date("2026-03-28T22:00:00Z")).toISOString(),
    "2026-03-29T05:00:00.000Z",
  );
  assert.equal(
    chooseInstant(config, "normal", new Date("2026-10-24T22:00:00Z")).toISOString(),
    "2026-10-25T06:00:00.000Z",
  );

  fc.assert(
    fc.property(fc.date({ min: new Date("2026-01-01"), max: new Date("2027-01-01"), noInvalidDate: true }), (now) => {
      const at = chooseInstant(config, "normal", now);

      assert.ok(at >= now && at.getTime() - now.getTime() <= 10 * 60 * 60 * 1000);
      assert.equal(chooseInstant(config, "normal", at).getTime(), at.getTime());
    }),
    { numRuns: 200 },
  );
});

test("quiet hours that begin or end while clocks are changed hold nothing longer than they last", () => {
  const clock = fc
    .tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom("00", "15", "30", "59"))
    .map(([hour, past]) => `${String(hour).padStart(2, "0")}:${past}`);
  // Around the changes of these zones, among them one of half an hour.
  const changes = [
    "2026-03-08T10:00Z",
    "2026-11-01T09:00Z",
    "2026-03-29T01:00Z",
    "2026-10-25T01:00Z",
    "2026-04-04T15:00Z",
  ];
  const zone = fc.constantFrom("America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe", "UTC");
  const instant = fc
    .tuple(fc.constantFrom(...changes), fc.integer({ min: -1500, max: 1500 }))
    .map(([change, minutes]) => new Date(Date.parse(change) + minutes * 60_000));

  fc.assert(
    fc.property(clock, clock, zone, instant, (from, to, timezone, now) => {
      const [start = 0, end = 0] = [from, to].map((time) => {
        const [hour = 0, past = 0] = time.split(":").map(Number);
        return hour * 60 + past;
      });
      const lastsMinutes = (end - start + 1440) % 1440;
      // A change of the clocks may swallow the one waking hour of a day.
      fc.pre(lastsMinutes < 1380);
      const config = configure({ channels, quiet_hours: { from, to } }, timezone);

      const at = chooseInstant(config, "normal", now);

      assert.ok(at >= now && at.getTime() - now.getTime() <= (lastsMinutes + 60) * 60_000, at.toISOString());
      assert.ok(listAwake(config, at).includes("normal"), at.toISOString());
    }),
    { numRuns: 1_000 },
  );
});
