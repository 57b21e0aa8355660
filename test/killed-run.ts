/**
 * A platform for hardening runs that are killed: a store, a dev and a prod
 * database and a checkout of its own, and a comparable picture of everything that
 * a run leaves in them.
 */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

import pg from "pg";

import { runProgram } from "#system/run.ts";
import { freshDatabase, testDatabase } from "#test/database.ts";

export type KilledPlatform = {
  root: string;
  stateDir: string;
  storeUrl: string;
  devUrl: string;
  prodUrl: string;
  /** Carries out `harden` with these words; kill variables go in `env`. */
  harden(words: string[], env?: Record<string, string>): Promise<Ended>;
};

export type Ended = { exitCode: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string };

export type Kill = { at: number; mode: "during" | "after" };

/** To be imported before the program that is killed. */
export const killAt = join(import.meta.dirname, "kill-at.ts");
const smallHarden = join(import.meta.dirname, "small-harden.ts");

/** The first statement of a run: opening the store before it is another subject. */
const from = "insert into hardening_run";

/** The heartbeat of the lease. */
const ignore = "set lease_until = clock_timestamp() +";

/** Which effects are counted. */
export const counted = { KILL_FROM: from, KILL_IGNORE: ignore };

export async function createPlatform(t: TestContext): Promise<KilledPlatform> {
  const directory = await mkdtemp(join(tmpdir(), "killed-run-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const [root, stateDir] = [join(directory, "platform"), join(directory, "state")];
  await mkdir(root);
  await mkdir(stateDir, { mode: 0o700 });
  await git(root, "init", "--quiet", "--initial-branch=main");
  await writeFile(join(root, "LOOSE-ENDS.md"), "# Mine\n\nKeep this.\n");
  await git(root, "add", ".");
  await git(
    root,
    "-c",
    "user.name=Damon",
    "-c",
    "user.email=damon@example.com",
    "commit",
    "--quiet",
    "--message=Begin",
  );
  await writeFile(
    join(directory, "leveredge.yaml"),
    `platform: { name: Small, root: ${root} }
environments:
  dev: { database: env:DEV_DATABASE_URL }
  prod: { database: env:PROD_DATABASE_URL }
`,
  );
  const store = await testDatabase(t);
  const [dev, prod] = [await freshDatabase(t), await freshDatabase(t)];
  const urls = { storeUrl: store.ownerUrl.reveal(), devUrl: dev.url, prodUrl: prod.url };
  const environment = {
    PATH: process.env["PATH"] ?? "",
    DATABASE_URL: urls.storeUrl,
    DEV_DATABASE_URL: urls.devUrl,
    PROD_DATABASE_URL: urls.prodUrl,
  };
  const words = ["--config", join(directory, "leveredge.yaml"), "--state", stateDir];
  const harden: KilledPlatform["harden"] = (more, env = {}) =>
    runNode(["--import", killAt, smallHarden, "harden", ...words, ...more], {
      ...environment,
      KILL_FROM: from,
      ...env,
    });
  return { root, stateDir, ...urls, harden };
}

/** Kills a run at one effect, then begins or resumes it until it is done. Answers what the last one printed. */
export async function killAndResume(platform: Pick<KilledPlatform, "harden" | "storeUrl">, kill: Kill): Promise<Ended> {
  const killed = await platform.harden(["--json"], { KILL_AT: String(kill.at), KILL_MODE: kill.mode });
  if (killed.signal !== "SIGKILL") throw new Error(`not killed at ${kill.at}: ${killed.stderr}`);
  switch (await readRunState(platform)) {
    case undefined:
      return platform.harden(["--json"]);
    case "running":
      return platform.harden(["--resume", "--json"]);
    default:
      return killed;
  }
}

/** The effects of an uninterrupted run, in order. */
export async function countEffects(
  platform: Pick<KilledPlatform, "harden" | "stateDir">,
): Promise<{ effects: string[]; ended: Ended }> {
  const log = join(platform.stateDir, "..", "effects");
  const ended = await platform.harden(["--json"], { KILL_LOG: log });
  const text = await readFile(log, "utf8").catch((cause: unknown) => {
    throw new Error(`the run had no effect: ${ended.stderr}`, { cause });
  });
  return { effects: text.trimEnd().split("\n"), ended };
}

/** Everything that a run left, without ids, times and attempts. */
export async function readPicture(platform: KilledPlatform): Promise<unknown> {
  return {
    store: await readStore(platform.storeUrl),
    dev: await readLedger(platform.devUrl),
    prod: await readLedger(platform.prodUrl),
    git: await readGit(platform.root),
  };
}

/** What runs left in the store. */
export async function readStore(url: string): Promise<unknown> {
  return withClient(url, async (client) => {
    const rows = async (text: string): Promise<unknown[]> => (await client.query(text)).rows;
    return {
      runs: await rows(`
        select platform, state, only_section, config_sha256 <> '' as has_config, program_version, requested_by, loose_ends
        from leveredge.hardening_run order by started_at`),
      sections: await rows(`
        select number, title, commit_state, commit_hash is not null as has_commit, loose_ends
        from leveredge.hardening_section order by number`),
      steps: await rows(`
        select section, position, environment, action, title, state, plan, plan_fingerprint, needs, evidence, loose_ends
        from leveredge.hardening_step order by section, position`),
      events: await rows(`
        select actor, action, target, environment, outcome, details - '{runId,stepId,configSha256}'::text[] as details
        from leveredge.event where outcome <> 'resumed' order by id`),
      // What the last kill left unsealed the next command seals.
      sealed: await rows(`select coalesce(max(position), 0) = count(*) as contiguous from leveredge.event_chain`),
    };
  });
}

async function readLedger(url: string): Promise<unknown> {
  return withClient(url, async (client) => {
    const { rows: columns } = await client.query(`
      select table_name, column_name, data_type, column_default
      from information_schema.columns where table_schema = 'public' order by table_name, ordinal_position`);
    const { rows } = columns.length === 0 ? { rows: [] } : await client.query("select * from ledger order by id");
    return { columns, rows };
  });
}

/** History and whatever is not committed. */
export async function readGit(root: string): Promise<unknown> {
  const log = await git(root, "log", "--format=%T %an%n%B");
  return {
    log: log.replaceAll(/(LeverEdge-Run: ).*/g, "$1…"),
    status: await git(root, "status", "--porcelain", "--ignored"),
  };
}

async function readRunState({ storeUrl }: Pick<KilledPlatform, "storeUrl">): Promise<string | undefined> {
  return withClient(storeUrl, async (client) => {
    const { rows } = await client.query<{ state: string }>("select state from leveredge.hardening_run");
    return rows[0]?.state;
  });
}

export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export async function git(root: string, ...args: string[]): Promise<string> {
  const env = { GIT_CONFIG_GLOBAL: "/dev/null", HOME: "/nonexistent" };
  const { stdout } = await runProgram("git", ["-C", root, ...args], { timeoutMs: 30_000, env });
  return stdout.trimEnd();
}

/** Carries out a program that may kill itself. */
export function runNode(args: string[], env: Record<string, string>): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", reject);
    // Not `close`: a git that outlives its killed parent holds the pipes open.
    child.on("exit", (exitCode, signal) => setImmediate(() => resolve({ exitCode, signal, stdout, stderr })));
  });
}
