/**
 * Calls on disk, until the ledger has them.
 *
 * Each batch has a file of its own, one call a line, written while it is gathered, so that
 * a process that is killed leaves what it had. A file belongs to a process, which stands
 * in its name (`….HOST-PID-RANDOM.jsonl`), or to nobody (`….ready.jsonl`); renaming takes
 * it, and one taker wins. What a dead process left is anybody's. A file that two processes
 * send all the same is booked once: its calls carry their keys.
 */
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readlinkSync } from "node:fs";
import { appendFile, mkdir, readdir, readFile, rename, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

import { isObject, parseJson } from "./json.ts";
import { isMissing, SpoolFile, type SpoolPlace } from "./spool-file.ts";

/** An owner that cannot be asked whether it lives is given up after this time without a write. */
const staleMs = 5 * 60_000;

export type SpooledBatch = { lines: string[]; file: SpoolFile };

export type SpoolOptions = Omit<SpoolPlace, "made">;

const host = createHash("sha256").update(`${hostname()} ${readNamespace()}`).digest("hex").slice(0, 8);
/** A restarted container has the same host and the same pid. */
const incarnation = randomBytes(4).toString("hex");
const owner = `${host}-${process.pid}-${incarnation}`;
let begun = 0;

/** The spool of one directory, which several processes may share. Its failures are reported, never thrown. */
export class Spool {
  readonly #place: SpoolPlace;

  constructor(options: SpoolOptions) {
    const made = mkdir(options.directory, { recursive: true, mode: 0o700 });
    // Whoever writes or reads meets the failure again, and reports it.
    made.catch(() => undefined);
    this.#place = { ...options, made };
  }

  /** A file for a batch that is being gathered. */
  begin(): SpoolFile {
    begun += 1;
    return new SpoolFile(this.#place, `${Date.now()}-${incarnation}x${begun}`, { owner, isOnDisk: false });
  }

  /** Takes the oldest batch that nobody sends; undefined when there is none. */
  async take(): Promise<SpooledBatch | undefined> {
    const { directory, made, report } = this.#place;
    try {
      await made;
      for (const name of (await readdir(directory)).toSorted()) {
        const batch = (await isFree(directory, name)) ? await this.#takeFile(name) : undefined;
        if (batch !== undefined) return batch;
      }
    } catch (cause) {
      report({ kind: "spool", message: `calls cannot be read from ${directory}`, cause });
    }
    return undefined;
  }

  /** Keeps a call that the ledger refused for good, in `rejected.jsonl`. */
  async reject(line: string, reason: string): Promise<void> {
    const { directory, made, report } = this.#place;
    const entry = `{"rejected_at":"${new Date().toISOString()}","reason":${JSON.stringify(reason)},"call":${line}}\n`;
    try {
      await made;
      await appendFile(join(directory, "rejected.jsonl"), entry, { mode: 0o600 });
    } catch (cause) {
      report({ kind: "spool", message: `a rejected call cannot be written to ${directory}`, cause });
    }
  }

  async #takeFile(name: string): Promise<SpooledBatch | undefined> {
    const stem = name.slice(0, name.indexOf("."));
    const path = join(this.#place.directory, `${stem}.${owner}.jsonl`);
    try {
      await rename(join(this.#place.directory, name), path);
    } catch (cause) {
      if (isMissing(cause)) return undefined;
      throw cause;
    }
    await utimes(path, new Date(), new Date());
    const file = new SpoolFile(this.#place, stem, { owner, isOnDisk: true });
    // A process that was killed while it wrote leaves half a line, of a call that is lost with it.
    const lines = (await readFile(path, "utf8")).split("\n").filter((line) => isObject(parseJson(line)));
    if (lines.length > 0) return { lines, file };
    await file.remove();
    return undefined;
  }
}

/** Whether a file of the directory is a batch that nobody sends. */
async function isFree(directory: string, name: string): Promise<boolean> {
  const who = /^\d+-\w+\.([\w-]+)\.jsonl$/.exec(name)?.[1];
  if (who === undefined || who === owner) return false;
  if (who === "ready") return true;
  const [itsHost, pid] = who.split("-");
  if (itsHost === host && (Number(pid) === process.pid || !isAlive(Number(pid)))) return true;
  const found = await stat(join(directory, name)).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > staleMs;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process lives too.
    return isObject(error) && error["code"] === "EPERM";
  }
}

/** Containers may share a directory and a host's name, and number their processes each for itself. */
function readNamespace(): string {
  const link = "/proc/self/ns/pid";
  return existsSync(link) ? readlinkSync(link) : "";
}
