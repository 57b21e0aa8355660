/** A real pgbouncer in front of a test database. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chown, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";

import { Secret } from "#secrets/secret.ts";
import { minimalEnvironment } from "#system/run.ts";

/** The URL of the database through a pooler of that mode; ended after the test. */
export async function startPooler(t: TestContext, url: Secret, mode: "session" | "transaction"): Promise<Secret> {
  const target = new URL(url.reveal());
  const socketDirectory = decodeURIComponent(target.hostname);
  // The server's socket is private: the pooler runs as the server's user.
  const { uid, gid } = await stat(socketDirectory);
  const directory = await mkdtemp(join(tmpdir(), "leveredge-pooler-"));
  const configuration = join(directory, "pgbouncer.ini");
  await writeFile(
    configuration,
    `[databases]
* = host=${socketDirectory} port=5432 user=postgres password=${target.password}
[pgbouncer]
pool_mode = ${mode}
auth_type = any
listen_addr =
listen_port = 6543
unix_socket_dir = ${directory}
`,
    { mode: 0o600 },
  );
  for (const path of [directory, configuration]) await chown(path, uid, gid);
  const pooler = spawn("pgbouncer", [configuration], {
    cwd: "/",
    env: minimalEnvironment(),
    stdio: ["ignore", "ignore", "pipe"],
    ...(process.getuid?.() === 0 ? { uid, gid } : {}),
  });
  t.after(async () => {
    if (pooler.exitCode === null) {
      const closed = once(pooler, "close");
      pooler.kill("SIGTERM");
      await closed;
    }
    await rm(directory, { recursive: true });
  });
  for await (const line of createInterface({ input: pooler.stderr })) if (line.includes("process up")) break;
  pooler.stderr.resume();
  return new Secret(`postgresql://postgres@${encodeURIComponent(directory)}:6543${target.pathname}`);
}
