import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";

import type { FastifyInstance } from "fastify";
import { z } from "zod";

import type { Domain } from "#domain.ts";
import { createHttpServer } from "#http/server.ts";
import { createLog } from "#http/log.ts";
import { startWorker, type Worker } from "#jobs/worker.ts";
import { testOwnedApp } from "#test/app.ts";
import { testActor } from "#test/call-route.ts";
import { singleStepDomain } from "#test/small-section.ts";

import { hardeningDomain } from "./domain.ts";
import { hardeningRoutes } from "./routes.ts";

const Requested = z.object({ runId: z.uuid(), jobId: z.uuid() });

async function open(t: TestContext, domain: Domain): Promise<FastifyInstance> {
  const workers: Worker[] = [];
  const servers: FastifyInstance[] = [];
  t.after(async () => {
    for (const server of servers) await server.close();
    for (const worker of workers) await worker.stop();
  });
  const { app, ownerUrl } = await testOwnedApp(t);
  const worker = await startWorker(app, [hardeningDomain([domain])], { ownerUrl, onError: assert.ifError });
  workers.push(worker);
  const server = await createHttpServer({
    routes: hardeningRoutes({ ...app, jobs: worker.jobs }, [domain]),
    authenticate: () => Promise.resolve({ actor: testActor, csrfProtected: true }),
    sessionCookie: "session",
    version: "1.0.0",
    publicUrl: undefined,
    log: createLog({ write: () => undefined }),
  });
  servers.push(server);
  return server;
}

const headers = { host: "127.0.0.1", authorization: "Bearer x" };

test("a run is begun over the API, watched as server-sent events to its end, and read with its evidence", async (t) => {
  const server = await open(t, singleStepDomain());

  const begun = await server.inject({ method: "POST", url: "/runs", headers, payload: {} });
  const { runId } = Requested.parse(begun.json());
  const stream = await server.inject({ method: "GET", url: `/runs/${runId}/progress`, headers });
  const lastId = /id: (\w+)\n(?!.*id: )/s.exec(stream.body)?.[1] ?? "";
  const resumed = await server.inject({
    method: "GET",
    url: `/runs/${runId}/progress`,
    headers: { ...headers, "last-event-id": lastId },
  });
  const run = await server.inject({ method: "GET", url: `/runs/${runId}`, headers });
  const runs = await server.inject({ method: "GET", url: "/runs?limit=1", headers });

  assert.equal(begun.statusCode, 202);
  assert.match(stream.body, /event: run\ndata: .*"state":"verified","steps":\[.*"summary":"proven".*\]\}\n\n$/);
  assert.equal(resumed.body, "");
  assert.match(run.body, /"requestedBy":"user:damon".*"evidence":\{"count":1,"summary":"proven"\}/);
  assert.match(runs.body, new RegExp(`^\\{"runs":\\[\\{"id":"${runId}","state":"verified"`));
});

test("a second run is refused while one is unfinished, and what is not there is not found", async (t) => {
  const gate = Promise.withResolvers<void>();
  const server = await open(
    t,
    singleStepDomain({ apply: () => gate.promise.then(() => ({ state: "applied", notes: [] })) }),
  );

  const first = await server.inject({ method: "POST", url: "/runs", headers, payload: { section: 1 } });
  const second = await server.inject({ method: "POST", url: "/runs", headers, payload: {} });
  const nowhere = await server.inject({ method: "POST", url: "/runs", headers, payload: { section: 9 } });
  const unknown = "00000000-0000-4000-8000-000000000000";
  const missing = await Promise.all(
    [`/runs/${unknown}`, `/runs/${unknown}/progress`].map((url) => server.inject({ method: "GET", url, headers })),
  );
  gate.resolve();
  const { runId } = Requested.parse(first.json());
  await server.inject({ method: "GET", url: `/runs/${runId}/progress`, headers });
  const resume = await server.inject({ method: "POST", url: `/runs/${runId}/resume`, headers });

  assert.equal(second.statusCode, 409);
  assert.match(second.body, new RegExp(`run ${runId} .* is unfinished`));
  assert.deepEqual([nowhere.statusCode, ...missing.map(({ statusCode }) => statusCode)], [404, 404, 404]);
  assert.equal(resume.statusCode, 409);
});
