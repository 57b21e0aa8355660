/**
 * Finds the programs of this machine that LeverEdge and its tests run, and
 * installs what is missing with apt where it may; else it names the exact
 * command. Nothing is skipped silently: a program that stays missing ends this
 * with exit code 7.
 */
import { execFile, spawnSync } from "node:child_process";
import { parseArgs, promisify } from "node:util";

import { minimalEnvironment } from "#system/run.ts";

type Tool = {
  program: string;
  package: string;
  oldestMajor?: number;
  /** What it is asked to tell that it is there. Default `--version`. */
  probe?: string[];
  /** What that exits with. Default 0. */
  versionExit?: number;
};

const everyday: Tool[] = [
  { program: "git", package: "git" },
  { program: "psql", package: "postgresql-client", oldestMajor: 15 },
  { program: "pg_dump", package: "postgresql-client", oldestMajor: 15 },
];

/** What only the tests need. */
const testing: Tool[] = [
  { program: "curl", package: "curl" },
  // Debian's own Python: the one that its packages are for.
  { program: "/usr/bin/python3", package: "python3-httpx", probe: ["-c", "import httpx"] },
];

/** What only the long tests need. */
const long: Tool[] = [{ program: "pgbouncer", package: "pgbouncer" }];

/** What only the benchmarks need. */
const benching: Tool[] = [{ program: "wrk", package: "wrk", versionExit: 1 }];

const probeTimeoutMs = 20_000;
const installTimeoutMs = 10 * 60_000;
const missingExit = 7;

const flag = { type: "boolean", default: false } as const;
const { values } = parseArgs({ options: { test: flag, long: flag, bench: flag } });
process.exitCode = await setUp([
  ...everyday,
  ...(values.test || values.long ? testing : []),
  ...(values.long ? long : []),
  ...(values.bench ? benching : []),
]);

async function setUp(tools: Tool[]): Promise<number> {
  const before = await describeMissing(tools);
  if (before.length === 0) return 0;
  const packages = [...new Set(before.map(({ tool }) => tool.package))];
  for (const { text } of before) console.error(text);

  const rights = findRights();
  const install = ["apt-get", "install", "-y", "--no-install-recommends", ...packages];
  if (rights === undefined) {
    console.error(`Install them and run this again:\n  sudo apt-get update && sudo ${install.join(" ")}`);
    return missingExit;
  }
  console.error(`Installing ${packages.join(", ")}: ${[...rights, ...install].join(" ")}`);
  if (!succeeds([...rights, "apt-get", "update"]))
    console.error("apt-get update failed; trying with the lists there are");
  if (!succeeds([...rights, ...install])) {
    console.error(`The installation failed. Install them and run this again:\n  ${[...rights, ...install].join(" ")}`);
    return missingExit;
  }
  const after = await describeMissing(tools);
  for (const { text } of after) console.error(text);
  return after.length === 0 ? 0 : missingExit;
}

async function describeMissing(tools: Tool[]): Promise<{ tool: Tool; text: string }[]> {
  const problems = await Promise.all(tools.map(findProblem));
  return tools.flatMap((tool, index) => {
    const problem = problems[index];
    return problem === undefined ? [] : [{ tool, text: `${tool.program} ${problem}` }];
  });
}

/** Asks the program itself: Debian's wrappers are there without what they wrap. */
async function findProblem(tool: Tool): Promise<string | undefined> {
  const { program, oldestMajor, probe = ["--version"], versionExit = 0 } = tool;
  const asked = promisify(execFile)(program, probe, { env: minimalEnvironment(), timeout: probeTimeoutMs });
  const stdout = await asked.then(
    (answer) => answer.stdout,
    (failure: { code?: unknown; stdout?: string }) => (failure.code === versionExit ? failure.stdout : undefined),
  );
  if (stdout === undefined) return `is not installed, or without ${tool.package}`;
  const major = Number(/\b(\d+)\.\d+/.exec(stdout)?.[1]);
  if (oldestMajor === undefined || major >= oldestMajor) return undefined;
  return `is version ${major}, at least ${oldestMajor} is needed`;
}

/** The words before a command that needs root; undefined when this user may not install. */
function findRights(): string[] | undefined {
  if (!succeeds(["apt-get", "--version"], "ignore")) return undefined;
  if (process.getuid?.() === 0) return [];
  return succeeds(["sudo", "-n", "true"], "ignore") ? ["sudo", "-n", "DEBIAN_FRONTEND=noninteractive"] : undefined;
}

function succeeds([program = "", ...args]: string[], output: "inherit" | "ignore" = "inherit"): boolean {
  const { status } = spawnSync(program, args, {
    env: { ...minimalEnvironment(), DEBIAN_FRONTEND: "noninteractive" },
    // Installers talk; our own stdout stays free for data.
    stdio: ["ignore", output === "inherit" ? 2 : "ignore", output],
    timeout: installTimeoutMs,
  });
  return status === 0;
}
