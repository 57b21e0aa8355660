import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import { freshDatabase } from "#test/database.ts";
import { type OutsideServer, startOutsideServer } from "#test/outside-server.ts";
import { type Ran, runLeveredge } from "#test/run-leveredge.ts";

type Program = { directory: string; server: OutsideServer; run(...words: string[]): Promise<Ran> };

/** The real program with a file channel and a webhook that answers what a test says. */
async function openProgram(t: TestContext, answer: () => number, more = ""): Promise<Program> {
  const directory = await mkdtemp(join(tmpdir(), "leveredge-notify-"));
  t.after(() => rm(directory, { recursive: true }));
  const server = await startOutsideServer(t, () => ({ status: answer() }));
  const config = join(directory, "leveredge.yaml");
  await writeFile(
    config,
    `platform: { name: Test, root: ${directory} }
notifications:
  channels:
    file: { path: ${directory}/messages.jsonl }
    webhook: { url: "https://hook.example/x", secret: "env:HOOK" }
    slack: { webhook_url: "vault:slack/url" }
${more}outside: { webhook: { url: "${server.url}", allow_private: true } }
`,
  );
  const store = await freshDatabase(t);
  const env = { DATABASE_URL: store.url, HOOK: "the-secret-of-the-hook" };
  return {
    directory,
    server,
    run: (...words) => runLeveredge([...words, "--config", config, "--state", join(directory, "state")], { env }),
  };
}

test("notify ends 0 when sent, 12 when it waits, 13 when dead; the dead is listed, sent again and dropped", async (t) => {
  let status = 200;
  const { directory, server, run } = await openProgram(t, () => status);

  const sent = await run("notify", "The restore is done", "--channel", "file", "--title", "Restore");
  assert.deepEqual([sent.exitCode, sent.stdout], [0, "file: sent\n"], sent.stderr);
  const line: unknown = JSON.parse(await readFile(join(directory, "messages.jsonl"), "utf8"));
  assert.ok(typeof line === "object" && line !== null && "title" in line && line.title === "Restore");

  const blocked = await run("notify", "hello", "--channel", "slack");
  assert.equal(blocked.exitCode, 12);
  assert.match(blocked.stdout, /^slack: waiting/);

  status = 400;
  const dead = await run("notify", "hello", "--channel", "webhook");
  assert.deepEqual([dead.exitCode, dead.stdout], [13, "webhook: dead — webhook answered 400\n"]);
  const listed = await run("notifications", "list", "--only", "dead");
  assert.match(listed.stdout, /normal +hello +webhook dead \(webhook answered 400\) /);

  status = 200;
  const resent = await run("notifications", "resend", "--all-dead");
  assert.deepEqual([resent.exitCode, resent.stdout], [0, "webhook: sent\n"], resent.stderr);
  const ids = server.asked.filter(({ body }) => /hello/.test(body)).map(({ headers }) => headers["webhook-id"]);
  assert.deepEqual([ids.length, new Set(ids).size], [2, 1]);
  assert.equal((await run("notifications", "drop", "--all-dead")).stdout, "there is nothing to drop\n");
  assert.equal((await run("notifications", "drop", "--channel", "slack")).exitCode, 5);
});

test("a message for a channel that is not configured says on stderr which fallback took it", async (t) => {
  const { run } = await openProgram(t, () => 200, "  fallback: file\n");

  const fallen = await run("notify", "\u001b[31mhello", "--channel", "nope");
  const named = await run("notify", "hello", "--channel", "file");

  assert.deepEqual([fallen.exitCode, fallen.stdout], [0, "file: sent\n"]);
  assert.equal(fallen.stderr, 'channel "nope" is not configured: the fallback file takes the message\n');
  assert.deepEqual([named.exitCode, named.stderr], [0, ""]);
  const listed = await run("notifications", "list");
  assert.match(listed.stdout, / \\x1b\[31mhello +file sent /);
});

test("what cannot be meant is refused, and no message is left by it", async (t) => {
  const { run } = await openProgram(t, () => 200);

  const unknown = await run("notify", "x", "--channel", "pager");
  const [blank, neither, wrong] = [
    await run("notify", "   "),
    await run("notifications", "resend"),
    await run("notifications", "resend", "12"),
  ];

  assert.equal(unknown.exitCode, 4);
  assert.match(unknown.stderr, /there is no channel "pager" \(configured: slack, webhook, file\)/);
  assert.deepEqual([blank.exitCode, neither.exitCode, wrong.exitCode], [2, 2, 2]);
  assert.equal((await run("notifications", "list")).stdout, "no messages\n");
});
