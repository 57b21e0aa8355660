/**
 * Canaries: secrets that nobody else has, put through everything that touches a
 * credential. Afterwards they are looked for, in every form that a leak could give
 * them, in all that was written, said or answered.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { sql } from "kysely";
import { z } from "zod";

import type { App } from "#app.ts";
import type { ServerApp } from "#domain.ts";
import { openForUse } from "#domains/credentials/vault.ts";
import { checkCredential } from "#domains/credentials/live-check.ts";
import { findCredential } from "#domains/credentials/queries.ts";
import { listCredentialRoutes } from "#domains/credentials/routes.ts";
import { withCheckTools } from "#domains/credentials/sweep.ts";
import { notifications } from "#domains/notifications/domain.ts";
import { authenticate, sessionCookie } from "#domains/identity/identity.ts";
import { relayEvents } from "#events/feed.ts";
import { createLog } from "#http/log.ts";
import { createHttpServer } from "#http/server.ts";
import { allProviders } from "#providers/all.ts";
import { many } from "#store/database.ts";
import { testActors } from "#test/actors.ts";
import { testApp } from "#test/app.ts";
import { startOutsideServer } from "#test/outside-server.ts";
import { openVaultProgram } from "#test/vault-program.ts";

const made: string[] = [];

/** Of no shape that anything recognises a secret by: what keeps it hidden must not be the net of last resort. */
function canary(prefix = ""): string {
  const value = `${prefix}${randomBytes(24).toString("base64url").replaceAll(/[-_]/g, "q")}`;
  made.push(value);
  return value;
}

/** Every text that gives the value away, or most of it. */
function formsOf(value: string): string[] {
  const bytes = Buffer.from(value);
  const base64 = [0, 1, 2].map((offset) => {
    const padded = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
    // Those characters alone that the neighbours have no part in.
    return padded.slice(offset === 0 ? 0 : 4, -4);
  });
  return [
    value,
    ...base64,
    bytes.toString("base64url").slice(0, -2),
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    encodeURIComponent(value),
    JSON.stringify(value).slice(1, -1),
    Buffer.from(value, "utf16le").toString("latin1"),
    value.slice(0, 12),
    value.slice(-12),
  ];
}

function findLeaks(texts: Readonly<Record<string, string>>, values: readonly string[] = made): string[] {
  return Object.entries(texts).flatMap(([where, text]) =>
    values.flatMap((value, index) => {
      const form = formsOf(value).find((candidate) => candidate.length >= 12 && text.includes(candidate));
      if (form === undefined) return [];
      const at = text.indexOf(form);
      return [`canary ${index} in ${where}: ${text.slice(Math.max(0, at - 80), at + form.length + 20)}`];
    }),
  );
}

/** Every row of every table, as text and, for what is stored as bytes, byte by byte. */
async function dumpStore(app: App): Promise<string> {
  const names = await many(
    app.db,
    z.object({ name: z.string() }),
    sql`
    select format('%I.%I', schemaname, tablename) as name
    from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  const parts: string[] = [];
  for (const { name } of names) {
    const rows = await many(
      app.db,
      z.object({ line: z.string() }),
      sql`select t::text as line from ${sql.raw(name)} t`,
    );
    for (const { line } of rows) {
      parts.push(
        line,
        line.replaceAll(/\\\\x([0-9a-f]+)/g, (_all, hex: string) => Buffer.from(hex, "hex").toString("latin1")),
      );
    }
  }
  return parts.join("\n");
}

async function dumpFiles(directory: string): Promise<string> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile());
  const contents = await Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name))));
  return contents.map((content) => content.toString("latin1")).join("\n");
}

/** Fields of the provider: what is secret is a canary, everything else fits. */
function fieldsOf(provider: (typeof allProviders)[number], host: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(provider.fields).map(([name, { type }]) => {
      if (name === "connection_url") return [name, `postgres://user:${canary()}@127.0.0.1:1/db`];
      if (name === "service_account_json")
        return [name, JSON.stringify({ client_email: "a@b", private_key: canary() })];
      if (type === "secret") return [name, canary()];
      if (/url|endpoint|site$/.test(name)) return [name, host];
      return [name, name === "port" ? "465" : name === "secure" ? "tls" : "plain"];
    }),
  );
}

