import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { chown, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import { Secret } from "#secrets/secret.ts";
import { startServer, stopServer } from "#store/server.ts";
import { runProgram } from "#system/run.ts";
import { freshDatabase } from "#test/database.ts";
import { ownerQuery } from "#test/database-role.ts";
import { startPooler } from "#test/pooler.ts";

import { clientProgramEnvironment, connect, type DatabaseTarget, refuseTransactionPooler } from "./connection.ts";

function target(url: Secret): DatabaseTarget {
  return { label: "prod", url };
}

test("a pooler in transaction mode is refused with the way around it, one in session mode is not", async (t) => {
  const url = new Secret((await freshDatabase(t, { major: 15 })).url);
  const transactionMode = target(await startPooler(t, url, "transaction"));
  const sessionMode = target(await startPooler(t, url, "session"));

  await assert.rejects(refuseTransactionPooler(transactionMode), {
    code: "precondition_failed",
    message: /prod is reached through a pooler in transaction mode/,
    hint: /session mode/,
  });
  await refuseTransactionPooler(sessionMode);
});

test("a session through a transaction pooler is refused before it leaves a setting to the programs that use it", async (t) => {
  const url = await startPooler(t, new Secret((await freshDatabase(t, { major: 15 })).url), "transaction");

  await assert.rejects(connect(target(url), { readOnly: true, statementTimeoutMs: 5 }), {
    code: "precondition_failed",
    message: /pooler in transaction mode/,
  });

  const rows = await ownerQuery(
    url,
    "select current_setting('default_transaction_read_only') as mode, current_setting('statement_timeout') as timeout",
  );
  assert.deepEqual(rows, [{ mode: "off", timeout: "0" }]);
});

test("a setting that a pooler refuses at startup is told as such", async (t) => {
  const url = await startPooler(t, new Secret((await freshDatabase(t, { major: 15 })).url), "session");
  const withOptions = new Secret(`${url.reveal()}?options=-c%20geqo%3Doff`);

  await assert.rejects(connect(target(withOptions), { readOnly: true }), {
    code: "precondition_failed",
    message: /a connection pooler refused a setting/,
  });
});

test("a server that accepts and never answers is a timeout", async (t) => {
  const silent = createServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
  t.after(() => silent.close());
  const address = silent.address();
  assert.ok(typeof address === "object" && address !== null);

  await assert.rejects(
    connect(target(new Secret(`postgresql://u:p@127.0.0.1:${address.port}/d?sslmode=disable`)), { readOnly: true }),
    { code: "upstream_timeout", message: /did not answer in time/ },
  );
});

test("TLS is demanded, offered and verified as sslmode says, for sessions and client programs alike", async (t) => {
  const { plainOnly, tlsOnly, certificate } = await startTlsServer(t);
  const cases: [base: string, parameters: string, failure: RegExp | undefined][] = [
    [tlsOnly, "", undefined],
    [tlsOnly, "?sslmode=require", undefined],
    [tlsOnly, "?sslmode=disable", /the server demands TLS/],
    [tlsOnly, "?sslmode=verify-full", /certificate could not be verified/],
    [tlsOnly, `?sslmode=verify-ca&sslrootcert=${certificate}`, undefined],
    [tlsOnly, `?sslmode=verify-full&sslrootcert=${certificate}`, undefined],
    [plainOnly, "", undefined],
    [plainOnly, "?sslmode=require", /cannot connect to prod/],
  ];
  for (const [base, parameters, failure] of cases) {
    const to = target(new Secret(base + parameters));
    const session = connect(to, { readOnly: true }).then((client) => client.end());
    const program = runProgram("psql", ["-Atc", "select 1"], {
      timeoutMs: 30_000,
      env: clientProgramEnvironment(to, { readOnly: true }),
    });
    if (failure === undefined) {
      await session;
      await program;
    } else {
      await Promise.all([assert.rejects(session, { message: failure }, parameters), assert.rejects(program)]);
    }
  }
});

/** A server of its own on a loopback address, with one role that must use TLS and one that must not. */
async function startTlsServer(t: TestContext): Promise<{ plainOnly: string; tlsOnly: string; certificate: string }> {
  const host = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  const directory = await mkdtemp(join(tmpdir(), "leveredge-tls-"));
  const address = { directory, name: "tls", dataHome: `${directory}-data` };
  t.after(async () => {
    await stopServer(address);
    for (const path of [directory, `${directory}-data`]) await rm(path, { recursive: true, force: true });
  });
  const server = await startServer({ ...address, major: 15, settings: { listen_addresses: host } });
  const owner = await stat(server.socketDirectory);
  const keep = async (name: string, content: string): Promise<void> => {
    const path = join(server.dataDirectory, name);
    await writeFile(path, content, { mode: 0o600 });
    await chown(path, owner.uid, owner.gid);
  };
  const [key, certificate] = [join(directory, "server.key"), join(directory, "server.crt")];
  const subject = ["-subj", `/CN=${host}`, "-addext", `subjectAltName=IP:${host}`];
  await runProgram(
    "openssl",
    ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, ...subject],
    {
      timeoutMs: 60_000,
    },
  );
  await keep("server.key", await readFile(key, "utf8"));
  await keep("server.crt", await readFile(certificate, "utf8"));
  await keep(
    "pg_hba.conf",
    "local all all scram-sha-256\nhostssl all tls_only all scram-sha-256\nhostnossl all plain_only all scram-sha-256\n",
  );
  const client = await connect(target(server.ownerUrl), { readOnly: false });
  await client.query("create role tls_only login password 'p'; create role plain_only login password 'p'");
  await client.query("alter system set ssl = on");
  await client.query("select pg_reload_conf()");
  await client.end();
  const url = (role: string) => `postgresql://${role}:p@${host}:5432/postgres`;
  return { plainOnly: url("plain_only"), tlsOnly: url("tls_only"), certificate };
}
