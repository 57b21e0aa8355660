import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import type { App } from "#app.ts";
import type { ServerApp } from "#domain.ts";
import { authenticate, createUser, sessionCookie } from "#domains/identity/identity.ts";
import { AppError } from "#errors.ts";
import { listEvents, sealEvents } from "#events/events.ts";
import { createLog } from "#http/log.ts";
import { createHttpServer } from "#http/server.ts";
import { testActors, testToken } from "#test/actors.ts";
import { testApp } from "#test/app.ts";
import { callRoute, testActor } from "#test/call-route.ts";
import { type Answer, startOutsideServer } from "#test/outside-server.ts";

import { requireCredential } from "./credentials.ts";
import { listCredentialRoutes } from "./routes.ts";

const key = "sk-proj-test-0000000000000000000001";
const queued: unknown[] = [];

function routesOf(app: App): ReturnType<typeof listCredentialRoutes> {
  const jobs: ServerApp["jobs"] = {
    enqueue: async (name, data, options) => {
      queued.push([name, data, options.key]);
      return { jobId: "1" };
    },
  };
  return listCredentialRoutes({ ...app, jobs });
}

/** An app whose OpenAI is a server of this host. */
async function openaiApp(t: TestContext, answer: () => Answer): Promise<App> {
  const server = await startOutsideServer(t, answer);
  return testApp(t, { outside: { openai: { url: server.url, allow_private: true } } });
}

async function serve(
  t: TestContext,
  app: App,
  lines: string[] = [],
): Promise<Awaited<ReturnType<typeof createHttpServer>>> {
  const server = await createHttpServer({
    routes: routesOf(app),
    authenticate: (credentials) => authenticate(app, credentials),
    sessionCookie,
    version: app.programVersion,
    publicUrl: undefined,
    log: createLog({ write: (line) => lines.push(line) }),
  });
  t.after(() => server.close());
  return server;
}

async function add(app: App, more: Record<string, unknown> = {}): Promise<number> {
  const body = { name: "openai-prod", provider: "openai", fields: { api_key: key }, ...more };
  const added = await callRoute(routesOf(app), "POST /credentials", { body });
  assert.deepEqual(added.headers, { etag: '"2"' });
  return (await requireCredential(app, body.name)).id;
}

test("the registry answers the specification's columns, filled when it is first asked for", async (t) => {
  const app = await testApp(t);
  const routes = routesOf(app);

  const all = Object.values((await callRoute(routes, "GET /providers")).body);
  const one = await callRoute(routes, "GET /providers/:provider_name", { params: { provider_name: "github" } });

  assert.ok(all.length >= 70);
  assert.deepEqual(Object.keys(all[0] ?? {}), ["provider_name", "provider_type", "docs_url"]);
  assert.deepEqual(Object.keys(one.body), [
    "id",
    "provider_name",
    "provider_type",
    "base_url",
    "auth_endpoint",
    "token_endpoint",
    "docs_url",
    "required_scopes",
    "credential_fields",
    "validation_endpoint",
    "created_at",
    "updated_at",
  ]);
  await assert.rejects(callRoute(routes, "GET /providers/:provider_name", { params: { provider_name: "nobody" } }), {
    code: "not_found",
  });
});

test("a registry of which a credential has used one provider already is filled all the same", async (t) => {
  const app = await testApp(t);
  const routes = routesOf(app);
  await add(app);

  const one = await callRoute(routes, "GET /providers/:provider_name", { params: { provider_name: "github" } });
  const all = Object.values((await callRoute(routes, "GET /providers")).body);

  assert.equal(one.body["provider_name"], "github");
  assert.ok(all.length >= 70);
});

