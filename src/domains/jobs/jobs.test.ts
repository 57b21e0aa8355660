import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { type TestContext, test } from "node:test";

import { z } from "zod";

import type { App } from "#app.ts";
import type { Command, CommandContext } from "#cli/command.ts";
import type { Domain } from "#domain.ts";
import { job } from "#jobs/job.ts";
import { findJob } from "#jobs/queries.ts";
import { updateSchedule } from "#jobs/tick-queries.ts";
import { claimTick } from "#jobs/ticks.ts";
import { startWorker, type Worker } from "#jobs/worker.ts";
import { testApp, testOwnedApp } from "#test/app.ts";
import { callRoute } from "#test/call-route.ts";

import { jobsDomain } from "./domain.ts";

const schedule = { name: "nightly", cron: "0 3 * * *", job: "test.work", data: {} };

/** Its job fails at the first try and is done at the second. */
function failingOnce(): Domain {
  let calls = 0;
  const work = job({
    name: "test.work",
    data: z.strictObject({}),
    timeoutMs: 60_000,
    retryLimit: 0,
    run: () => (++calls === 1 ? Promise.reject(new Error("the disk is full")) : Promise.resolve({ calls })),
  });
  return { name: "test", jobs: [work], schedules: () => [schedule] };
}

async function run(
  app: App,
  commands: readonly Command[] | undefined,
  words: string,
  options: CommandContext["options"] = {},
): Promise<{ data: unknown; text: string }> {
  const command = commands?.find(({ name }) => words.startsWith(name));
  assert.ok(command);
  const shown: { data: unknown; text: string }[] = [];
  const exitCode = await command.run({
    arguments: words.slice(command.name.length).split(" ").filter(Boolean),
    options,
    global: { config: undefined, state: undefined, json: false, color: false, quiet: false },
    output: { data: (data, text) => shown.push({ data, text }), say: () => undefined, live: false },
    signal: app.signal,
    openApp: () => Promise.resolve(app),
  });
  assert.equal(exitCode, 0);
  const [first] = shown;
  assert.ok(first);
  return first;
}

async function open(t: TestContext, domain: Domain): Promise<{ app: App; worker: Worker }> {
  const workers: Worker[] = [];
  t.after(() => Promise.all(workers.map((worker) => worker.stop())));
  const { app, ownerUrl } = await testOwnedApp(t);
  const worker = await startWorker(app, [domain], { ownerUrl, onError: assert.ifError });
  workers.push(worker);
  return { app, worker };
}

async function waitFor(app: App, jobId: string, state: string): Promise<void> {
  while ((await findJob(app.db, jobId))?.state !== state) await delay(50);
}

test("a failed job is listed, loosens the health check, is tried again and is answered with its result", async (t) => {
  const domain = failingOnce();
  const { app, worker } = await open(t, domain);
  const { checks, commands, routes } = jobsDomain([domain]);
  const served = (await routes?.({ ...app, jobs: worker.jobs })) ?? [];

  const { jobId } = await worker.jobs.enqueue("test.work", {}, { actor: "cli" });
  await waitFor(app, jobId, "failed");
  const failed = await callRoute(served, "GET /jobs", { query: { state: "failed" } });
  const [check] = (await checks?.(app)) ?? [];
  const listed = await run(app, commands, "jobs list", { state: "failed" });
  const retried = await callRoute(served, "POST /jobs/:id/retry", { params: { id: jobId } });
  await waitFor(app, jobId, "done");
  const done = await callRoute(served, "GET /jobs/:id", { params: { id: jobId } });

  assert.match(JSON.stringify(failed.body), /"state":"failed".*"message":"the disk is full"/);
  assert.deepEqual(check, {
    subject: "jobs",
    state: "loose",
    detail: "1 failed: test.work",
    remedy: "leveredge jobs list --only failed",
  });
  assert.match(listed.text, new RegExp(`${jobId} +test\\.work +failed .* cli +the disk is full`));
  assert.equal(retried.body["state"], "waiting");
  assert.deepEqual(done.body["output"], { calls: 2 });
  await assert.rejects(callRoute(served, "GET /jobs/:id", { params: { id: "00000000-0000-4000-8000-000000000000" } }), {
    code: "not_found",
  });
});

test("a store that no server has served yet has no jobs and nothing to retry", async (t) => {
  const app = await testApp(t);
  const { checks, commands } = jobsDomain([failingOnce()]);

  const listed = await run(app, commands, "jobs list");
  const retry = run(app, commands, "jobs retry 00000000-0000-4000-8000-000000000000");
  await assert.rejects(retry, { code: "not_found", message: /no server has run yet/ });
  const answers = (await checks?.(app)) ?? [];

  assert.equal(listed.text, "no jobs");
  assert.deepEqual(
    answers.map(({ subject, state }) => [subject, state]),
    [["schedule nightly", "ok"]],
  );
});

test("schedules show their next due time, their last tick, and a tick that nobody begins", async (t) => {
  const base = await testApp(t, { platform: { name: "Test", root: "/nowhere", timezone: "America/Los_Angeles" } });
  const { timezone } = base.config.platform;
  const at = (text: string): App => ({ ...base, now: () => new Date(text) });
  const { checks, commands } = jobsDomain([failingOnce()]);
  await updateSchedule(base.db, { ...schedule, timezone, now: new Date("2026-11-21T00:00:00Z") });
  await claimTick(base.db, schedule, { timezone, now: new Date("2026-11-21T11:00:02Z"), claimedBy: "serve on atlas" });

  const kept = await run(at("2026-11-21T12:00:00Z"), commands, "schedules list");
  const missed = await run(at("2026-11-22T12:00:00Z"), commands, "schedules list");
  const check = ((await checks?.(at("2026-11-22T12:00:00Z"))) ?? []).find(
    ({ subject }) => subject === "schedule nightly",
  );

  assert.match(
    kept.text,
    /nightly +0 3 \* \* \* +America\/Los_Angeles +2026-11-22 03:00 +taken by serve on atlas, no outcome yet \(due 2026-11-21T11:00Z\)/,
  );
  const lost = (await checks?.(at("2026-11-21T18:00:00Z"))) ?? [];

  assert.match(
    lost[0]?.detail ?? "",
    /begun 2026-11-21T11:00:02.000Z by serve on atlas, who was stopped before its end/,
  );
  assert.match(missed.text, /2026-11-23 03:00 +overdue since 2026-11-22 03:00/);
  assert.deepEqual([check?.state, check?.remedy], ["loose", "leveredge serve"]);
});
