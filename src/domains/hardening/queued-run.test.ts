import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { type TestContext, test } from "node:test";

import type { Domain, ServerApp } from "#domain.ts";
import { findJob } from "#jobs/queries.ts";
import type { JobRecord } from "#jobs/schema.ts";
import { startWorker, type Worker } from "#jobs/worker.ts";
import { testOwnedApp } from "#test/app.ts";
import { singleStepDomain } from "#test/small-section.ts";

import { abandonRun } from "./abandon.ts";
import { hardeningDomain } from "./domain.ts";
import { beginRun, resumeRun } from "./hardening.ts";
import { findRun, releaseLease } from "./queries.ts";
import { requestResume, requestRun } from "./queued-run.ts";
import { readRunView } from "./run-view.ts";

async function open(t: TestContext, domain: Domain): Promise<ServerApp> {
  const workers: Worker[] = [];
  t.after(() => Promise.all(workers.map((worker) => worker.stop())));
  const { app, ownerUrl } = await testOwnedApp(t);
  const worker = await startWorker(app, [hardeningDomain([domain])], { ownerUrl, onError: assert.ifError });
  workers.push(worker);
  return { ...app, jobs: worker.jobs };
}

async function ended({ db }: ServerApp, jobId: string): Promise<JobRecord> {
  for (;;) {
    const job = await findJob(db, jobId);
    if (job?.state === "done" || job?.state === "failed") return job;
    await delay(50);
  }
}

test("a run that is asked of the server is carried out by its job, under the name of who asked", async (t) => {
  const domain = singleStepDomain();
  const app = await open(t, domain);

  const { jobId, runId } = await requestRun(app, [domain], { onlySection: 1, actor: "user:damon" });
  const job = await ended(app, jobId);
  const run = await findRun(app.db, runId);

  assert.equal(job.state, "done", job.error?.message);
  assert.equal(job.output?.["runId"], runId);
  assert.equal(job.output["state"], "verified");
  assert.deepEqual([run?.state, run?.requestedBy, run?.onlySection], ["verified", "user:damon", 1]);
});

test("while a run is unfinished a second one is refused, its resume is the job that works on it, and it begins once", async (t) => {
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  let applied = 0;
  const domain = singleStepDomain({
    apply: async () => {
      applied += 1;
      reached.resolve();
      await gate.promise;
      return { state: "applied", notes: [] };
    },
  });
  const app = await open(t, domain);
  const ask = (): ReturnType<typeof requestRun> => requestRun(app, [domain], { onlySection: undefined, actor: "cli" });

  const first = await ask();
  await reached.promise;
  const second = await ask().catch((error: unknown) => error);
  const resumed = await requestResume(app, first.runId, "cli");
  gate.resolve();
  const job = await ended(app, first.jobId);

  assert.match(String(second), new RegExp(`run ${first.runId} .* is unfinished at section 1 dev act`));
  assert.deepEqual(resumed, first);
  assert.deepEqual([job.output?.["state"], applied], ["verified", 1]);
  await assert.rejects(requestResume(app, first.runId, "cli"), { code: "conflict", message: /has ended verified/ });
});

test("a run that somebody carried to its end meanwhile is answered by its job as it ended", async (t) => {
  const { app } = await testOwnedApp(t);
  const domain = singleStepDomain();
  const queued: ServerApp = {
    ...app,
    jobs: { enqueue: () => Promise.resolve({ jobId: "00000000-0000-4000-8000-000000000000" }) },
  };
  const { runId } = await requestRun(queued, [domain], { onlySection: undefined, actor: "cli" });
  const second = await requestRun(queued, [domain], { onlySection: undefined, actor: "cli" }).then(
    () => "begun",
    (error: unknown) => String(error),
  );
  const waiting = await readRunView(app.db, "Test", runId);
  await resumeRun(app, [domain], () => undefined);
  const [job] = await (async () => {
    const { hardeningJobs } = await import("./jobs.ts");
    return hardeningJobs([domain]);
  })();
  assert.ok(job);

  const answer = await job.run(
    app,
    { runId },
    { jobId: "1", actor: "cli", signal: app.signal, progress: () => undefined },
  );

  assert.deepEqual(answer, { runId, state: "verified", looseEnds: 1 });
  assert.equal(waiting?.state, "running", "nobody was interrupted: it waits to be taken");
  assert.match(second, /it waits for the worker of leveredge serve/);
});

test("a run that was interrupted is not, once it is handed to the worker again", async (t) => {
  const { app } = await testOwnedApp(t);
  const jobs = { enqueue: () => Promise.resolve({ jobId: "00000000-0000-4000-8000-000000000000" }) };
  const { id, attempt } = await beginRun(app, [singleStepDomain()], { onlySection: undefined, requestedBy: "cli" });
  await releaseLease(app.db, { runId: id, attempt });
  const before = await readRunView(app.db, "Test", id);

  await requestResume({ ...app, jobs }, id, "cli");

  assert.deepEqual([before?.state, (await readRunView(app.db, "Test", id))?.state], ["interrupted", "running"]);
  await abandonRun(app);
  await assert.rejects(requestResume({ ...app, jobs }, id, "cli"), { message: /has ended abandoned/ });
});
