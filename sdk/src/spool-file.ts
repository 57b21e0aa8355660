/** The file of one batch in a spool. */
import { type FileHandle, open, readdir, rename, stat, unlink } from "node:fs/promises";
import { join } from "node:path";

import { type Problem } from "./call.ts";
import { isObject } from "./json.ts";

export type SpoolPlace = {
  directory: string;
  /** Resolves once the directory is there. */
  made: Promise<unknown>;
  maxBytes: number;
  report: (problem: Problem) => void;
};

/** Lines that come within this time go to disk together. */
const gatherMs = 5;

/** Belongs to this process until it is released or removed. Its failures are reported, never thrown. */
export class SpoolFile {
  readonly #place: SpoolPlace;
  readonly #path: string;
  readonly #readyPath: string;
  #pending = "";
  #timer: NodeJS.Timeout | undefined;
  #handle: FileHandle | undefined;
  #writing: Promise<void> | undefined;
  #hasFailed = false;
  #isOnDisk: boolean;

  constructor(place: SpoolPlace, stem: string, { owner, isOnDisk }: { owner: string; isOnDisk: boolean }) {
    this.#place = place;
    this.#path = join(place.directory, `${stem}.${owner}.jsonl`);
    this.#readyPath = join(place.directory, `${stem}.ready.jsonl`);
    this.#isOnDisk = isOnDisk;
  }

  /** Adds a line, which is on disk a few milliseconds later. */
  append(line: string): void {
    this.#pending += `${line}\n`;
    this.#timer ??= setTimeout(() => this.#startWriting(), gatherMs).unref();
  }

  /** Makes it durable and anybody's. False when that failed: its calls must stay in memory. */
  async release(): Promise<boolean> {
    const { directory, maxBytes, report } = this.#place;
    this.#startWriting();
    await this.#writing;
    await this.#close();
    if (this.#hasFailed) return false;
    try {
      if ((await sizeOf(directory)) > maxBytes) {
        await unlink(this.#path);
        report({ kind: "lost", message: `${directory} is full; the newest calls are lost` });
        return true;
      }
      await sync(this.#path);
      await rename(this.#path, this.#readyPath);
      await sync(directory);
      return true;
    } catch (cause) {
      this.#fail("calls cannot be kept on disk; they stay in memory", cause);
      return false;
    }
  }

  /** For calls that the ledger has. */
  async remove(): Promise<void> {
    clearTimeout(this.#timer);
    this.#pending = "";
    await this.#writing;
    await this.#close();
    if (!this.#isOnDisk) return;
    try {
      await unlink(this.#path);
    } catch (cause) {
      // Another process has the file meanwhile and sends it again: its calls are booked once.
      if (!isMissing(cause)) this.#fail("a file of sent calls cannot be removed", cause);
    }
  }

  #startWriting(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#pending !== "") this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    try {
      await this.#place.made;
      while (this.#pending !== "") {
        const text = this.#pending;
        this.#pending = "";
        this.#isOnDisk = true;
        this.#handle ??= await open(this.#path, "a", 0o600);
        await this.#handle.appendFile(text);
      }
    } catch (cause) {
      this.#hasFailed = true;
      this.#fail("calls cannot be written to disk; they stay in memory", cause);
    }
    this.#writing = undefined;
  }

  async #close(): Promise<void> {
    try {
      await this.#handle?.close();
    } catch (cause) {
      this.#fail("a file of calls cannot be closed", cause);
    }
    this.#handle = undefined;
  }

  #fail(message: string, cause: unknown): void {
    this.#place.report({ kind: "spool", message: `${message}: ${this.#place.directory}`, cause });
  }
}

/** Whether an error says that a file is not there. */
export function isMissing(error: unknown): boolean {
  return isObject(error) && error["code"] === "ENOENT";
}

async function sizeOf(directory: string): Promise<number> {
  const names = (await readdir(directory)).filter((name) => name !== "rejected.jsonl");
  const sizes = names.map(async (name) => (await stat(join(directory, name)).catch(() => undefined))?.size ?? 0);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