test("a credential is kept, read, changed under its lock, gone back and removed; no answer has its value", async (t) => {
  const app = await testApp(t);
  const routes = routesOf(app);
  const id = await add(app);
  const params = { id: String(id) };

  const read = await callRoute(routes, "GET /credentials/:id", { params });
  const listed = await callRoute(routes, "GET /credentials", { query: { provider: "openai", limit: "10" } });
  const patched = await callRoute(routes, "PATCH /credentials/:id", {
    params,
    body: { note: "of the team", rotation_reminder_days: 30, expires_at: "2027-01-31T00:00:00Z" },
    headers: { "if-match": '"2"' },
  });
  const put = await callRoute(routes, "PUT /credentials/:id/value", {
    params,
    body: { fields: { api_key: `${key}-2` } },
    headers: { "if-match": '"3"' },
  });
  const versions = await callRoute(routes, "GET /credentials/:id/versions", { params });
  const back = await callRoute(routes, "POST /credentials/:id/rollback", { params, body: {} });
  const rebound = await callRoute(routes, "POST /credentials/:id/rebind", { params });
  const late = { params, headers: { "if-match": '"2"' } };
  await assert.rejects(callRoute(routes, "DELETE /credentials/:id", late), { code: "precondition_failed" });
  await assert.rejects(callRoute(routes, "PUT /credentials/:id/value", { ...late, body: { fields: {} } }), {
    code: "precondition_failed",
  });
  await assert.rejects(callRoute(routes, "DELETE /credentials/:id", { params, headers: { "if-match": "2" } }), {
    code: "invalid_input",
  });

  assert.deepEqual(read.headers, { etag: '"2"' });
  assert.deepEqual([patched.body["note"], patched.headers], ["of the team", { etag: '"3"' }]);
  assert.deepEqual([back.body["version"], rebound.body["version"]], [3, 4]);
  for (const { body } of [read, listed, patched, put, versions, back, rebound]) {
    assert.ok(!JSON.stringify(body).includes("sk-proj"));
    assert.ok(!JSON.stringify(body).includes("uid"));
  }
  await assert.rejects(callRoute(routes, "GET /credentials/:id", { params: { id: "99" } }), { code: "not_found" });
});

test("a field is revealed to who asks for it, and that is recorded before", async (t) => {
  const app = await testApp(t);
  const id = await add(app);
  const call = { params: { id: String(id) }, body: { field: "api_key" } };

  const revealed = await callRoute(routesOf(app), "POST /credentials/:id/reveal", call);

  assert.deepEqual(revealed.body, { value: key });
  await sealEvents(app);
  const [, event] = await listEvents(app, { after: 0, limit: 10 });
  assert.deepEqual([event?.action, event?.actor, event?.environment], ["credentials.reveal", testActor.name, "prod"]);
  const keys: App["keys"] = {
    ...app.keys,
    key: (purpose) => {
      if (purpose === "audit") throw new AppError("sealed", "the audit key is away");
      return app.keys.key(purpose);
    },
  };
  const failed = callRoute(routesOf({ ...app, keys }), "POST /credentials/:id/reveal", call);
  await assert.rejects(failed, (error: unknown) => error instanceof AppError && error.status === 503);
});

test("a credential is validated by its id or its name, in the query or the body, and the status has its age", async (t) => {
  const answers = [200, 401, 503];
  const app = await openaiApp(t, () => {
    const status = answers.shift() ?? 200;
    return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(bodyOf(status)) };
  });
  const id = await add(app);
  const routes = routesOf(app);
  const path = "POST /credentials/:provider_name/validate";
  const params = { provider_name: "openai" };

  const valid = await callRoute(routes, path, { params, query: { credential_id: String(id) }, body: undefined });
  const dead = await callRoute(routes, path, { params, body: { credential_id: "openai-prod" } });
  const down = await callRoute(routes, path, { params, body: { credential_id: String(id) } });
  const status = await callRoute(routes, "GET /credentials/status");

  assert.deepEqual(
    [valid, dead, down].map(({ body }) => [body["checked"], body["verdict"], body["needs_confirmation"]]),
    [
      [true, "valid", false],
      [true, "invalid", true],
      [true, "provider_down", false],
    ],
  );
  const text = JSON.stringify(status.body);
  assert.match(text, /"validation_status":"valid".*"age_seconds":\d+.*"attempt_verdict":"provider_down"/);
  for (const { body } of [valid, dead, down, status]) assert.ok(!JSON.stringify(body).includes(key));
  for (const wrong of [
    { params: { provider_name: "github" }, body: { credential_id: String(id) } },
    { params, body: { credential_id: "99" } },
  ]) {
    await assert.rejects(callRoute(routes, path, wrong), { code: "not_found" });
  }
  await assert.rejects(callRoute(routes, path, { params, body: {} }), { code: "invalid_input" });
});

