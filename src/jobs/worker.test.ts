import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { type TestContext, test } from "node:test";

import { sql } from "kysely";
import { z } from "zod";

import type { App } from "#app.ts";
import type { Domain } from "#domain.ts";
import { AppError } from "#errors.ts";
import { listEvents, sealEvents } from "#events/events.ts";
import { many, one, transaction } from "#store/database.ts";
import { openOwnerSession } from "#store/session.ts";
import { testOwnedApp } from "#test/app.ts";

import { type Job, job } from "./job.ts";
import { prepareQueue } from "./prepare-queue.ts";
import { findJob, listJobs } from "./queries.ts";
import { retryJob } from "./retry.ts";
import { beginDue } from "./scheduler.ts";
import type { JobRecord, JobState } from "./schema.ts";
import { listLatestTicks, updateSchedule } from "./tick-queries.ts";
import { startWorker, type Worker } from "./worker.ts";

const Data = z.object({ set: z.string() });

function testJob(run: Job<typeof Data>["run"], more: Partial<Job<typeof Data>> = {}): Job {
  return job({ name: "test.work", data: Data, timeoutMs: 60_000, retryLimit: 0, run, ...more });
}

async function open(t: TestContext, jobs: Job[], more: Partial<Domain> = {}): Promise<{ app: App; worker: Worker }> {
  const workers: Worker[] = [];
  // Before the store's own end, which comes next.
  t.after(() => Promise.all(workers.map((worker) => worker.stop())));
  const { app, ownerUrl } = await testOwnedApp(t);
  const worker = await startWorker(app, [{ name: "test", jobs, ...more }], { ownerUrl, onError: assert.ifError });
  workers.push(worker);
  return { app, worker };
}

/** Ends when the job has this state; the test's own time limit ends what never comes. */
async function waitFor(app: App, jobId: string, state: JobState): Promise<JobRecord> {
  for (;;) {
    const found = await findJob(app.db, jobId);
    if (found?.state === state) return found;
    assert.notEqual(found?.state, "failed", found?.error?.message);
    await delay(50);
  }
}

test("a job is carried out with its actor and data, and its answer can be read", async (t) => {
  const done = testJob((_app, { set }, { actor, jobId }) => Promise.resolve({ state: "verified", set, actor, jobId }));
  const { app, worker } = await open(t, [done]);

  const { jobId } = await worker.jobs.enqueue("test.work", { set: "chronos" }, { actor: "token:8Fq2" });
  const record = await waitFor(app, jobId, "done");

  assert.deepEqual(record.output, { state: "verified", set: "chronos", actor: "token:8Fq2", jobId });
  assert.deepEqual([record.requestedBy, record.attempts, record.error], ["token:8Fq2", 1, null]);
  assert.ok(record.startedAt !== null && record.finishedAt !== null);
  assert.equal(worker.isWorking(), true);
});

test("of one key one job waits or runs; the next is made when it has ended", async (t) => {
  const gate = Promise.withResolvers<void>();
  const { app, worker } = await open(t, [testJob(() => gate.promise.then(() => ({})))]);
  const ask = (): Promise<{ jobId: string }> =>
    worker.jobs.enqueue("test.work", { set: "a" }, { actor: "cli", key: "a" });

  const [first, second] = [await ask(), await ask()];
  await waitFor(app, first.jobId, "running");
  const third = await ask();
  gate.resolve();
  await waitFor(app, first.jobId, "done");
  const fourth = await ask();

  assert.equal(second.jobId, first.jobId);
  assert.equal(third.jobId, first.jobId);
  assert.notEqual(fourth.jobId, first.jobId);
});

test("a job that is enqueued in a transaction that rolls back never was", async (t) => {
  const { app, worker } = await open(t, [testJob(() => assert.fail("ran"))]);

  const rolledBack = transaction(app.db, async (tx) => {
    await worker.jobs.enqueue("test.work", { set: "a" }, { actor: "cli", tx });
    throw new Error("changed my mind");
  });

  await assert.rejects(rolledBack, /changed my mind/);
  assert.deepEqual(await listJobs(app.db, { state: undefined, before: undefined, limit: 10 }), []);
});

