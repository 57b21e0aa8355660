import assert from "node:assert/strict";
import { test } from "node:test";

import { callRoute } from "#test/call-route.ts";
import { advance, deliver, minute, openOutbox } from "#test/outbox.ts";

import { notificationRoutes } from "./routes.ts";

const jobs = { enqueue: () => Promise.reject(new Error("messages need no job")) };

test("a message is posted, shown, listed by its state, and sent again when it is dead", async (t) => {
  const outbox = await openOutbox(t, (index) => ({ status: index === 0 ? 400 : 200 }));
  const routes = notificationRoutes({ ...outbox.app, jobs });
  const list = async (state?: string): Promise<unknown[]> => {
    const { body } = await callRoute(routes, "GET /notifications", { query: { state } });
    assert.ok(Array.isArray(body["notifications"]));
    return body["notifications"];
  };

  const { body: posted } = await callRoute(routes, "POST /notify", { body: { channel: "webhook", message: "hello" } });
  await deliver(outbox);

  const params = { id: posted["id"] };
  assert.deepEqual(posted["channels"], ["webhook"]);
  const { body: shown } = await callRoute(routes, "GET /notifications/:id", { params });
  assert.deepEqual([shown["text"], shown["severity"], shown["actor"]], ["hello", "normal", "user:damon"]);
  assert.match(JSON.stringify(shown["deliveries"]), /"channel":"webhook","state":"dead","tries":1/);
  assert.deepEqual([(await list()).length, (await list("dead")).length, (await list("sent")).length], [1, 1, 0]);

  advance(outbox, minute);
  const { body: resent } = await callRoute(routes, "POST /notifications/:id/resend", { params });
  await deliver(outbox);

  assert.match(JSON.stringify(resent["deliveries"]), /"state":"waiting"/);
  assert.equal((await list("sent")).length, 1);
  const { body: stands } = await callRoute(routes, "GET /channels");
  assert.deepEqual(stands["channels"], [
    { channel: "webhook", configured: true, waiting: 0, dead: 0, oldestWaitingAt: null, hold: null },
  ]);
});

test("a message that is not there, or for nobody, is not found by name", async (t) => {
  const outbox = await openOutbox(t, () => ({ status: 200 }));
  const routes = notificationRoutes({ ...outbox.app, jobs });
  const params = { id: "6f9619ff-8b86-4d01-b42d-00cf4fc964ff" };

  for (const call of ["GET /notifications/:id", "POST /notifications/:id/resend"]) {
    await assert.rejects(callRoute(routes, call, { params }), { code: "not_found", message: /6f9619ff/ });
  }
  const post = (body: unknown): Promise<unknown> => callRoute(routes, "POST /notify", { body });
  await assert.rejects(post({ channel: "pager", message: "x" }), {
    code: "not_found",
    message: 'there is no channel "pager" (configured: webhook)',
  });
  await assert.rejects(post({ channel: "webhook", message: " \n" }), { name: "ZodError" });
});