/** A service that repeats everything it is told, as careless ones do. */
function startParrot(t: TestContext) {
  return startOutsideServer(t, ({ url, headers, body }) => {
    const words = JSON.stringify({
      error: { message: `wrong key ${url} ${JSON.stringify(headers)} ${body}`, code: url },
    });
    return {
      status: 401,
      headers: { "content-type": "application/json", "x-request-id": words.slice(0, 300) },
      body: words,
    };
  });
}

async function carelessApp(t: TestContext): Promise<App> {
  const parrot = await startParrot(t);
  const entries = allProviders.map(({ name }) => [name, { url: parrot.url, allow_private: true }]);
  return testApp(t, {
    outside: Object.fromEntries(entries),
    notifications: { channels: { file: { path: "/nonexistent" } } },
  });
}

test("a canary is found in each of its forms, so that finding none means something", () => {
  const value = canary();
  for (const form of formsOf(value)) assert.equal(findLeaks({ there: `…${form}…` }, [value]).length, 1, form);
  for (const offset of ["", "x", "xy", "xyz"]) {
    const text = Buffer.from(`${offset}${value}tail`).toString("base64");
    assert.equal(findLeaks({ there: text }, [value]).length, 1, offset);
  }
});

test("no canary is in a row, a log line, an answer or a message after everything was done with it over the API", async (t) => {
  const app = await carelessApp(t);
  const jobs: ServerApp["jobs"] = { enqueue: async () => ({ jobId: "1" }) };
  const lines: string[] = [];
  const tokens = await testActors(app);
  const server = await createHttpServer({
    routes: listCredentialRoutes({ ...app, jobs }),
    authenticate: (credentials) => authenticate(app, credentials),
    sessionCookie,
    version: app.programVersion,
    publicUrl: undefined,
    log: createLog({ write: (line) => lines.push(line) }),
  });
  t.after(() => server.close());
  const answers: string[] = [];
  const ask = async (method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE", url: string, payload?: object) => {
    const headers = { host: "localhost", authorization: `Bearer ${tokens.admin}` };
    const answer = await server.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
    return { status: answer.statusCode, text: `${answer.body} ${JSON.stringify(answer.headers)}` };
  };
  const say = async (...call: Parameters<typeof ask>) => {
    const { status, text } = await ask(...call);
    answers.push(text);
    return status;
  };
  const revealed = new Map<string, string>();
  const errors: string[] = [];

  for (const provider of allProviders) {
    const name = provider.name.replaceAll("_", "-");
    const fields = fieldsOf(provider, "https://example.com");
    const added = await say("POST", "/credentials", { name, provider: provider.name, fields });
    assert.equal(added, 201, `${provider.name}: ${answers.at(-1)}`);
    const credential = await findCredential(app.db, name);
    assert.ok(credential);
    const { id } = credential;
    const secret = Object.keys(fields).find((field) => provider.fields[field]?.type === "secret") ?? "";
    const reveal = await ask("POST", `/credentials/${id}/reveal`, { field: secret });
    assert.equal(reveal.status, 200);
    revealed.set(fields[secret] ?? "", reveal.text);
    await withCheckTools(app, (tools) =>
      checkCredential(app, tools, name, { requestedBy: "test", signal: new AbortController().signal, force: true }),
    ).catch((error: unknown) => errors.push(describe(error)));
    await say("POST", `/credentials/${provider.name}/validate?credential_id=${id}`);
    await say("PUT", `/credentials/${id}/value`, { fields: { [canary()]: canary(), [secret]: canary() } });
    await say("PUT", `/credentials/${id}/value`, { fields: { [secret]: `${canary()}\n${canary()}` } });
    await say("PUT", `/credentials/${id}/value`, { fields: { [secret]: [canary()] } });
    await say("PUT", `/credentials/${id}/value`, { fields: fieldsOf(provider, "https://example.com") });
    await say("POST", `/credentials/${id}/reveal`, { field: canary() });
    await say("POST", "/credentials", { name, provider: provider.name, fields });
    await say("POST", "/credentials", { name: `x${canary()}`, provider: `p${canary()}`, fields });
    await say("POST", `/credentials/${id}/rollback`, {});
    await say("GET", `/credentials/${id}`);
    await say("GET", `/credentials/${id}/versions`);
    await say("GET", `/credentials/${id}/checks`);
  }
  for (const url of ["/credentials", "/credentials/status", "/credentials/equal", `/providers/${canary("k")}`])
    await say("GET", url);
  await say("GET", `/credentials/${canary()}`);
  await say("POST", "/providers", { name: canary(), [canary()]: 1 });
  const elsewhere = { ...app, config: { ...app.config, outside: {} } };
  for (const provider of allProviders) {
    const credential = await findCredential(app.db, provider.name.replaceAll("_", "-"));
    assert.ok(credential);
    await openForUse(elsewhere, credential, { name: "test" }).catch((error: unknown) => errors.push(describe(error)));
  }
  await relayEvents(app, [{ ...notifications, deliver: async () => undefined }], {
    deliverWithinMs: 1_000,
    signal: new AbortController().signal,
  });

  assert.ok(made.length >= 200, String(made.length));
  assert.ok(errors.length > 0 && lines.length > 500);
  const texts = {
    store: await dumpStore(app),
    log: lines.join("\n"),
    answers: answers.join("\n"),
    errors: errors.join("\n"),
    files: await dumpFiles(app.stateDir),
  };
  assert.deepEqual(findLeaks(texts), []);
  for (const [value, text] of revealed) {
    const others = made.filter((other) => !value.includes(other));
    assert.deepEqual(findLeaks({ reveal: text }, others), []);
  }
});

