import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { makeHousehold, running } from "#test/server-user.ts";

import { listForgottenServers } from "./forgotten-servers.ts";
import { shutDown } from "./server-process.ts";

test("a server of root whose state directory was deleted is listed with its process, a server in use is not", async (t) => {
  const { use, address } = await makeHousehold(t, "this user");
  const { pid, dataDirectory } = await running(use());
  const before = await listForgottenServers(address.dataHome);

  await rm(join(address.directory, "store"), { recursive: true });

  const after = await listForgottenServers(address.dataHome);
  process.kill(pid, "SIGINT");
  await shutDown(dataDirectory);
  assert.deepEqual(before, []);
  // Data of an ordinary user lie in the state directory and go with it.
  const own = join(address.directory, "store");
  const expected = process.getuid?.() === 0 ? [{ home: join(dataDirectory, ".."), own, pid }] : [];
  assert.deepEqual(after, expected);
});