test("a fault is tried again, what cannot be mended is not, and no secret stays in the row", async (t) => {
  let calls = 0;
  const faulty = testJob(
    () => {
      calls += 1;
      return calls === 1
        ? Promise.reject(new Error("cannot reach postgres://me:hunter2@host/db"))
        : Promise.resolve({});
    },
    { retryLimit: 1 },
  );
  const refused = testJob(
    () => Promise.reject(new AppError("precondition_failed", "dev is not marked", { hint: "Mark it." })),
    { name: "test.refused", retryLimit: 5 },
  );
  const { app, worker } = await open(t, [faulty, refused]);

  const retried = await worker.jobs.enqueue("test.work", { set: "a" }, { actor: "cli" });
  const given = await worker.jobs.enqueue("test.refused", { set: "a" }, { actor: "cli" });
  const record = await waitFor(app, given.jobId, "failed");
  const mended = await waitFor(app, retried.jobId, "done");

  assert.deepEqual(record.error, { code: "precondition_failed", message: "dev is not marked", hint: "Mark it." });
  assert.equal(record.attempts, 1);
  assert.equal(mended.attempts, 2);
  const rows = await many(app.db, z.object({ row: z.string() }), sql`select job::text as row from leveredge_jobs.job`);
  assert.ok(rows.length > 0 && rows.every(({ row }) => !row.includes("hunter2")));
});

test("a job that is given up is told to people once, and can be tried again under its own id", async (t) => {
  let calls = 0;
  const { app, worker } = await open(t, [
    testJob(() => (++calls === 1 ? Promise.reject(new Error("the disk is full")) : Promise.resolve({ calls }))),
  ]);

  const { jobId } = await worker.jobs.enqueue("test.work", { set: "a" }, { actor: "cli" });
  await waitFor(app, jobId, "failed");
  const failed = await listJobs(app.db, { state: "failed", before: undefined, limit: 10 });
  const told = await waitForEvents(app);
  await retryJob(app.db, jobId);
  const record = await waitFor(app, jobId, "done");

  assert.deepEqual(
    failed.map(({ id }) => id),
    [jobId],
  );
  assert.deepEqual(told, [["test.work", "failed", "the disk is full"]]);
  assert.deepEqual(record.output, { calls: 2 });
  await assert.rejects(retryJob(app.db, jobId), { code: "conflict", message: /it is done/ });
});

async function waitForEvents(app: App): Promise<unknown[]> {
  for (;;) {
    await sealEvents(app);
    const told = (await listEvents(app, { after: 0, limit: 10 })).filter(({ action }) => action === "jobs.job");
    if (told.length > 0) return told.map(({ target, outcome, details }) => [target, outcome, details["error"]]);
    await delay(50);
  }
}

test("a stop ends a job at its signal and costs it no try; the next worker carries it out", async (t) => {
  const started = Promise.withResolvers<void>();
  const waits: Job<typeof Data>["run"] = (_app, _data, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("stopped")));
      started.resolve();
    });
  const workers: Worker[] = [];
  t.after(() => Promise.all(workers.map((worker) => worker.stop())));
  const { app, ownerUrl } = await testOwnedApp(t);
  const onError = assert.ifError;
  const first = await startWorker(app, [{ name: "test", jobs: [testJob(waits)] }], { ownerUrl, onError });

  const { jobId } = await first.jobs.enqueue("test.work", { set: "a" }, { actor: "cli" });
  await started.promise;
  await first.stop();
  const given = await findJob(app.db, jobId);
  const answers = testJob(() => Promise.resolve({ state: "verified" }));
  const second = await startWorker(app, [{ name: "test", jobs: [answers] }], { ownerUrl, onError });
  workers.push(second);
  const record = await waitFor(app, jobId, "done");

  assert.equal(given?.state, "waiting");
  assert.deepEqual(record.output, { state: "verified" });
});