test("no canary is on a screen, in a message, in the store or in a file after the commands had it", async (t) => {
  made.length = 0;
  const parrot = await startParrot(t);
  const outside = allProviders.map(({ name }) => `  ${name}: { url: "${parrot.url}", allow_private: true }`).join("\n");
  const program = await openVaultProgram(
    t,
    (directory) => `notifications: { channels: { file: { path: ${directory}/messages } } }\noutside:\n${outside}\n`,
  );
  const said: string[] = [];
  const say = async (words: readonly string[], input?: string): Promise<number> => {
    const ran = await program.run(words, input);
    said.push(`${ran.stdout}\n${ran.stderr}`);
    return ran.exitCode;
  };

  for (const provider of allProviders.slice(0, 6)) {
    const name = provider.name.replaceAll("_", "-");
    const add = ["credentials", "add", name, "--provider", provider.name];
    assert.equal(await say(add, JSON.stringify(fieldsOf(provider, "https://example.com"))), 0, said.at(-1));
    await say(["credentials", "rotate", name], JSON.stringify(fieldsOf(provider, "https://example.com")));
    await say(["credentials", "rotate", name], `${canary()} ${canary()}\n${canary()}`);
    await say(["credentials", "rotate", name, "--json"], JSON.stringify({ [canary()]: canary() }));
    await say(["credentials", "check", name, "--json"]);
    await say(["credentials", "show", name, "--json"]);
    await say(["credentials", "reveal", name, canary()]);
  }
  await say(["credentials", "show", canary()]);
  await say(["credentials", "add", canary(), "--provider", canary(), "--field", canary()], canary());
  await say(["credentials", "add", "y", "--provider", "openai", "--field", `api_key=${canary()}`], canary());
  for (const words of [["credentials", "list"], ["doctor"], ["audit", "list", "--json"], ["notifications", "list"]])
    await say(words);

  assert.deepEqual(findLeaks({ screen: said.join("\n"), files: await dumpFiles(program.directory) }), []);
});

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : ` ← ${describe(error.cause)}`;
  return `${error.stack ?? error.message} ${JSON.stringify(error)}${cause}`;
}
