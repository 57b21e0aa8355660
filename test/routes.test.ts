/** Every route against everybody who may ask. The table is written by hand, and no code reads it. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { z } from "zod";

import type { App } from "#app.ts";
import type { ServerApp } from "#domain.ts";
import { authenticate, sessionCookie } from "#domains/identity/identity.ts";
import { domains } from "#domains.ts";
import { createLog } from "#http/log.ts";
import type { Route } from "#http/route.ts";
import { createHttpServer } from "#http/server.ts";
import { createHealth } from "#server/health.ts";
import { createMetrics } from "#server/metrics.ts";
import { listRoutes } from "#server/serve.ts";
import { type TestActors, testActors } from "#test/actors.ts";
import { testApp } from "#test/app.ts";

type Caller = keyof TestActors | "anonymous";

const letters: Record<string, Caller> = { v: "viewer", o: "operator", a: "admin", g: "agent", s: "service" };
const id = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";

/** `*` is everybody, a letter whoever is let through; all others are refused. */
const table: Record<string, string> = {
  "GET /": "v o a s",
  "GET /healthz": "*",
  "GET /readyz": "*",
  "GET /metrics": "v o a s",
  "GET /openapi.json": "*",
  "GET /status": "v o a s",
  "GET /sign-in": "*",
  "GET /assets/sign-in.js": "*",
  "GET /assets/style.css": "*",
  "POST /sign-in": "*",
  "POST /sign-out": "v o a g s",
  "GET /me": "v o a g s",
  "GET /sessions": "v o a",
  [`DELETE /sessions/${id}`]: "v o a",
  "GET /tokens": "v o a",
  "POST /tokens": "a",
  "DELETE /tokens/8Fq2Rz0b": "a",
  "GET /users": "v o a",
  "POST /users": "a",
  "PATCH /users/damon": "a",
  "GET /runs": "v o a s",
  "POST /runs": "o a",
  [`GET /runs/${id}`]: "v o a s",
  [`GET /runs/${id}/progress`]: "v o a s",
  [`POST /runs/${id}/resume`]: "o a",
  "GET /mirror": "v o a s",
  "POST /mirror/plan": "o a",
  "POST /mirror/apply": "o a",
  "GET /migrations/dev": "v o a s",
  "GET /migrations/prod": "v o a s",
  "POST /migrations/dev/apply": "o a",
  "POST /migrations/prod/apply": "a",
  "GET /backups": "v o a s",
  "POST /backups/chronos": "o a s",
  "GET /backups/chronos/drills": "v o a s",
  "POST /backups/chronos/drills": "o a s",
  "GET /providers": "v o a",
  "GET /providers/openai": "v o a",
  "POST /providers": "a",
  "GET /credentials": "v o a",
  "POST /credentials": "a",
  "GET /credentials/status": "v o a",
  "GET /credentials/expiring": "v o a",
  "GET /credentials/equal": "v o a",
  "POST /credentials/openai/validate": "o a",
  "GET /credentials/12": "v o a",
  "PATCH /credentials/12": "a",
  "DELETE /credentials/12": "a",
  "GET /credentials/12/checks": "v o a",
  "GET /credentials/12/versions": "v o a",
  "PUT /credentials/12/value": "a",
  "POST /credentials/12/rollback": "a",
  "POST /credentials/12/rebind": "a",
  "POST /credentials/12/reveal": "a",
  "GET /credentials/12/rotations": "v o a",
  "POST /credentials/12/rotations": "a",
  "POST /notify": "o a g s",
  "GET /notifications": "v o a",
  [`GET /notifications/${id}`]: "v o a",
  [`POST /notifications/${id}/resend`]: "o a",
  "GET /channels": "v o a",
  "GET /knowledge": "v o a",
  "GET /jobs": "v o a s",
  [`GET /jobs/${id}`]: "v o a s",
  [`POST /jobs/${id}/retry`]: "a",
  "GET /schedules": "v o a s",
  "POST /usage": "a g s",
  "POST /rest/v1/llm_usage": "a g s",
  "POST /v1/traces": "a g s",
};

function allRoutes(app: App): Promise<readonly Route[]> {
  const jobs: ServerApp["jobs"] = { enqueue: () => Promise.reject(new Error("no route does its work here")) };
  const health = createHealth(app, domains);
  return listRoutes({ ...app, jobs }, domains, { health, metrics: createMetrics(app, health), isWorking: () => true });
}

