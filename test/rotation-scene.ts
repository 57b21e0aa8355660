/** A credential at a service that really makes and ends keys, and what lives there and in the store. */
import { randomBytes } from "node:crypto";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

import { sql } from "kysely";
import pg from "pg";
import { z } from "zod";

import type { App } from "#app.ts";
import { addCredential, requireCredential } from "#domains/credentials/credentials.ts";
import { listVersions } from "#domains/credentials/queries.ts";
import { type Rotated, rotateAtProvider, type RotationWish } from "#domains/credentials/rotation.ts";
import { withCheckTools } from "#domains/credentials/sweep.ts";
import { NewCredential } from "#domains/credentials/schema.ts";
import { openVersion } from "#domains/credentials/vault.ts";
import { parseConnectionUrl } from "#postgres/connection-url.ts";
import { Secret } from "#secrets/secret.ts";
import { many, run } from "#store/database.ts";

import { testOwnedApp } from "./app.ts";
import { testCluster } from "./database.ts";
import { ownerQuery } from "./database-role.ts";
import { type RotatingService, type ServiceName, startRotatingService } from "./rotating-service.ts";

export type RotationScene = {
  app: App;
  ownerUrl: Secret;
  settings: Record<string, unknown>;
  name: string;
  /** Name of the credential that manages keys, where one is needed. */
  manager: string | undefined;
  /** Those of the values that the service takes at this moment. */
  pickLive(values: readonly string[]): Promise<string[]>;
  /** Keys that live at the service, without those that manage others. */
  countLive(): number;
  service: RotatingService | undefined;
};

export type SceneName = ServiceName | "postgres";

export const by = { name: "test" };

export function openScene(t: TestContext, scene: SceneName): Promise<RotationScene> {
  return scene === "postgres" ? openPostgres(t) : openService(t, scene);
}

async function openService(t: TestContext, provider: ServiceName): Promise<RotationScene> {
  const service = await startRotatingService(t, provider);
  const settings = { outside: { [provider]: { url: service.url, allow_private: true } } };
  const { app, ownerUrl } = await testOwnedApp(t, settings);
  const field = { cloudflare: "api_token", openrouter: "api_key", gitlab: "token" }[provider];
  const own = service.add({ name: "deploy", made: madeWith[provider] });
  await add(app, { name: "the-key", provider, fields: { [field]: own.value } });
  const manager = provider === "gitlab" ? undefined : "the-manager";
  if (manager !== undefined) {
    const managing = service.add({ name: "manager", mayManage: true });
    await add(app, { name: manager, provider, fields: { [field]: managing.value } });
  }
  return {
    ...{ app, ownerUrl, settings, name: "the-key", manager, service },
    pickLive: async (values) => values.filter((value) => service.keys.some((key) => key.value === value && key.isLive)),
    countLive: () => service.keys.filter(({ isLive, mayManage }) => isLive && !mayManage).length,
  };
}

const madeWith: Record<ServiceName, Record<string, unknown>> = {
  cloudflare: {
    policies: [{ effect: "allow", resources: { zone: "*" }, permission_groups: [{ id: "dns" }] }],
    issued_on: "2026-01-01T00:00:00Z",
    expires_on: "2027-01-01T00:00:00Z",
  },
  openrouter: { limit: 25, limit_reset: "monthly" },
  gitlab: { created_at: "2026-01-01T00:00:00Z", expires_at: "2026-04-01" },
};

/** A role of the test's own in the real server, over TCP. */
async function openPostgres(t: TestContext): Promise<RotationScene> {
  const cluster = await testCluster();
  const administrator = new Secret(cluster.url());
  const role = `test_Rotated ${randomBytes(6).toString("hex")}`;
  const quoted = pg.escapeIdentifier(role);
  const password = randomBytes(12).toString("hex");
  await ownerQuery(administrator, `create role ${quoted} login password '${password}'`);
  t.after(() => ownerQuery(administrator, `drop role ${quoted}`));
  const port = await forward(t, parseConnectionUrl("the cluster", administrator));
  const settings = {
    outside: { generic_postgres: { url: `postgres://127.0.0.1:${port}`, allow_private: true } },
  };
  const { app, ownerUrl } = await testOwnedApp(t, settings);
  const url = `postgresql://${encodeURIComponent(role)}:${password}@127.0.0.1:${port}/postgres`;
  await add(app, { name: "the-key", provider: "generic_postgres", fields: { connection_url: url } });
  return {
    ...{ app, ownerUrl, settings, name: "the-key", manager: undefined, service: undefined },
    pickLive: async (values) => {
      const live: string[] = [];
      for (const value of values) if (await letsIn(value)) live.push(value);
      return live;
    },
    countLive: () => 1,
  };
}

/** From a port of this host to the socket that the server listens on. */
async function forward(t: TestContext, { host, port }: { host: string; port: number }): Promise<number> {
  const server = createServer((client) => {
    const upstream = connect(`${host}/.s.PGSQL.${port}`);
    for (const socket of [client, upstream]) socket.on("error", () => [client, upstream].map((one) => one.destroy()));
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  // A listening TCP server has an address with a port.
  return (server.address() as AddressInfo).port;
}

async function letsIn(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    // Whatever the reason, this value opens nothing.
    return false;
  } finally {
    await client.end();
  }
}

export async function add(app: App, credential: Record<string, unknown>): Promise<void> {
  await addCredential(app, NewCredential.parse(credential), by);
}

/** The command, as an operator gives it again and again. */
export function rotate({ app, name, manager }: RotationScene, wish: RotationWish = { graceS: 0 }): Promise<Rotated> {
  const work = { requestedBy: "test", signal: AbortSignal.timeout(60_000), progress: () => undefined };
  const wished = manager === undefined ? wish : { manager, ...wish };
  return withCheckTools(app, (tools) => rotateAtProvider(app, tools, name, wished, work));
}

/** The values in the store by version, and the active one. */
export async function readValues({ app, name }: RotationScene): Promise<{ active: string; all: string[] }> {
  const credential = await requireCredential(app, name);
  const all: string[] = [];
  let active = "";
  for (const { version } of await listVersions(app.db, credential.id)) {
    const fields = await openVersion(app.db, app, credential, version);
    const [value = ""] = Object.values(fields).map((field) => field.reveal());
    all.push(value);
    if (version === credential.version) active = value;
  }
  return { active, all };
}

const Row = z.object({ phase: z.string(), failure: z.string().nullable(), isFinished: z.boolean() });

export function readRotations({ app }: RotationScene): Promise<z.output<typeof Row>[]> {
  const query = sql`
    select phase, failure, finished_at is not null as is_finished from aegis_credential_rotation order by started_at`;
  return many(app.db, Row, query);
}

export async function readStanding({ app, name }: RotationScene): Promise<{ version: number; outcomes: string[] }> {
  const { version } = await requireCredential(app, name);
  const events = await many(
    app.db,
    z.object({ outcome: z.string() }),
    sql`select outcome from event where action = 'credentials.rotation' order by id`,
  );
  return { version, outcomes: events.map(({ outcome }) => outcome) };
}

/** What waits for an hour has waited. */
export async function letTimePass({ app }: RotationScene): Promise<void> {
  await run(
    app.db,
    sql`
    update aegis_credential_rotation
    set asked_at = asked_at - interval '1 hour', switched_at = switched_at - interval '1 hour',
      attempted_at = attempted_at - interval '12 hours'`,
  );
}
