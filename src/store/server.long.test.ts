import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chown, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { ownerQuery } from "#test/database-role.ts";
import { everybody, makeHousehold, running } from "#test/server-user.ts";

import { startServer } from "./server.ts";

for (const who of everybody) {
  test(`several processes of ${who} that start at once have one server`, async (t) => {
    const { use } = await makeHousehold(t, who);

    const answers = await Promise.all([use(), use(), use(), use()].map(running));

    assert.equal(answers.filter(({ startedHere }) => startedHere).length, 1);
    assert.equal(new Set(answers.map(({ pid }) => pid)).size, 1);
  });

  test(`a server of ${who} outlives the SIGKILL of its starter and is adopted`, async (t) => {
    const { use } = await makeHousehold(t, who);
    const starter = use();
    const before = await running(starter);
    starter.process.kill("SIGKILL");
    await once(starter.process, "close");

    const after = await running(use());

    assert.deepEqual(after, { ...before, startedHere: false });
  });

  test(`a killed postmaster of ${who} is started again with every committed row`, async (t) => {
    const { use } = await makeHousehold(t, who);
    const first = await running(use());
    await ownerQuery(first.url, "create table kept as select 1 as number");
    process.kill(first.pid, "SIGKILL");

    const second = await running(use());

    assert.notEqual(second.pid, first.pid);
    assert.equal(second.startedHere, true);
    assert.deepEqual(await ownerQuery(second.url, "select number from kept"), [{ number: 1 }]);
  });

  test(`lock files of ${who} whose pid belongs to another program now are recognised`, async (t) => {
    const { use } = await makeHousehold(t, who);
    const first = use();
    const { dataDirectory, socketDirectory, pid } = await running(first);
    const { uid, gid } = await ownerOf(dataDirectory);
    const locks = [join(dataDirectory, "postmaster.pid"), join(socketDirectory, ".s.PGSQL.5432.lock")];
    const left = await Promise.all(locks.map(async (path) => ({ path, text: await readFile(path, "utf8") })));
    await first.leave();
    const stranger = spawn("cat", { uid, gid, stdio: ["pipe", "ignore", "ignore"] });
    t.after(() => stranger.kill());
    await mkdir(socketDirectory, { mode: 0o700 });
    for (const { path, text } of left) {
      await writeFile(path, text.replace(String(pid), String(stranger.pid)), { mode: 0o600 });
    }
    for (const path of [socketDirectory, ...locks]) await chown(path, uid, gid);

    const second = await running(use());

    assert.equal(second.startedHere, true);
    assert.equal(stranger.exitCode ?? stranger.signalCode, null);
  });

  test(`a start by ${who} that is killed during initdb leaves nothing half-made`, async (t) => {
    const { use, address } = await makeHousehold(t, who);
    const home = who === "this user" && process.getuid?.() === 0 ? address.dataHome : join(address.directory, "store");
    const starter = use();
    await waitForInitdb(home ?? "");
    starter.process.kill("SIGKILL");
    await once(starter.process, "close");

    const { dataDirectory, startedHere } = await running(use());

    assert.equal(startedHere, true);
    assert.deepEqual(
      (await readdir(dirname(dataDirectory))).filter((name) => name.startsWith("new-")),
      [],
    );
  });
}

test("a server whose socket directory was cleaned away is restarted with a new one", async (t) => {
  const { use } = await makeHousehold(t, "this user");
  const { pid, socketDirectory } = await running(use());
  await rm(socketDirectory, { recursive: true });

  const after = await running(use());

  assert.notEqual(after.pid, pid);
  assert.deepEqual(await ownerQuery(after.url, "select 1 as number"), [{ number: 1 }]);
});

test("a runtime directory whose path is too long for a socket is not used", async (t) => {
  const who = everybody.at(-1) ?? "this user";
  const { use } = await makeHousehold(t, who, { runtimeDirectory: `/run/${"long/".repeat(20)}` });

  const { socketDirectory } = await running(use());

  assert.match(socketDirectory, /^\/tmp\/leveredge-[0-9]+-[0-9a-f]{8}$/);
});

test("a socket directory that somebody else prepared is refused", async (t) => {
  const who = everybody.at(-1) ?? "this user";
  const { use } = await makeHousehold(t, who);
  const first = use();
  const { socketDirectory } = await running(first);
  await first.leave();
  const elsewhere = await mkdtemp(join(tmpdir(), "leveredge-elsewhere-"));
  await rm(socketDirectory, { recursive: true, force: true });
  await symlink(elsewhere, socketDirectory);
  t.after(() => Promise.all([rm(elsewhere, { recursive: true }), rm(socketDirectory)]));

  const answer = await use().answer;

  assert.ok("error" in answer);
  assert.match(answer.error.message, /is not a private directory of this user/);
});

test("data without their password are named, not initialised again", async (t) => {
  const { use, address } = await makeHousehold(t, "this user");
  const first = use();
  await running(first);
  await first.leave();
  const password = join(address.directory, "store", "password");
  await rename(password, `${password}.away`);

  const answer = await use().answer;

  assert.ok("error" in answer);
  assert.match(answer.error.message, /password is missing/);
});

test("data of another major version are refused", async (t) => {
  const { use, address } = await makeHousehold(t, "this user", { major: 15 });
  const first = use();
  await running(first);
  await first.leave();

  const start = startServer({ ...address, major: 18 });

  await assert.rejects(start, /holds PostgreSQL 15, this program runs 18/);
});

test("a state directory that was deleted and made again starts empty", async (t) => {
  const { use, address } = await makeHousehold(t, "this user");
  const first = use();
  const before = await running(first);
  await ownerQuery(before.url, "create table gone ()");
  await first.leave();
  await rm(address.directory, { recursive: true });
  await mkdir(address.directory, { mode: 0o700 });

  const after = await running(use());

  assert.equal(after.startedHere, true);
  assert.deepEqual(await ownerQuery(after.url, "select to_regclass('gone') as table"), [{ table: null }]);
});

async function ownerOf(path: string): Promise<{ uid: number; gid: number }> {
  const { uid, gid } = await stat(path);
  return { uid, gid };
}

/** Until initdb has begun to write; it ends by itself when the starter does not get there. */
async function waitForInitdb(home: string): Promise<void> {
  for (;;) {
    const names = await readdir(home, { recursive: true }).catch(() => []);
    if (names.some((name) => /new-[^/]+\/data\/base/.test(name))) return;
  }
}
