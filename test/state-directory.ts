/** A state directory of a test's own, and the end of the servers that were started in it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

import { listServerNames, stopServer } from "#store/server.ts";
import { findPlace } from "#store/server-place.ts";

/** Its servers are stopped and their data removed after the test, also where they lie outside of it. */
export async function testStateDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "leveredge-state-"));
  t.after(async () => {
    for (const name of await listServerNames(directory)) {
      const place = await findPlace({ directory, name });
      await stopServer({ directory, name });
      if (place !== undefined) await rm(place.home, { recursive: true, force: true });
    }
    await rm(directory, { recursive: true, force: true });
  });
  return directory;
}
