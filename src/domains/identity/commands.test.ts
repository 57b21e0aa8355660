import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import { freshDatabase } from "#test/database.ts";
import { type Ran, runLeveredge } from "#test/run-leveredge.ts";

/** The real program over a store of the test's own. */
async function openProgram(t: TestContext): Promise<(...words: string[]) => Promise<Ran>> {
  const directory = await mkdtemp(join(tmpdir(), "leveredge-identity-"));
  t.after(() => rm(directory, { recursive: true }));
  const config = join(directory, "leveredge.yaml");
  await writeFile(config, `platform: { name: Test, root: ${directory} }\nserve: { port: 8123 }\n`);
  const store = await freshDatabase(t);
  const env = { DATABASE_URL: store.url };
  return (...words) => runLeveredge([...words, "--config", config, "--state", join(directory, "state")], { env });
}

test("a user is made, gets a token that is printed once and alone, and loses it", async (t) => {
  const leveredge = await openProgram(t);

  const user = await leveredge("users", "create", "ci", "--role", "service");
  const made = await leveredge(
    ...["tokens", "create", "--user", "ci", "--name", "nightly job"],
    ...["--scopes", "backups:verify:*, runs:read:dev", "--expires", "30d"],
  );

  assert.equal(user.exitCode, 0, user.stderr);
  assert.match(made.stdout, /^aegis_pat_[0-9A-Za-z]{57}\n$/, made.stderr);
  const token = made.stdout.trim();
  const id = token.slice(10, 18);
  assert.match(made.stderr, new RegExp(`^${id} of ci, until .*: backups:verify:\\* runs:read:dev\n.*not shown again`));
  assert.ok(!made.stderr.includes(token.slice(18)));

  const listed = await leveredge("tokens", "list");
  assert.match(listed.stdout, new RegExp(`^ID .*\n${id}  ci    nightly job  live `));
  assert.match((await leveredge("tokens", "revoke", id)).stdout, /^\w{8} is revoked\n$/);
  const again = await leveredge("tokens", "revoke", id);
  assert.deepEqual([again.exitCode, again.stdout], [0, `${id} was revoked before\n`]);
  assert.equal(JSON.parse((await leveredge("tokens", "list", "--json")).stdout)[0].id, id);
});

test("what cannot be made is refused with every fault and the way out", async (t) => {
  const leveredge = await openProgram(t);
  await leveredge("users", "create", "scribe", "--role", "agent");

  const wrong = await leveredge("tokens", "create", "--user", "scribe", "--scopes", "a:b", "--expires", "soon");
  assert.equal(wrong.exitCode, 2);
  for (const part of [
    /name: expected what it is for/,
    /scopes\.0: expected resource:action:environment/,
    /expires: expected a time/,
  ]) {
    assert.match(wrong.stderr, part);
  }
  const beyond = await leveredge("tokens", "create", "--user", "scribe", "--name", "x", "--scopes", "*:*:*");
  assert.equal(beyond.exitCode, 3);
  assert.match(beyond.stderr, /role agent of scribe does not give \*:\*:\*\nhint: Choose among: notifications:send:\*/);
  assert.equal((await leveredge("tokens", "create", "--user", "mole", "--name", "x")).exitCode, 4);
  assert.equal((await leveredge("users", "create", "scribe", "--role", "viewer")).exitCode, 5);
  assert.equal((await leveredge("users", "create", "Bad Name", "--role", "viewer")).exitCode, 2);
});

test("sign-in prints a link for a person and for nobody else", async (t) => {
  const leveredge = await openProgram(t);
  await leveredge("users", "create", "admin", "--role", "admin");

  const link = await leveredge("sign-in");
  assert.match(link.stdout, /^http:\/\/localhost:8123\/sign-in#[\w-]{43}\n$/, link.stderr);
  assert.match(link.stderr, /within ten minutes/);

  await leveredge("users", "create", "damon", "--role", "operator");
  assert.equal((await leveredge("users", "disable", "damon")).stdout, "damon is disabled\n");
  assert.match((await leveredge("sign-in", "damon")).stderr, /hint: Enable it first: leveredge users enable damon/);
  assert.equal((await leveredge("users", "enable", "damon")).stdout, "damon is enabled\n");
  const last = await leveredge("users", "disable", "admin");
  assert.equal(last.exitCode, 5);
  assert.match(last.stderr, /the last admin/);
});
