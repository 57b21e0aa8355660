/**
 * Processes that use a server (`use-server.ts`), as this user or, when tests run
 * as root, as an ordinary one, who gets a copy of the program to read.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import assert from "node:assert/strict";
import type { TestContext } from "node:test";

import { z } from "zod";

import { Secret } from "#secrets/secret.ts";
import { type ServerAddress, stopServer } from "#store/server.ts";
import { minimalEnvironment, runProgram } from "#system/run.ts";

/** Debian's `nobody`: initdb wants a user that has a name. */
const nobody = { uid: 65_534, gid: 65_534 };
const programRoot = join(import.meta.dirname, "..");

export type Who = "this user" | "an ordinary user";

/** Whom the tests of a server can act as. */
export const everybody: Who[] = process.getuid?.() === 0 ? ["this user", "an ordinary user"] : ["this user"];

const Answer = z.union([
  z.object({
    pid: z.number(),
    startedHere: z.boolean(),
    dataDirectory: z.string(),
    socketDirectory: z.string(),
    url: z.string().transform((text) => new Secret(text)),
  }),
  z.object({ error: z.object({ code: z.string(), message: z.string(), hint: z.string().optional() }) }),
]);

export type ServerUser = {
  process: ChildProcess;
  /** What it said when it had the server. */
  answer: Promise<z.output<typeof Answer>>;
  /** Lets it leave in the regular way. */
  leave(): Promise<void>;
};

export type Household = {
  address: ServerAddress & { major: 15 | 18 };
  user: { uid: number; gid: number } | undefined;
  use(): ServerUser;
};

/** A state directory of the test's own and a way to start processes that use its server; all gone after the test. */
export async function makeHousehold(
  t: TestContext,
  who: Who,
  options: { major?: 15 | 18; runtimeDirectory?: string } = {},
): Promise<Household> {
  const user = who === "this user" ? undefined : nobody;
  const top = await mkdtemp(join(tmpdir(), "leveredge-server-"));
  await chmod(top, 0o755);
  const directory = join(top, "state");
  await mkdir(directory, { mode: 0o700 });
  const root = user === undefined ? programRoot : await copyProgram();
  if (user !== undefined) await chown(directory, user.uid, user.gid);
  const address = { directory, name: "store", major: 18 as const, dataHome: join(top, "data"), ...options };
  const users: ServerUser[] = [];
  t.after(async () => {
    for (const { process } of users) process.kill("SIGKILL");
    await removeServer(root, address, user);
    await rm(top, { recursive: true, force: true });
  });
  const use = (): ServerUser => {
    const started = startUser(root, address, user);
    users.push(started);
    return started;
  };
  return { address, user, use };
}

/** What a user said that was let in. */
export async function running(user: ServerUser) {
  const answer = await user.answer;
  assert.ok("pid" in answer, JSON.stringify(answer));
  return answer;
}

function startUser(root: string, address: ServerAddress, user: Household["user"]): ServerUser {
  const child = spawn(nodeOf(root), [join(root, "test", "use-server.ts"), JSON.stringify(address)], {
    cwd: root,
    env: minimalEnvironment(),
    stdio: ["pipe", "pipe", "inherit"],
    ...user,
  });
  const leave = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, "close");
    child.stdin.end();
    await closed;
  };
  const answer = once(createInterface({ input: child.stdout }), "line").then(([line]) =>
    Answer.parse(JSON.parse(String(line))),
  );
  return { process: child, answer, leave };
}

let programCopy: Promise<string> | undefined;

/**
 * The program where an ordinary user can read it, whatever directory this one
 * lies in: made once per test process. By hard links where the disk allows,
 * because node_modules is large and nobody writes to it.
 */
function copyProgram(): Promise<string> {
  return (programCopy ??= (async () => {
    const to = await mkdtemp(join(tmpdir(), "leveredge-program-"));
    process.once("exit", () => rmSync(to, { recursive: true, force: true }));
    await chmod(to, 0o755);
    const parts = ["src", "test", "node_modules", "package.json"].map((part) => join(programRoot, part));
    const copy = ["--archive", ...parts, to];
    const options = { timeoutMs: 120_000 };
    await runProgram("cp", ["--link", ...copy], options).catch(() => runProgram("cp", ["--force", ...copy], options));
    return to;
  })());
}

/** This Node, in the copy of the program. */
function nodeOf(root: string): string {
  const path = relative(programRoot, process.execPath);
  return path.startsWith("..") ? process.execPath : join(root, path);
}

/** As who owns the state directory: to others it is refused. */
async function removeServer(root: string, address: ServerAddress, user: Household["user"]): Promise<void> {
  if (user === undefined) {
    await stopServer(address);
    return;
  }
  const program = `import { stopServer } from "#store/server.ts"; await stopServer(${JSON.stringify(address)});`;
  await runProgram(nodeOf(root), ["--input-type=module", "--eval", program], {
    timeoutMs: 60_000,
    cwd: root,
    user,
  });
}
