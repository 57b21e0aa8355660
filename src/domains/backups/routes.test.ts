import assert from "node:assert/strict";
import { test } from "node:test";

import type { ServerApp } from "#domain.ts";
import type { Route, RouteReply } from "#http/route.ts";
import { backupPlatform } from "#test/backup-set.ts";

import { listBackupRoutes } from "./routes.ts";

type Asked = { name: string; data: Record<string, unknown>; actor: string; key: string | undefined };

async function ask(route: Route | undefined, name: string): Promise<{ status: number; body: unknown }> {
  assert.ok(route);
  const reply: RouteReply = await route.handle({
    params: { name },
    query: { limit: 10 },
    body: undefined,
    actor: { name: "user:damon", role: "admin", scopes: ["*:*:*"], via: "token" },
    requestId: "1",
    address: "127.0.0.1",
    headers: {},
    bytes: Buffer.alloc(0),
    cookies: {},
    signal: new AbortController().signal,
  });
  const [status = "0", schema] = Object.entries(route.response)[0] ?? [];
  return { status: Number(status), body: schema?.parse(reply.body) };
}

test("sets are read at once, drills and backups are work for later, asked for once by key", async (t) => {
  const { app, set, backUp } = await backupPlatform(t);
  await backUp();
  const asked: Asked[] = [];
  const jobs: ServerApp["jobs"] = {
    enqueue: async (name, data, { actor, key }) => {
      asked.push({ name, data, actor, key });
      return { jobId: String(asked.length) };
    },
  };
  const routes = listBackupRoutes({ ...app, jobs });
  const find = (method: string, path: string) => routes.find((route) => route.method === method && route.path === path);

  const sets = await ask(find("GET", "/backups"), "");
  const drills = await ask(find("GET", "/backups/:name/drills"), set.name);
  const drilled = await ask(find("POST", "/backups/:name/drills"), set.name);
  const created = await ask(find("POST", "/backups/:name"), set.name);

  assert.equal(sets.status, 200);
  assert.match(JSON.stringify(sets.body), /"name":"chronos".*"state":"found".*"hasManifest":true/);
  assert.deepEqual(drills, { status: 200, body: { drills: [] } });
  assert.deepEqual([drilled.status, created.status], [202, 202]);
  assert.deepEqual(asked, [
    { name: "backups.drill", data: { set: "chronos" }, actor: "user:damon", key: "drill:chronos" },
    { name: "backups.create", data: { set: "chronos" }, actor: "user:damon", key: "create:chronos" },
  ]);
  await assert.rejects(ask(find("POST", "/backups/:name/drills"), "other"), { code: "not_found" });
});

test("a permission is asked for in the environment of the set", async (t) => {
  const { app } = await backupPlatform(t);
  const jobs = { enqueue: () => Promise.reject(new Error("nothing is asked for")) };
  for (const { path, environment, permission } of listBackupRoutes({ ...app, jobs })) {
    assert.match(permission, /^backups:(read|create|verify)$/);
    if (!path.includes(":name")) continue;
    assert.ok(typeof environment === "function");
    const asked = (name: string) => environment({ params: { name }, body: undefined });
    assert.deepEqual([asked("chronos"), asked("other")], ["prod", "shared"]);
  }
});
