/** What the configuration says about this host: does it exist, and may this user work with it? Read only. */
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";

import type { App } from "#app.ts";
import { formatPath } from "#config/faults.ts";
import { listUnbuiltParts } from "#config/parts.ts";
import { findLooseMode, listReferences, parseReference } from "#config/references.ts";
import type { Check } from "#domain.ts";
import { AppError, readErrorCode } from "#errors.ts";
import { findGitObstacle } from "#system/git.ts";

type Parts = Pick<App, "config" | "configPath" | "run" | "openReference" | "signal">;

const programTimeoutMs = 10_000;

export async function checkHost(app: Parts): Promise<Check[]> {
  return [
    await checkConfigFile(app),
    ...(await checkRoot(app)),
    ...(await checkPrograms(app)),
    ...(await checkReferences(app)),
    ...checkUnbuiltParts(app),
  ];
}

/** It has been read without a fault by now; whoever may write it decides what this user does. */
async function checkConfigFile({ configPath }: Parts): Promise<Check> {
  const subject = `configuration ${configPath}`;
  const isOpen = ((await stat(configPath)).mode & 0o022) !== 0;
  if (!isOpen) return { subject, state: "ok", detail: "has no fault" };
  const detail = "has no fault, but other users may change it";
  return { subject, state: "loose", detail, remedy: `Take that from them: chmod go-w ${configPath}` };
}

async function checkRoot({ config, run }: Parts): Promise<Check[]> {
  const { root } = config.platform;
  const subject = `platform root ${root}`;
  const problem = await findDirectoryProblem(root);
  if (problem !== undefined) {
    const remedy = "Correct platform.root in leveredge.yaml, or run as the user that owns it.";
    return [{ subject, state: "failed", detail: problem, remedy }];
  }
  const obstacle = await findGitObstacle(run, root, []);
  const git: Check =
    obstacle === undefined
      ? { subject: `git checkout ${root}`, state: "ok", detail: "takes the commits of a run" }
      : { subject: `git checkout ${root}`, state: "loose", detail: obstacle.text, remedy: obstacle.remedy };
  return [{ subject, state: "ok", detail: "is there and can be written" }, git];
}

function checkPrograms({ config, run, signal }: Parts): Promise<Check[]> {
  const databases = Object.values(config.environments);
  // Where every database has its own container, so have its client programs.
  const clients = databases.some((database) => database?.via === undefined) ? ["psql", "pg_dump"] : [];
  return Promise.all(
    ["git", ...clients].map(async (program): Promise<Check> => {
      const subject = `program ${program}`;
      try {
        const { stdout } = await run(program, ["--version"], { timeoutMs: programTimeoutMs, signal });
        return { subject, state: "ok", detail: stdout.trim().split("\n")[0] ?? "" };
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        const name = program === "git" ? "git" : "postgresql-client";
        return { subject, state: "failed", detail: error.message, remedy: `Install it: sudo apt-get install ${name}` };
      }
    }),
  );
}

function checkReferences(app: Parts): Promise<Check[]> {
  return Promise.all(
    listReferences(app.config).map(async ({ path, reference }): Promise<Check> => {
      const subject = `${formatPath(path)} (${reference})`;
      try {
        await app.openReference(reference);
        const loose = await findLooseMode(reference, app.configPath);
        if (loose === undefined) return { subject, state: "ok", detail: "is there" };
        return { subject, state: "loose", detail: loose, remedy: "Take it from the others: chmod 0600 on that file." };
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        return {
          subject,
          state: unopenedState(path, reference),
          detail: error.message,
          ...(error.hint === undefined ? {} : { remedy: error.hint }),
        };
      }
    }),
  );
}

/** What is not in the vault yet is a loose end, and of a database an open question. */
function unopenedState(path: PropertyKey[], reference: string): Check["state"] {
  if (parseReference(reference)?.kind !== "vault") return "failed";
  return path[0] === "environments" ? "unknown" : "loose";
}

function checkUnbuiltParts({ config }: Parts): Check[] {
  return listUnbuiltParts(config).map(({ part, feature }) => ({
    subject: part,
    state: "loose",
    detail: `is configured, but this version has no ${feature} yet`,
    remedy: "Leave it: a later version acts on it.",
  }));
}

async function findDirectoryProblem(path: string): Promise<string | undefined> {
  try {
    if (!(await stat(path)).isDirectory()) return "is not a directory";
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return undefined;
  } catch (cause) {
    const code = readErrorCode(cause);
    if (code === "ENOENT" || code === "ENOTDIR") return "does not exist";
    if (code === "EACCES" || code === "EPERM" || code === "EROFS") return "cannot be written by this user";
    throw cause;
  }
}
