import assert from "node:assert/strict";
import { appendFile, mkdtemp, readFile, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import type { Message, SendContext } from "./channel.ts";
import { openFile } from "./file.ts";

const message: Message = {
  id: "1",
  severity: "normal",
  title: "t",
  text: "two\nlines",
  at: "2026-11-22T03:00:00.000Z",
};
const context: SendContext = { signal: AbortSignal.timeout(10_000), sentParts: 0, onPart: () => Promise.resolve() };

async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "leveredge-file-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

test("each message is a line of JSON in a file that only its owner reads, also after a line that was cut off", async (t) => {
  const path = join(await makeFolder(t), "messages.jsonl");
  const sender = openFile({ path });

  await sender.send(message, context);
  await appendFile(path, '{"id":"torn');
  const result = await sender.send({ ...message, id: "2" }, context);

  assert.deepEqual(result, { state: "sent" });
  const lines = (await readFile(path, "utf8")).split("\n");
  assert.deepEqual(JSON.parse(lines[0] ?? ""), { ...message });
  assert.equal(lines[1], '{"id":"torn');
  assert.deepEqual(JSON.parse(lines[2] ?? ""), { ...message, id: "2" });
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test("a link is not followed, and a folder that is missing is waited for", async (t) => {
  const folder = await makeFolder(t);
  await symlink("/etc/passwd", join(folder, "link"));

  const link = await openFile({ path: join(folder, "link") }).send(message, context);
  const missing = await openFile({ path: join(folder, "none", "file") }).send(message, context);
  const directory = await openFile({ path: folder }).send(message, context);

  assert.equal(link.state, "permanent");
  assert.equal(missing.state, "retry");
  assert.notEqual(directory.state, "sent");
});
