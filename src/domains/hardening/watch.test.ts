import assert from "node:assert/strict";
import { test } from "node:test";

import type { App } from "#app.ts";
import type { Domain } from "#domain.ts";
import { listEvents, sealEvents } from "#events/events.ts";
import { testApp } from "#test/app.ts";
import { singleStepDomain } from "#test/small-section.ts";

import { startRun } from "./hardening.ts";
import { watchPlatform } from "./watch.ts";

/** Changes are what the world says now. */
function changingDomain(world: { changes: string[]; archive: "ok" | "failed" }): Domain {
  const domain = singleStepDomain({
    plan: () =>
      Promise.resolve({
        state: "ready",
        summary: `${world.changes.length} changes`,
        changes: world.changes,
        fingerprint: world.changes.join(),
        looseEnds: [],
      }),
  });
  return {
    ...domain,
    checks: () => Promise.resolve([{ subject: "archive", state: world.archive, detail: "disk", remedy: "make room" }]),
  };
}

async function told(app: App): Promise<(string | undefined)[]> {
  await sealEvents(app);
  const events = await listEvents(app, { after: 0, limit: 50 });
  return events.filter(({ action }) => action === "hardening.plan").map(({ notice }) => notice?.title);
}

test("what came loose is told once, what is closed is told, and what stays is not told again", async (t) => {
  const app = await testApp(t);
  const world: Parameters<typeof changingDomain>[0] = { changes: [], archive: "ok" };
  const domains = [changingDomain(world)];
  const watch = (): ReturnType<typeof watchPlatform> =>
    watchPlatform(app, domains, { actor: "schedule:harden", progress: () => undefined });

  const calm = await watch();
  world.changes = ["column missing"];
  world.archive = "failed";
  const loose = await watch();
  const still = await watch();
  world.changes = [];
  const closed = await watch();

  assert.deepEqual(
    [calm, loose, still, closed].map(({ state, loose: count }) => [state, count]),
    [
      ["unchanged", 0],
      ["changed", 2],
      ["unchanged", 2],
      ["changed", 1],
    ],
  );
  assert.deepEqual(
    loose.opened.map(({ id, severity }) => [id, severity]),
    [
      ["check:archive", "high"],
      ["section-1:dev:act", "medium"],
    ],
  );
  assert.deepEqual(
    closed.closed.map(({ id }) => id),
    ["section-1:dev:act"],
  );
  assert.deepEqual(await told(app), [undefined, "2 came loose on Test", undefined, "1 loose ends of Test are closed"]);
});

test("what the last run left open is known: it is told neither as new nor as closed", async (t) => {
  const app = await testApp(t);
  const world: Parameters<typeof changingDomain>[0] = { changes: [], archive: "failed" };
  const domains = [changingDomain(world)];
  await startRun(app, domains, { onlySection: undefined }, () => undefined);

  const result = await watchPlatform(app, domains, { actor: "schedule:harden", progress: () => undefined });

  assert.deepEqual([result.state, result.loose, result.closed], ["unchanged", 1, []]);
});
