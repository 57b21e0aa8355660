/**
 * Where this program keeps what is its own: the store's data, the unseal key,
 * the sample platform. One system user owns one state directory.
 */
import { existsSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { readVariable } from "./environment.ts";

const installedDirectory = "/var/lib/leveredge";

/** The folder that holds `package.json`. */
export const programRoot = fileURLToPath(new URL("../../", import.meta.url));

/**
 * The absolute path of the state directory, which need not exist yet: `--state`,
 * else LEVEREDGE_STATE, else `.leveredge` of the repository checkout, else
 * /var/lib/leveredge when it is ours, else the user's own state directory.
 */
export function resolveStateDirectory(flag: string | undefined): string {
  const named = flag ?? readVariable("LEVEREDGE_STATE");
  if (named !== undefined) return resolve(named);
  if (isCheckout()) return join(programRoot, ".leveredge");
  if (isOurs(installedDirectory)) return installedDirectory;
  return join(readVariable("XDG_STATE_HOME") ?? join(homedir(), ".local", "state"), "leveredge");
}

/** The lock file of npm stands in every checkout and in no published package. */
function isCheckout(): boolean {
  return existsSync(join(programRoot, "package-lock.json"));
}

function isOurs(directory: string): boolean {
  const stats = statSync(directory, { throwIfNoEntry: false });
  return stats !== undefined && stats.isDirectory() && stats.uid === process.getuid?.();
}
