import assert from "node:assert/strict";
import { once } from "node:events";
import { chown, cp, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { AppError } from "#errors.ts";
import { Secret } from "#secrets/secret.ts";
import { ownerQuery } from "#test/database-role.ts";
import { makeHousehold, running } from "#test/server-user.ts";

import { type Server, serverStatus, startServer, stopServer } from "./server.ts";

test("several processes that start at once have one server", async (t) => {
  const { use } = await makeHousehold(t, "this user");

  const answers = await Promise.all([use(), use(), use(), use()].map(running));

  assert.equal(answers.filter(({ startedHere }) => startedHere).length, 1);
  assert.equal(new Set(answers.map(({ pid }) => pid)).size, 1);
});

test("a server outlives the SIGKILL of its starter and is adopted", async (t) => {
  const { use } = await makeHousehold(t, "this user");
  const starter = use();
  const before = await running(starter);
  starter.process.kill("SIGKILL");
  await once(starter.process, "close");

  const after = await running(use());

  assert.deepEqual(after, { ...before, startedHere: false });
});

test("a killed postmaster is started again with every committed row", async (t) => {
  const { use } = await makeHousehold(t, "this user");
  const first = await running(use());
  await ownerQuery(first.url, "create table kept as select 1 as number");
  process.kill(first.pid, "SIGKILL");

  const second = await running(use());

  assert.notEqual(second.pid, first.pid);
  assert.equal(second.startedHere, true);
  assert.deepEqual(await ownerQuery(second.url, "select number from kept"), [{ number: 1 }]);
});

test("a user of a killed server comes back to it, and of one that was shut down does not", async (t) => {
  const { address } = await makeHousehold(t, "this user");
  const server = await startServer(address);
  await ownerQuery(server.ownerUrl, "create table kept as select 1 as number");
  assert.equal(await server.revive(), false);

  process.kill(server.pid, "SIGKILL");
  const revived = await untilRevived(server);
  const rows = await ownerQuery(server.ownerUrl, "select number from kept");
  await stopServer(address);
  await delay(300);

  assert.equal(revived, true);
  assert.deepEqual(rows, [{ number: 1 }]);
  assert.equal(await server.revive(), false);
  await server.stop();
  assert.deepEqual(await serverStatus(address), { state: "stopped" });
});

test("of the users of a killed server one starts it, and it runs until the last has left", async (t) => {
  const { address } = await makeHousehold(t, "this user");
  const [starter, guest] = [await startServer(address), await startServer(address)];
  process.kill(starter.pid, "SIGKILL");

  const guestStarted = await untilRevived(guest);
  const starterStarted = await starter.revive();
  await starter.stop();

  assert.deepEqual([guestStarted, starterStarted], [true, false]);
  assert.deepEqual(await ownerQuery(guest.ownerUrl, "select 1 as number"), [{ number: 1 }]);
  await guest.stop();
  assert.deepEqual(await serverStatus(address), { state: "stopped" });
});

test("a server that was killed is said to be, with its log", async (t) => {
  const { use, address } = await makeHousehold(t, "this user");
  const { pid } = await running(use());
  process.kill(pid, "SIGKILL");

  const status = await until(
    () => serverStatus(address),
    ({ state }) => state !== "running",
  );

  assert.equal(status.state, "killed");
  assert.match(status.state === "killed" ? status.logPath : "", /server\.log$/);
});

test("a starter that leaves does not pull the server from under another process", async (t) => {
  const { use, address } = await makeHousehold(t, "this user");
  const starter = use();
  await running(starter);
  const guest = use();
  const { pid, url } = await running(guest);

  await starter.leave();

  assert.deepEqual(await ownerQuery(url, "select 1 as number"), [{ number: 1 }]);
  await guest.leave();
  const status = await serverStatus(address);
  assert.equal(status.state === "running" && status.pid, pid);
});

test("a starter that leaves last stops the server", async (t) => {
  const { use, address } = await makeHousehold(t, "this user");
  const starter = use();
  await running(starter);

  await starter.leave();

  assert.deepEqual(await serverStatus(address), { state: "stopped" });
});

test("stopServer stops a server that others use, and a second call finds none", async (t) => {
  const { use, address } = await makeHousehold(t, "this user");
  await running(use());

  const first = await stopServer(address);

  assert.equal(first, true);
  assert.deepEqual(await serverStatus(address), { state: "stopped" });
  assert.equal(await stopServer(address), false);
});

test("a status of a state directory that was never used makes nothing", async (t) => {
  const { address } = await makeHousehold(t, "this user");

  const status = await serverStatus(address);

  assert.deepEqual(status, { state: "absent" });
  assert.deepEqual(await readdir(address.directory), []);
});

test("the server listens on nothing but a private socket and asks for the password", async (t) => {
  const { use } = await makeHousehold(t, "this user");

  const { url } = await running(use());

  const settings = `select current_setting('listen_addresses') as listen, current_setting('fsync') as fsync,
    current_setting('full_page_writes') as pages, current_setting('data_checksums') as checksums,
    current_setting('server_encoding') as encoding, current_setting('TimeZone') as timezone,
    (select string_agg(distinct auth_method, ',') from pg_hba_file_rules) as authentication,
    (select datlocprovider::text || datlocale from pg_database where datname = 'postgres') as locale`;
  assert.deepEqual(await ownerQuery(url, settings), [
    {
      ...{ listen: "", fsync: "on", pages: "on", checksums: "on", encoding: "UTF8", timezone: "UTC" },
      ...{ authentication: "scram-sha-256", locale: "bC.UTF-8" },
    },
  ]);
  const wrong = new URL(url.reveal());
  wrong.password = "wrong";
  await assert.rejects(ownerQuery(new Secret(wrong.href), "select 1"), /password authentication failed/);
});

test("a state directory of another user is refused by name", async (t) => {
  const isRoot = process.getuid?.() === 0;
  const directory = isRoot ? await mkdtemp(join(tmpdir(), "leveredge-foreign-")) : "/usr";
  if (isRoot) {
    await chown(directory, 65_534, 65_534);
    t.after(() => rm(directory, { recursive: true }));
  }

  const start = startServer({ directory, name: "store", major: 18 });

  const owner = isRoot ? "nobody" : "root";
  await assert.rejects(start, refusal("forbidden", `state directory ${directory} belongs to ${owner}`));
});

test("a state directory that cannot be made is refused with its path", async (t) => {
  const { address } = await makeHousehold(t, "this user");
  const file = join(address.directory, "file");
  await writeFile(file, "");

  const start = startServer({ ...address, directory: join(file, "state") });

  await assert.rejects(
    start,
    refusal("forbidden", `cannot read the state directory ${file}/state: a file of that name is in the way`),
  );
});

function refusal(code: string, message: string) {
  return (error: unknown): boolean => error instanceof AppError && error.code === code && error.message === message;
}

const isRoot = process.getuid?.() === 0;

test(
  "a copy of root's state directory is refused by the original's name, and a moved one is served",
  {
    skip: isRoot ? false : "an ordinary user's data lie in the state directory and are copied with it",
  },
  async (t) => {
    const { address } = await makeHousehold(t, "this user");
    const options = { ...address, signal: new AbortController().signal };
    await (await startServer(options)).stop();
    const [copy, moved] = [`${address.directory}-copy`, `${address.directory}-moved`];
    t.after(() => Promise.all([copy, moved].map((path) => rm(path, { recursive: true, force: true }))));
    await cp(address.directory, copy, { recursive: true });

    await assert.rejects(startServer({ ...options, directory: copy }), (error: unknown) => {
      assert.ok(error instanceof AppError);
      assert.deepEqual([error.code, /is a copy of/.test(error.message)], ["conflict", true]);
      return error.hint?.includes(`--state ${address.directory}`) === true;
    });

    await rename(address.directory, moved);
    await (await startServer({ ...options, directory: moved })).stop();
  },
);

/** As a program does that looks now and then: it takes a moment until the session is known to have ended. */
function untilRevived(server: Server): Promise<boolean> {
  return until(
    () => server.revive(),
    (started) => started,
  );
}

async function until<T>(look: () => Promise<T>, isDone: (seen: T) => boolean): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    const seen = await look();
    if (isDone(seen) || tries === 100) return seen;
    await delay(50);
  }
}
