/**
 * As root data lie outside the state directory, so a state directory that was
 * deleted leaves them behind, perhaps with a running server. They are listed,
 * never removed by us: the state directory may only be on a disk that is away.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { defaultDataHome, findHome, homeRecordName, undefinedWhenMissing } from "./server-place.ts";
import { findPostmaster } from "./server-process.ts";
import { isRoot } from "./system-user.ts";

export type ForgottenServer = {
  /** Its data and binaries. */
  home: string;
  /** What it belonged to. */
  own: string;
  /** Of the server, when it runs. */
  pid: number | undefined;
};

/** Servers of root whose place in a state directory is gone. Empty for ordinary users. */
export async function listForgottenServers(dataHome: string = defaultDataHome): Promise<ForgottenServer[]> {
  if (!isRoot()) return [];
  const entries = await readdir(dataHome, { withFileTypes: true }).catch(undefinedWhenMissing);
  const forgotten: ForgottenServer[] = [];
  for (const entry of entries ?? []) {
    const home = join(dataHome, entry.name);
    const own = entry.isDirectory() ? await readOwn(home) : undefined;
    if (own === undefined || (await findHome(own)) === home) continue;
    forgotten.push({ home, own, pid: (await findPostmaster(join(home, "data")))?.pid });
  }
  return forgotten;
}

async function readOwn(home: string): Promise<string | undefined> {
  const text = await readFile(join(home, homeRecordName), "utf8").catch(undefinedWhenMissing);
  return text?.trimEnd();
}