test("a running job shows its progress", async (t) => {
  const gate = Promise.withResolvers<void>();
  const { app, worker } = await open(t, [
    testJob(async (_app, _data, { progress }) => {
      progress("restoring", 1, 3);
      await gate.promise;
      return {};
    }),
  ]);

  const { jobId } = await worker.jobs.enqueue("test.work", { set: "a" }, { actor: "cli" });
  let record = await waitFor(app, jobId, "running");
  while (record.progress === null) {
    await delay(20);
    record = await waitFor(app, jobId, "running");
  }
  gate.resolve();
  const done = await waitFor(app, jobId, "done");

  assert.deepEqual(record.progress, { text: "restoring", done: 1, total: 3 });
  assert.deepEqual([done.progress, done.output], [null, {}]);
});

test("a schedule's due job is begun once and its tick gets the outcome", async (t) => {
  const nightly = { name: "nightly", cron: "0 3 * * *", job: "test.work", data: { set: "a" } };
  const { app, worker } = await open(t, [testJob(() => Promise.resolve({ state: "refused" }))]);
  const since = new Date("2026-11-22T12:00:00Z");
  await updateSchedule(app.db, { ...nightly, timezone: "UTC", now: since });
  const morning = { ...app, now: () => new Date("2026-11-23T03:00:02Z") };

  const begun = [await beginDue(morning, nightly, worker.jobs), await beginDue(morning, nightly, worker.jobs)];
  const [tick] = await listLatestTicks(app.db);
  const record = await waitFor(app, tick?.jobId ?? "", "done");
  const [finished] = await listLatestTicks(app.db);

  assert.deepEqual(begun, [true, false]);
  assert.equal(record.requestedBy, "schedule:nightly");
  assert.deepEqual([finished?.dueAt, finished?.outcome], ["2026-11-23T03:00:00.000Z", "refused"]);
});

test("the queue's schema is the owner's, made once by several at once, and closed to everybody else", async (t) => {
  const { app, ownerUrl } = await testOwnedApp(t);
  await Promise.all([prepareQueue(ownerUrl), prepareQueue(ownerUrl), prepareQueue(ownerUrl)]);

  const client = await openOwnerSession(ownerUrl);
  t.after(() => client.end());
  await client.query("create role outsider_of_jobs nologin").catch(() => undefined);
  await client.query("set role outsider_of_jobs");
  const refused = client.query("select * from leveredge_jobs.job");

  await assert.rejects(refused, { code: "42501" });
  const { owned } = await one(
    app.db,
    z.object({ owned: z.boolean() }),
    sql`
      select bool_or(relowner = 'leveredge_app'::regrole) as owned
      from pg_class where relnamespace = 'leveredge_jobs'::regnamespace`,
  );
  assert.equal(owned, false);
});

test("a queue of an older library is brought up to date, and one of a newer library is refused", async (t) => {
  const { getRollbackPlans } = await import("pg-boss");
  const { default: library } = await import("pg-boss/package.json", { with: { type: "json" } });
  const { ownerUrl } = await testOwnedApp(t);
  await prepareQueue(ownerUrl);
  const client = await openOwnerSession(ownerUrl);
  t.after(() => client.end());
  const readVersion = async (): Promise<unknown> =>
    (await client.query("select version from leveredge_jobs.version")).rows[0]?.version;

  await client.query(getRollbackPlans("leveredge_jobs", library.pgboss.schema));
  const older = await readVersion();
  await prepareQueue(ownerUrl);
  const current = await readVersion();
  await client.query("update leveredge_jobs.version set version = version + 1");

  assert.deepEqual([older, current], [library.pgboss.schema - 1, library.pgboss.schema]);
  await assert.rejects(prepareQueue(ownerUrl), { code: "precondition_failed" });
});
