import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { test } from "node:test";

import { sql } from "kysely";
import { z } from "zod";

import { hardeningDomain } from "#domains/hardening/domain.ts";
import { listRuns } from "#domains/hardening/list-queries.ts";
import { findJob } from "#jobs/queries.ts";
import { startWorker } from "#jobs/worker.ts";
import { many } from "#store/database.ts";
import { testOwnedApp } from "#test/app.ts";
import { singleStepDomain } from "#test/small-section.ts";

const killedWorker = join(import.meta.dirname, "../../test/killed-worker.ts");

test("a worker is killed in the middle of a run: another takes the job after the heartbeat and resumes that run", async (t) => {
  const { app, ownerUrl } = await testOwnedApp(t);
  const child = spawn(process.execPath, [killedWorker, app.stateDir, app.config.platform.root], {
    env: { PATH: process.env["PATH"] ?? "", STORE_URL: ownerUrl.reveal() },
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  const { jobId, runId } = z.object({ jobId: z.uuid(), runId: z.uuid() }).parse(JSON.parse(said.toString()));
  child.kill("SIGKILL");
  await once(child, "exit");

  const domain = hardeningDomain([singleStepDomain()]);
  const worker = await startWorker(app, [domain], { ownerUrl, onError: assert.ifError });
  let job = await findJob(app.db, jobId);
  while (job?.state === "running" || job?.state === "waiting") {
    await delay(200);
    job = await findJob(app.db, jobId);
  }
  const runs = await listRuns(app.db, "Test", { before: undefined, limit: 10 });
  await worker.stop();

  assert.deepEqual([job?.state, job?.attempts, job?.output], ["done", 2, { runId, state: "verified", looseEnds: 1 }]);
  assert.deepEqual(
    runs.map(({ id, state, attempt }) => [id, state, attempt]),
    [[runId, "verified", 3]],
  );
  const steps = await many(app.db, z.object({ attempt: z.int() }), sql`select attempt from hardening_step`);
  assert.deepEqual(steps, [{ attempt: 2 }]);
});
