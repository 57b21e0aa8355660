import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { testApp } from "#test/app.ts";

import type { Schedule } from "./job.ts";
import { listLatestTicks } from "./tick-queries.ts";
import { claimTick, lastDue, nextDue, withTick } from "./ticks.ts";

const nightly: Schedule = { name: "mirror", cron: "0 3 * * *", job: "databases.mirror", data: {} };

function lastDueIso(cron: string, timezone: string, now: string): string | undefined {
  return lastDue({ cron }, timezone, new Date(now))?.toISOString();
}

test("a schedule is due in the platform's time zone, on the very second and not before it", () => {
  const zone = "America/Los_Angeles";

  assert.equal(lastDueIso("0 3 * * *", zone, "2026-11-22T11:00:00Z"), "2026-11-22T11:00:00.000Z");
  assert.equal(lastDueIso("0 3 * * *", zone, "2026-11-22T10:59:59.999Z"), "2026-11-21T11:00:00.000Z");
  assert.equal(
    nextDue({ cron: "0 3 * * *" }, zone, new Date("2026-11-22T11:00:00Z"))?.toISOString(),
    "2026-11-23T11:00:00.000Z",
  );
});

test("a time that the clock skips in spring is due at the next time that exists", () => {
  // 02:00 becomes 03:00 on 2026-03-08 in Los Angeles: 10:00Z.
  assert.equal(lastDueIso("30 2 * * *", "America/Los_Angeles", "2026-03-08T20:00:00Z"), "2026-03-08T10:00:00.000Z");
  assert.equal(lastDueIso("30 2,14 * * *", "America/Los_Angeles", "2026-03-08T20:00:00Z"), "2026-03-08T10:00:00.000Z");
});

test("a time that comes twice in autumn is due once, the first time; an hourly schedule follows real hours", () => {
  // 02:00 becomes 01:00 on 2026-11-01 in Los Angeles: 09:00Z. 01:30 is 08:30Z and again 09:30Z.
  const zone = "America/Los_Angeles";

  assert.equal(lastDueIso("30 1 * * *", zone, "2026-11-01T08:30:00Z"), "2026-11-01T08:30:00.000Z");
  assert.equal(lastDueIso("30 1 * * *", zone, "2026-11-01T18:00:00Z"), "2026-11-01T08:30:00.000Z");
  assert.equal(lastDueIso("30 * * * *", zone, "2026-11-01T09:45:00Z"), "2026-11-01T09:30:00.000Z");
});

test("the latest due time is never after now, and none lies between it and now", () => {
  const crons = fc.constantFrom("0 3 * * *", "*/5 * * * *", "30 2 * * 0", "15 1,2,3 * * *", "0 0 1 * *");
  const zones = fc.constantFrom("UTC", "America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe");
  const times = fc.date({ min: new Date("2025-01-01"), max: new Date("2028-01-01"), noInvalidDate: true });

  fc.assert(
    fc.property(crons, zones, times, (cron, zone, now) => {
      const due = lastDue({ cron }, zone, now);
      assert.ok(due !== undefined && due <= now);
      const next = nextDue({ cron }, zone, due);
      assert.ok(next !== undefined && next > now, `${due.toISOString()} then ${next?.toISOString()}`);
    }),
    { numRuns: 300 },
  );
});

test("the worker takes a tick once, and none that was due before the schedule was known", async (t) => {
  const { db } = await testApp(t);
  const at = (text: string): Parameters<typeof claimTick>[2] => ({
    timezone: "UTC",
    now: new Date(text),
    claimedBy: "serve on atlas",
  });

  const first = await claimTick(db, nightly, at("2026-11-22T12:00:00Z"));
  const beforeNext = await claimTick(db, nightly, at("2026-11-23T02:59:59Z"));
  const due = await claimTick(db, nightly, at("2026-11-23T03:00:01Z"));
  const again = await claimTick(db, nightly, at("2026-11-23T03:00:09Z"));
  const afterDays = await claimTick(db, nightly, at("2026-11-27T08:00:00Z"));
  const moved = await claimTick(db, { ...nightly, cron: "0 7 * * *" }, at("2026-11-27T08:01:00Z"));

  assert.deepEqual(
    [first, beforeNext, due, again, afterDays, moved].map(({ state }) => state),
    ["not-due", "not-due", "claimed", "taken", "claimed", "not-due"],
  );
  // Of four missed ticks the newest one is made up.
  assert.equal(afterDays.state === "claimed" && afterDays.tick.dueAt, "2026-11-27T03:00:00.000Z");
});

test("of ten that notice a tick at once, one takes it", async (t) => {
  const { db } = await testApp(t);
  const claim = { timezone: "UTC", claimedBy: "serve on atlas" };
  await claimTick(db, nightly, { ...claim, now: new Date("2026-11-22T12:00:00Z") });

  const now = new Date("2026-11-23T03:00:01Z");
  const claims = await Promise.all(Array.from({ length: 10 }, () => claimTick(db, nightly, { ...claim, now })));

  assert.equal(claims.filter(({ state }) => state === "claimed").length, 1);
  assert.equal(claims.filter(({ state }) => state === "taken").length, 9);
});

test("a cron line takes the tick that is due, leaves it to the server that has just taken it, and runs by hand", async (t) => {
  const base = await testApp(t);
  const at = (text: string): typeof base => ({ ...base, now: () => new Date(text) });
  const work = (): Promise<{ outcome: string; result: string }> =>
    Promise.resolve({ outcome: "equal", result: "worked" });

  const first = await withTick(at("2026-11-22T03:00:05Z"), nightly, "cron", work);
  const [tick] = await listLatestTicks(base.db);
  const twice = await withTick(at("2026-11-22T03:00:20Z"), nightly, "timer", work);
  const byHand = await withTick(at("2026-11-22T12:00:00Z"), nightly, "cli", work);

  assert.deepEqual(first, { state: "worked", result: "worked" });
  assert.equal(tick?.outcome, "equal");
  assert.equal(tick?.claimedBy, "cron");
  assert.equal(twice.state, "taken");
  assert.deepEqual(byHand, { state: "worked", result: "worked" });
});

test("work that throws leaves a failed tick", async (t) => {
  const base = await testApp(t);
  const app = { ...base, now: () => new Date("2026-11-22T03:00:05Z") };

  await assert.rejects(
    withTick(app, nightly, "cron", () => Promise.reject(new Error("broken"))),
    /broken/,
  );

  const [tick] = await listLatestTicks(base.db);
  assert.equal(tick?.outcome, "failed");
});

test("a cron line with another configuration does not make the server forget what is due", async (t) => {
  const base = await testApp(t);
  const serve = (text: string): ReturnType<typeof claimTick> =>
    claimTick(base.db, nightly, { timezone: "UTC", now: new Date(text), claimedBy: "serve" });
  await serve("2026-11-21T12:00:00Z");
  const cron = { ...base, now: () => new Date("2026-11-21T23:30:00Z") };

  await withTick(cron, { ...nightly, cron: "0 23 * * *" }, "cron", () =>
    Promise.resolve({ outcome: "equal", result: undefined }),
  );
  const due = await serve("2026-11-22T03:00:01Z");

  assert.equal(due.state, "claimed");
});