test("a text that no row takes is refused by its name, and an id is digits alone", async (t) => {
  const app = await testApp(t);
  const server = await serve(t, app);
  await createUser(app, { name: "ann", role: "admin" }, testActor);
  const token = await testToken(app, "ann");
  const ask = async (method: "GET" | "POST" | "PATCH", url: string, payload?: object): Promise<unknown[]> => {
    const headers = { host: "localhost", authorization: `Bearer ${token}` };
    const reply = await server.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
    return [reply.statusCode, reply.json<{ error: { message: string } }>().error.message];
  };
  const credential = { name: "a", provider: "openai", fields: { api_key: key } };
  const line = "expected one line without control characters";
  const name = "expected letters, digits, . _ and -, at most 100, the first no sign";

  const answers = await Promise.all([
    ask("POST", "/credentials/openai/validate?credential_id=%00"),
    ask("POST", "/credentials/openai/validate", { credential_id: "a\0" }),
    ask("POST", "/credentials", { ...credential, note: "a\0b" }),
    ask("POST", "/credentials", { ...credential, provider: "a\0b" }),
    ask("PATCH", "/credentials/1", { note: "\u001b[31m" }),
    ask("GET", "/credentials?provider=%00"),
    ask("GET", "/credentials?after=%00"),
  ]);
  const ids = await Promise.all([
    ask("GET", "/credentials/a1"),
    ask("GET", "/credentials/1e3"),
    ask("POST", "/credentials/0x1/rotations", {}),
  ]);
  const gone = await Promise.all([
    ask("GET", "/credentials/123456"),
    ask("GET", "/credentials/123456/rotations"),
    ask("POST", "/credentials/123456/reveal", { field: "api_key" }),
  ]);

  assert.deepEqual(answers, [
    [400, `credential_id: ${name}`],
    [400, `credential_id: ${name}`],
    [400, `note: ${line}`],
    [400, `provider: ${line}`],
    [400, `note: ${line}`],
    [400, `provider: ${line}`],
    [400, `after: ${line}`],
  ]);
  for (const [status, message] of ids) {
    assert.equal(status, 400);
    assert.match(String(message), /^id.* expected an id of digits alone, as GET \/credentials shows it$/);
  }
  for (const answer of gone) assert.deepEqual(answer, [404, "there is no credential with the id 123456"]);
});

test("the API's description says where an ETag comes from and where If-Match goes", async (t) => {
  const server = await serve(t, await testApp(t));

  const answer = await server.inject({ url: "/docs/json", headers: { host: "localhost" } });

  type Operation = { parameters?: { name: string; in: string }[]; responses: Record<string, { headers?: object }> };
  const { paths } = answer.json<{ paths: Record<string, Record<string, Operation>> }>();
  const described = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, { parameters = [], responses }]) => {
      const guards = parameters.some(({ name, in: place }) => place === "header" && name === "if-match");
      const tells = Object.values(responses).some(({ headers = {} }) => "etag" in headers);
      return guards || tells ? [`${method} ${path}: ${guards ? "guards" : ""} ${tells ? "tells" : ""}`] : [];
    }),
  );
  assert.deepEqual(described, [
    "post /credentials:  tells",
    "get /credentials/{id}:  tells",
    "patch /credentials/{id}: guards tells",
    "delete /credentials/{id}: guards ",
    "put /credentials/{id}/value: guards tells",
    "post /credentials/{id}/rollback: guards tells",
    "post /credentials/{id}/rebind: guards tells",
  ]);
});

test("check=true asks for one sweep of all, of those who may check", async (t) => {
  const app = await testApp(t);
  queued.length = 0;

  const reply = await callRoute(routesOf(app), "GET /credentials/status", { query: { check: "true" } });

  assert.deepEqual([reply.status, reply.body, queued], [202, { jobId: "1" }, [["credentials.sweep", {}, "sweep"]]]);
});

