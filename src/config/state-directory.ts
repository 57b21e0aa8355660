/**
 * Where this program keeps what is its own: the store's data, the unseal key,
 * the sample platform. One system user owns one state directory.
 */
import { existsSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { AppError, readErrorCode } from "#errors.ts";

import { readVariable } from "./environment.ts";

const installedDirectory = "/var/lib/leveredge";

/** The folder that holds `package.json`. */
export const programRoot = fileURLToPath(new URL("../../", import.meta.url));

/**
 * The absolute path of the state directory, which need not exist yet but is nothing else: `--state`,
 * else LEVEREDGE_STATE, else `.leveredge` of the repository checkout, else
 * /var/lib/leveredge when it is ours, else the user's own state directory.
 */
export function resolveStateDirectory(flag: string | undefined): string {
  if (flag !== undefined) return requireDirectory(flag, "--state");
  const named = readVariable("LEVEREDGE_STATE");
  if (named !== undefined) return requireDirectory(named, "LEVEREDGE_STATE");
  if (isCheckout()) return join(programRoot, ".leveredge");
  if (isOurs(installedDirectory)) return installedDirectory;
  return join(readVariable("XDG_STATE_HOME") ?? join(homedir(), ".local", "state"), "leveredge");
}

function requireDirectory(named: string, from: "--state" | "LEVEREDGE_STATE"): string {
  const path = resolve(named);
  if (named !== "" && canBeDirectory(path)) return path;
  const fault = named === "" ? "is empty" : `is ${path}, which is not a directory`;
  throw new AppError("invalid_input", `${from} ${fault}`, {
    hint: `Name a directory, which is made when it is missing: ${from}${from === "--state" ? " " : "="}DIR.`,
  });
}

/** What this user may not look at is refused where it is opened. */
function canBeDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (cause) {
    return readErrorCode(cause) !== "ENOTDIR";
  }
}

/** The lock file of npm stands in every checkout and in no published package. */
function isCheckout(): boolean {
  return existsSync(join(programRoot, "package-lock.json"));
}

function isOurs(directory: string): boolean {
  const stats = statSync(directory, { throwIfNoEntry: false });
  return stats !== undefined && stats.isDirectory() && stats.uid === process.getuid?.();
}
