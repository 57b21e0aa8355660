import assert from "node:assert/strict";
import { test } from "node:test";

import { AppError } from "#errors.ts";
import { callRoute } from "#test/call-route.ts";
import { letTimePass, openScene, readValues, rotate } from "#test/rotation-scene.ts";

import { credentialCommands } from "./credential-commands.ts";
import { requireCredential } from "./credentials.ts";
import { listFindings } from "./findings.ts";
import { credentialJobs } from "./jobs.ts";
import { rotationRoutes } from "./rotation-routes.ts";

const work = { signal: new AbortController().signal };

const isError = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof AppError && error.code === code && message.test(error.message);

test("the five-minutely job carries on what is due, and tells once what is stuck", async (t) => {
  const scene = await openScene(t, "cloudflare");
  const { app } = scene;
  await rotate(scene, { graceS: 600 });
  const context = { jobId: "1", actor: "schedule:credentials:confirm", signal: work.signal, progress: () => undefined };
  const runJob = async () => (await credentialJobs[1]?.run(app, {}, context))?.["rotated"];

  assert.deepEqual(await runJob(), {});
  await letTimePass(scene);
  const { service } = scene;
  if (service !== undefined) service.disturb = ({ method }) => (method === "DELETE" ? { status: 500 } : undefined);
  assert.deepEqual(await runJob(), { waiting: 1 });
  // It waits longer and longer between two attempts.
  assert.deepEqual(await runJob(), {});
  const findings = await listFindings(app);
  assert.ok(findings.some(({ subject, text }) => subject === "rotation of the-key" && /revoke: .*500/.test(text)));
  await letTimePass(scene);
  if (service !== undefined) service.disturb = () => undefined;
  assert.deepEqual(await runJob(), { done: 1 });
  assert.ok(!(await listFindings(app)).some(({ subject }) => subject.startsWith("rotation")));
});

test("the command begins, waits for the grace, ends it, and refuses a value by hand beside it", async (t) => {
  const scene = await openScene(t, "cloudflare");
  const rotateCommand = credentialCommands.find(({ name }) => name === "credentials rotate");
  const told: string[] = [];
  const call = (options: Record<string, string | boolean>, lists: Record<string, string[]> = {}) =>
    rotateCommand?.run({
      arguments: [scene.name],
      ...{ options, lists, signal: work.signal },
      global: { config: undefined, state: undefined, json: false, color: false, quiet: false },
      output: { data: (_value, text) => void told.push(text), say: () => undefined, live: false },
      openApp: () => Promise.resolve(scene.app),
    });
  const byProvider = { byProvider: true, with: "the-manager" };

  await assert.rejects(async () => call(byProvider, { field: ["account_id=x"] }), isError("invalid_input", /exclude/));
  await assert.rejects(async () => call({ grace: "soon" }), isError("invalid_input", /--grace is "soon"/));
  assert.equal(await call({ ...byProvider, grace: "7d" }), 0);
  assert.match(told.at(-1) ?? "", /has a new key; the old key lives until .*--old-unused/s);
  await assert.rejects(
    async () => call({}, { field: ["account_id=0123456789abcdef0123456789abcdef"] }),
    isError("conflict", /is being rotated/),
  );
  assert.equal(await call({ oldUnused: true }), 0);
  assert.match(told.at(-1) ?? "", /the old one was seen dead/);
});

test("over HTTP a rotation is begun, carried on by its job, and listed without a value", async (t) => {
  const scene = await openScene(t, "cloudflare");
  const { app, name } = scene;
  const queued: string[] = [];
  const routes = rotationRoutes({
    ...app,
    jobs: {
      enqueue: async (job, data) => {
        queued.push(`${job} ${JSON.stringify(data)}`);
        return { jobId: "1" };
      },
    },
  });
  const params = { id: String((await requireCredential(app, name)).id) };

  const begun = await callRoute(routes, "POST /credentials/:id/rotations", {
    params,
    body: { manager: "the-manager", grace_s: 0 },
  });
  const context = { jobId: "1", actor: "test", signal: work.signal, progress: () => undefined };
  const [end, again] = [
    await credentialJobs[2]?.run(app, { name }, context),
    await credentialJobs[2]?.run(app, { name }, context),
  ];
  const listed = await callRoute(routes, "GET /credentials/:id/rotations", { params });

  assert.deepEqual([begun.status, queued], [202, [`credentials.rotate {"name":"${name}"}`]]);
  assert.deepEqual([end, again], [{ state: "done" }, { state: "elsewhere" }]);
  const text = JSON.stringify(listed.body);
  assert.match(text, /"phase":"done"/);
  for (const value of (await readValues(scene)).all) assert.ok(!text.includes(value));
});
