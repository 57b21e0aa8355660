/** Roles of a test's own, for what a DATABASE_URL of an ordinary user can and cannot do. */
import { randomBytes } from "node:crypto";
import type { TestContext } from "node:test";

import pg from "pg";

import { Secret } from "#secrets/secret.ts";

import { freshDatabase, type Major, testCluster } from "./database.ts";

export type OrdinaryRole = {
  /** A fresh database, as the role. */
  url: Secret;
  /** Runs SQL made from the quoted names of role and database, as the superuser in that database. */
  run(statement: (role: string, database: string) => string): Promise<void>;
  runAsAdministrator(statement: string): Promise<void>;
};

/** A login role without any rights, and an empty database that is not its own. */
export async function ordinaryRole(t: TestContext, options: { major?: Major } = {}): Promise<OrdinaryRole> {
  const cluster = await testCluster(options);
  const role = `test_role_${randomBytes(6).toString("hex")}`;
  const password = randomBytes(12).toString("hex");
  const administrator = new Secret(cluster.url());
  await ownerQuery(administrator, `create role ${role} login password '${password}'`);
  const { name, url } = await freshDatabase(t, options);
  // After the database, whose drop takes the role's objects along.
  t.after(() => ownerQuery(administrator, `drop role ${role}`));
  const asRole = new URL(url);
  asRole.username = role;
  asRole.password = password;
  const runAsAdministrator = async (statement: string): Promise<void> => {
    await ownerQuery(new Secret(url), statement);
  };
  return {
    url: new Secret(asRole.href),
    run: (statement) => runAsAdministrator(statement(role, name)),
    runAsAdministrator,
  };
}

/** Rows of one statement over a connection of its own. */
export async function ownerQuery(url: Secret, statement: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url.reveal() });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<Record<string, unknown>>(statement);
    return rows;
  } finally {
    await client.end();
  }
}
