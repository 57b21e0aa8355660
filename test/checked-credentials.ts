/** Credentials of a provider that a test plays on a real socket: what each key is answered is the test's word. */
import type { TestContext } from "node:test";

import { sql } from "kysely";

import type { App } from "#app.ts";
import { addCredential } from "#domains/credentials/credentials.ts";
import { checkCredential, type Checked, type CheckWork } from "#domains/credentials/live-check.ts";
import { requireCredential } from "#domains/credentials/credentials.ts";
import { type Credential, NewCredential } from "#domains/credentials/schema.ts";
import { sweepCredentials, type Swept, type SweepWork, withCheckTools } from "#domains/credentials/sweep.ts";
import { listEvents, sealEvents } from "#events/events.ts";
import type { Event } from "#events/schema.ts";
import { run } from "#store/database.ts";
import { testApp } from "#test/app.ts";
import { type Answer, type OutsideServer, startOutsideServer } from "#test/outside-server.ts";

export type CheckedCredentials = {
  app: App;
  server: OutsideServer;
  /** By key; a key that is not in it is answered 401. Undefined answers nothing at all. */
  answers: Map<string, Answer | undefined>;
  add(name: string, more?: Record<string, unknown>): Promise<Credential>;
  read(name: string): Promise<Credential>;
  check(name: string, more?: Partial<CheckWork>): Promise<Checked>;
  sweep(more?: Partial<SweepWork>): Promise<Swept>;
  /** As if so much time had passed since the last check of every credential. */
  letPass(seconds: number): Promise<void>;
  /** Events of checks and reminders, as `outcome target`. */
  told(): Promise<string[]>;
  notices(): Promise<Event[]>;
};

/** Its check asks `GET /me`; 200 tells account, scopes and end of the key. */
export const acme = {
  name: "acme",
  title: "Acme",
  category: "generic",
  type: "api_key",
  fields: { api_key: { type: "secret", required: true } },
  base_url: "https://acme.example",
  min_interval_s: 3600,
  negative_control: { fields: { api_key: "made-up-key-0000" }, verdict: "invalid" },
  check: {
    kind: "http",
    steps: [
      {
        method: "GET",
        path: "/me",
        headers: { authorization: "Bearer {api_key}" },
        rules: [
          { status: [200], verdict: "valid" },
          { status: [403], verdict: "insufficient_scope" },
          { status: [401], verdict: "invalid" },
        ],
        identity: { from: { path: "account" } },
        scopes: { from: { path: "scopes" } },
        expires_at: { from: { path: "expires_at" }, format: "date" },
      },
    ],
  },
};

export function json(status: number, body: unknown): Answer {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

/** The key of a credential that the test adds without one. */
export function keyOf(name: string): string {
  return `acme-made-up-key-of-${name}`;
}

export async function openCheckedCredentials(
  t: TestContext,
  settings: Record<string, unknown> = {},
): Promise<CheckedCredentials> {
  const answers: CheckedCredentials["answers"] = new Map();
  const server = await startOutsideServer(t, ({ headers }) => {
    const key = String(headers["authorization"]).replace("Bearer ", "");
    return answers.has(key) ? answers.get(key) : json(401, { error: { code: "invalid_api_key" } });
  });
  const outside = { acme: { url: server.url, allow_private: true } };
  const app = await testApp(t, { providers: [acme], outside, ...settings });
  const by = { name: "user:test" };
  const work = { requestedBy: by.name, signal: app.signal };
  const notices = async (): Promise<Event[]> => {
    await sealEvents(app);
    const events = await listEvents(app, { after: 0, limit: 1000 });
    return events.filter(({ action, notice }) => action.startsWith("credentials.") && notice !== undefined);
  };
  return {
    app,
    server,
    answers,
    add: async (name, more = {}) => {
      const fields = { api_key: keyOf(name) };
      return (await addCredential(app, NewCredential.parse({ name, provider: "acme", fields, ...more }), by))
        .credential;
    },
    read: (name) => requireCredential(app, name),
    check: (name, more = {}) => withCheckTools(app, (tools) => checkCredential(app, tools, name, { ...work, ...more })),
    sweep: (more = {}) =>
      withCheckTools(app, (tools) => sweepCredentials(app, tools, { ...work, progress: () => undefined, ...more })),
    letPass: async (seconds) => {
      const past = sql`make_interval(secs => ${seconds})`;
      await run(
        app.db,
        sql`
        update aegis_credentials
        set attempted_at = attempted_at - ${past}, dead_seen_at = dead_seen_at - ${past},
            confirm_after = confirm_after - ${past}, check_claimed_at = check_claimed_at - ${past}`,
      );
    },
    told: async () => (await notices()).map(({ outcome, target }) => `${outcome} ${target}`),
    notices,
  };
}
