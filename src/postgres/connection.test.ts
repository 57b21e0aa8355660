import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { inspect } from "node:util";

import { AppError } from "#errors.ts";
import { Secret } from "#secrets/secret.ts";
import { runProgram } from "#system/run.ts";
import { freshDatabase } from "#test/database.ts";
import { ordinaryRole } from "#test/database-role.ts";

import {
  clientProgram,
  clientProgramEnvironment,
  connect,
  type DatabaseTarget,
  identify,
  isSameDatabase,
  refuseTransactionPooler,
} from "./connection.ts";

const major = 15;

function target(url: string | Secret, label = "prod"): DatabaseTarget {
  return { label, url: typeof url === "string" ? new Secret(url) : url };
}

/** The URL with some of its parts replaced. */
function changed(url: Secret, change: (address: URL) => void): Secret {
  const address = new URL(url.reveal());
  change(address);
  return new Secret(address.href);
}

test("a session that is opened read only writes nothing and keeps its time limits", async (t) => {
  const { url } = await freshDatabase(t, { major });
  const client = await connect(target(url), { readOnly: true, statementTimeoutMs: 60_000, lockTimeoutMs: 2000 });
  t.after(() => client.end());

  const { rows } = await client.query(
    "select current_setting('statement_timeout') as s, current_setting('lock_timeout') as l",
  );

  assert.deepEqual(rows, [{ s: "1min", l: "2s" }]);
  await assert.rejects(client.query("create table t (id int)"), { code: "25006" });
});

test("a database is itself whatever role asks, and another one on its server is not", async (t) => {
  const role = await ordinaryRole(t, { major });
  const { url } = await freshDatabase(t, { major });
  await role.run(() => "revoke execute on function pg_control_system() from public");
  const identityOf = async (of: Secret) => {
    const client = await connect(target(of), { readOnly: true });
    try {
      return await identify(client);
    } finally {
      await client.end();
    }
  };
  const owner = changed(new Secret(url), (address) => {
    address.pathname = new URL(role.url.reveal()).pathname;
  });

  const [asRole, asOwner, other] = [
    await identityOf(role.url),
    await identityOf(owner),
    await identityOf(new Secret(url)),
  ];

  assert.equal(asRole.systemIdentifier, "unreadable");
  assert.match(asOwner.systemIdentifier, /^[0-9]+$/);
  assert.equal(Math.trunc(asOwner.serverVersion / 10_000), major);
  assert.equal(isSameDatabase(asRole, asOwner), true);
  assert.equal(isSameDatabase(asOwner, other), false);
  assert.equal(isSameDatabase(asRole, other), false);
});

test("every way in which a connection fails has its own words, without the password", async (t) => {
  const role = await ordinaryRole(t, { major });
  await role.run((name) => `alter role ${name} connection limit 0`);
  const barred = await ordinaryRole(t, { major });
  await barred.run((_, database) => `revoke connect on database ${database} from public`);
  const open = await ordinaryRole(t, { major });
  const empty = await mkdtemp(join(tmpdir(), "leveredge-empty-"));
  t.after(() => rm(empty, { recursive: true }));
  const { password } = new URL(open.url.reveal());
  const cases: { url: Secret; code: string; message: RegExp }[] = [
    { url: role.url, code: "unavailable", message: /no connection left/ },
    { url: barred.url, code: "precondition_failed", message: /may not connect to database/ },
    {
      url: changed(open.url, (address) => void (address.password = "wrong-hunter2")),
      code: "precondition_failed",
      message: /wrong password for user/,
    },
    {
      url: changed(open.url, (address) => void (address.password = "")),
      code: "precondition_failed",
      message: /asks for a password/,
    },
    {
      url: changed(open.url, (address) => void (address.pathname = "/gone")),
      code: "precondition_failed",
      message: /there is no database "gone"/,
    },
    {
      url: new Secret(`postgresql://u:${password}@%2F${empty.slice(1)}/d`),
      code: "unavailable",
      message: /nothing answers/,
    },
    { url: new Secret(`postgresql://u:${password}@127.0.0.1:1/d`), code: "unavailable", message: /nothing answers/ },
    {
      url: new Secret(`postgresql://u:${password}@no-such.invalid/d`),
      code: "unavailable",
      message: /does not resolve/,
    },
  ];
  for (const { url, code, message } of cases) {
    await assert.rejects(connect(target(url), { readOnly: true }), (error: unknown) => {
      assert.ok(error instanceof AppError, inspect(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, /^cannot connect to prod: /);
      assert.match(error.message, message);
      assert.ok(error.hint);
      assert.doesNotMatch(inspect(error, { depth: 10 }), new RegExp(`hunter2|${password}`));
      return true;
    });
  }
});

test("client programs reach the same database by their environment, read only when asked", async (t) => {
  const role = await ordinaryRole(t, { major });
  await role.run((name, database) => `grant create on database ${database} to ${name}`);
  const to = target(role.url);
  const run = (sql: string, readOnly: boolean) => {
    const { program, args } = clientProgram(to, "psql", ["--no-psqlrc", "-Atc", sql]);
    return runProgram(program, args, { timeoutMs: 30_000, env: clientProgramEnvironment(to, { readOnly }) });
  };

  const { stdout } = await run("select current_database()", true);
  const writing = await run("create schema s", false);

  assert.equal(stdout.trim(), new URL(role.url.reveal()).pathname.slice(1));
  assert.equal(writing.exitCode, 0);
  await assert.rejects(run("create schema r", true), { message: /read-only transaction/ });
});

test("a program in a container gets variables by name, and of a loopback URL no place", () => {
  const to = { ...target("postgresql://u:hunter2@localhost:54322/d"), via: ["docker", "exec", "-i", "db"] };

  const { program, args } = clientProgram(to, "pg_dump", ["--schema-only"]);
  const environment = clientProgramEnvironment(to, { readOnly: true });

  assert.equal(program, "docker");
  assert.deepEqual(args.slice(0, 3), ["exec", "-e", "PGUSER"]);
  assert.deepEqual(args.slice(-4), ["-i", "db", "pg_dump", "--schema-only"]);
  assert.ok(args.includes("PGPASSWORD"));
  assert.doesNotMatch(args.join(" "), /hunter2|PGHOST/);
  assert.equal(environment["PGHOST"], undefined);
  assert.equal(environment["PGPASSWORD"], "hunter2");
});

test("a prefix that is no exec command is refused", () => {
  assert.throws(() => clientProgram({ ...target("postgresql://u@h/d"), via: ["sh", "-c"] }, "psql", []), {
    code: "invalid_input",
  });
});

test("a direct connection is not taken for a pooler", async (t) => {
  const { url } = await freshDatabase(t, { major });

  await refuseTransactionPooler(target(url));
});