test("lists show what the caller's environments have, and a sweep covers those alone; 403 is for none", async (t) => {
  const app = await testApp(t);
  const server = await serve(t, app);
  const common = { fields: { api_key: key }, expires_at: new Date(Date.now() + 86_400_000).toISOString() };
  for (const environment of ["dev", "prod", "shared"]) {
    for (const place of [1, 2]) await add(app, { ...common, name: `${environment}-${place}`, environment });
  }
  await createUser(app, { name: "ann", role: "admin" }, testActor);
  const scopes = ["credentials:*:dev", "credentials:*:*", "credentials:read:prod", "providers:*:*"];
  const tokens = await Promise.all(scopes.map((scope) => testToken(app, "ann", { scopes: [scope] })));
  const ask = async (token: string | undefined, url: string): Promise<unknown[]> => {
    const reply = await server.inject({ url, headers: { host: "localhost", authorization: `Bearer ${token}` } });
    const names = new Set(reply.body.match(/(?:dev|prod|shared)-\d/g));
    return [reply.statusCode, ...[...names].toSorted((a, b) => (a < b ? -1 : 1))];
  };
  queued.length = 0;

  const [dev, all, prod, none] = await Promise.all(
    tokens.map((token) =>
      Promise.all(["", "?limit=2", "/status", "/expiring", "/equal"].map((path) => ask(token, `/credentials${path}`))),
    ),
  );
  const asked = [];
  for (const token of tokens) asked.push(await ask(token, "/credentials/status?check=true"));

  const both = [200, "dev-1", "dev-2"];
  const six = [...both, "prod-1", "prod-2", "shared-1", "shared-2"];
  assert.deepEqual(dev, [both, both, both, both, both]);
  assert.deepEqual(all, [six, both, six, six, six]);
  assert.deepEqual(prod?.[1], [200, "prod-1", "prod-2"]);
  assert.deepEqual(none, [[403], [403], [403], [403], [403]]);
  assert.deepEqual(asked, [[202], [202], [403], [403]]);
  assert.deepEqual(queued, [
    ["credentials.sweep", { environments: ["dev"] }, "sweep:dev"],
    ["credentials.sweep", {}, "sweep"],
  ]);
});

test("a provider of one's own comes over the API in the form of the built-in ones, and misspelled rules do not", async (t) => {
  const app = await testApp(t);
  const routes = routesOf(app);
  const own = {
    name: "own_service",
    title: "Own",
    category: "generic",
    type: "api_key",
    fields: { api_key: { type: "secret", required: true } },
    base_url: "https://own.example",
    check: { kind: "http", steps: [{ method: "GET", path: "/me", rules: [{ status: [200], verdict: "valid" }] }] },
  };

  const added = await callRoute(routes, "POST /providers", { body: own });
  await add(app, { name: "mine", provider: "own_service" });

  assert.deepEqual([added.body["provider_name"], added.body["validation_endpoint"]], ["own_service", "/me"]);
  await assert.rejects(callRoute(routes, "POST /providers", { body: { ...own, name: "openai" } }), {
    code: "conflict",
  });
  await assert.rejects(callRoute(routes, "POST /providers", { body: { ...own, verdicts: [] } }), /unrecognized_keys/);
});

test("over a real request the environment of the credential decides, and no log line has a value", async (t) => {
  const app = await openaiApp(t, () => ({ status: 200, body: "{}" }));
  const tokens = await testActors(app);
  const lines: string[] = [];
  const server = await serve(t, app, lines);
  const id = await add(app);
  const ask = (who: keyof typeof tokens, method: "GET" | "POST" | "PUT", url: string, payload?: object) =>
    server.inject({
      method,
      url,
      headers: { host: "localhost", authorization: `Bearer ${tokens[who]}` },
      ...(payload === undefined ? {} : { payload }),
    });

  const revealed = await ask("admin", "POST", `/credentials/${id}/reveal`, { field: "api_key" });
  const refused = await ask("operator", "POST", `/credentials/${id}/reveal`, { field: "api_key" });
  const byQuery = await ask("operator", "POST", `/credentials/openai/validate?credential_id=${id}`);
  const agent = await ask("agent", "GET", "/credentials");
  const wrong = await ask("admin", "PUT", `/credentials/${id}/value`, { fields: { [key]: key } });
  const odd = await ask("admin", "PUT", `/credentials/${id}/value`, { fields: { api_key: [key] } });
  const lost = await ask("admin", "GET", `/credentials/${key}`);

  assert.deepEqual([revealed.statusCode, revealed.json()], [200, { value: key }]);
  assert.equal(revealed.headers["cache-control"], "no-store");
  assert.deepEqual(
    [refused, byQuery, agent, wrong, odd, lost].map(({ statusCode }) => statusCode),
    [403, 200, 403, 400, 400, 400],
  );
  for (const { body } of [refused, byQuery, agent, wrong, odd, lost]) assert.ok(!body.includes(key), body);
  assert.ok(!lines.join("\n").includes(key));
});

/** As OpenAI answers. */
function bodyOf(status: number): unknown {
  if (status === 200) return { object: "list", data: [] };
  return {
    error: { message: "Incorrect API key provided", code: status === 401 ? "invalid_api_key" : "server_error" },
  };
}