/** What a route needs to be asked at all. */
const bodies: Record<string, unknown> = {
  "POST /sign-in": { token: "x" },
  "POST /tokens": { user: "damon", name: "x" },
  "POST /users": { name: "damon", role: "viewer" },
  "PATCH /users/damon": { disabled: true },
  "POST /runs": {},
  "POST /mirror/plan": {},
  "POST /mirror/apply": {},
  "POST /migrations/dev/apply": {},
  "POST /migrations/prod/apply": {},
  "POST /backups/chronos": {},
  "POST /backups/chronos/drills": {},
  "POST /notify": { message: "x" },
  "POST /providers": {
    name: "own",
    title: "Own",
    category: "generic",
    type: "api_key",
    fields: { api_key: { type: "secret", required: true } },
    base_url: null,
    check: { kind: "none", why: "a test" },
  },
  "POST /credentials": { name: "own", provider: "openai", environment: "dev", fields: { api_key: "x" } },
  "POST /credentials/openai/validate": { credential_id: "12" },
  "PATCH /credentials/12": { note: "x" },
  "PUT /credentials/12/value": { fields: { api_key: "x" } },
  "POST /credentials/12/rollback": {},
  "POST /credentials/12/reveal": { field: "api_key" },
  "POST /credentials/12/rotations": {},
};

test("every route lets through whom the table names, and nobody else", async (t) => {
  const app = await testApp(t);
  const tokens = await testActors(app);
  const routes = await allRoutes(app);
  const server = await createHttpServer({
    // What is asked is who gets through: the work itself is every domain's own test.
    routes: routes.map((route) => ({ ...route, response: { 299: undefined }, handle: async () => ({}) })),
    authenticate: (credentials) => authenticate(app, credentials),
    sessionCookie,
    version: app.programVersion,
    publicUrl: undefined,
    log: createLog({ write: (line) => line.length }),
  });
  t.after(() => server.close());
  const callers: Caller[] = [
    "anonymous",
    "viewer",
    "operator",
    "admin",
    "agent",
    "service",
    "expired",
    "revoked",
    "disabled",
  ];

  const wrong: string[] = [];
  for (const [operation, allowed] of Object.entries(table)) {
    const [method = "", url = ""] = operation.split(" ");
    for (const caller of callers) {
      const answer = await server.inject({
        // The table's first words are methods.
        method: method as "GET",
        url,
        headers: {
          host: "localhost",
          ...(caller === "anonymous" ? {} : { authorization: `Bearer ${tokens[caller]}` }),
        },
        ...(bodies[operation] === undefined ? {} : { payload: bodies[operation] as object }),
      });
      const isNamed = allowed === "*" || allowed.split(" ").some((letter) => letters[letter] === caller);
      const isKnown = Object.values(letters).includes(caller);
      const expected = isNamed ? "through" : isKnown ? "403" : "unknown";
      const seen = { 299: "through", 303: "unknown", 401: "unknown" }[answer.statusCode] ?? String(answer.statusCode);
      if (seen !== expected) wrong.push(`${operation} as ${caller}: ${seen}, expected ${expected} ${answer.body}`);
    }
  }

  assert.deepEqual(wrong, []);
});

test("the table has every route, and no route that is not there", async (t) => {
  const app = await testApp(t);

  const routes = await allRoutes(app);

  const patterns = routes.map(({ method, path }) => `${method} ${path}`);
  const written = Object.keys(table);
  const isOf = (operation: string, pattern: string): boolean =>
    new RegExp(`^${pattern.replace(/:\w+/g, "[^/]+")}$`).test(operation);
  const missing = patterns.filter((pattern) => !written.some((operation) => isOf(operation, pattern)));
  const gone = written.filter((operation) => !patterns.some((pattern) => isOf(operation, pattern)));
  assert.deepEqual({ missing, gone }, { missing: [], gone: [] });
});

test("no route takes a body with a key that it does not know", async (t) => {
  const routes = await allRoutes(await testApp(t));

  const loose = routes.flatMap(({ method, path, body }) => {
    if (body === undefined) return [];
    return z.toJSONSchema(body, { io: "input" }).additionalProperties === false ? [] : [`${method} ${path}`];
  });

  assert.deepEqual(loose, []);
});
