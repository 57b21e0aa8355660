/** Which pg_restore and psql of this host can read a dump. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";

import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import type { SystemUser } from "#store/system-user.ts";
import type { RunOptions, RunResult } from "#system/run.ts";

export type ClientProgram = {
  /** They start it: one path, or a container's exec command and the name. */
  words: string[];
  version: string;
  major: number;
  /** Whom it runs as, when not as this process does: what it reads is a stranger's. */
  user?: SystemUser;
};

const installations = "/usr/lib/postgresql";
const versionTimeoutMs = 30_000;
/** The first of each major version whose psql knows `\restrict`. */
const restrictingMinors: Record<number, number> = { 13: 22, 14: 19, 15: 14, 16: 10, 17: 6 };

/** Of the programs of this host those that run, oldest first: an installation is preferred to the wrapper of PATH. */
export async function listClientPrograms(
  app: Pick<App, "run">,
  name: "pg_restore" | "psql",
  { user, signal }: { user: SystemUser | undefined; signal: AbortSignal },
): Promise<ClientProgram[]> {
  const majors = (await readdir(installations).catch(() => [])).filter((entry) => /^\d+$/.test(entry));
  const paths = [...majors.map((major) => join(installations, major, "bin", name)), name];
  const found: ClientProgram[] = [];
  for (const path of paths) {
    const program = await askVersion(app, [path], signal);
    if (program === undefined || found.some(({ version }) => version === program.version)) continue;
    found.push(user === undefined ? program : { ...program, user });
  }
  return found.toSorted((a, b) => a.major - b.major);
}

/** The pg_restore behind `via`; undefined when there is none. */
export function findClientBehind(
  app: Pick<App, "run">,
  via: readonly string[],
  signal: AbortSignal,
): Promise<ClientProgram | undefined> {
  return askVersion(app, [...via, "pg_restore"], signal);
}

/** The oldest that is not older than the program that dumped; it writes a dump most like that one. */
export function chooseReader(programs: readonly ClientProgram[], dumpMajor: number): ClientProgram | undefined {
  return programs.find(({ major }) => major >= dumpMajor);
}

/** One that can be forbidden to obey a script's backslash commands, `\!` among them. */
export function chooseRestrictedPsql(programs: readonly ClientProgram[]): ClientProgram | undefined {
  return programs.findLast(({ major, version }) => {
    const minor = Number(version.split(".")[1] ?? 0);
    return major >= 18 || minor >= (restrictingMinors[major] ?? Number.POSITIVE_INFINITY);
  });
}

/** Runs it as whom it is to run. */
export function runClient(
  app: Pick<App, "run">,
  { words, user }: ClientProgram,
  args: readonly string[],
  options: RunOptions,
): Promise<RunResult> {
  const [program = "", ...prefix] = words;
  return app.run(program, [...prefix, ...args], { ...options, ...(user === undefined ? {} : { user }) });
}

/** `15` of `15.18 (Debian 15.18-1)`; NaN where there is no number. */
export function majorOf(version: string): number {
  return Number.parseInt(version, 10);
}

async function askVersion(
  app: Pick<App, "run">,
  words: string[],
  signal: AbortSignal,
): Promise<ClientProgram | undefined> {
  const [program = "", ...args] = words;
  try {
    const { stdout } = await app.run(program, [...args, "--version"], { timeoutMs: versionTimeoutMs, signal });
    const version = /\(PostgreSQL\) (\S+)/.exec(stdout)?.[1];
    return version === undefined ? undefined : { words, version, major: majorOf(version) };
  } catch (error) {
    // Not installed, or a wrapper without a version behind it: it cannot be used.
    if (error instanceof AppError && !signal.aborted) return undefined;
    throw error;
  }
}
