/**
 * The table that holds most of a dump's rows, loaded over several sessions at once.
 * pg_restore gives a table one session, and where most rows are in one table the
 * other processors wait for it; so its rows are read from the archive once and dealt
 * out in whole lines, to whichever session takes them.
 */
import { Writable } from "node:stream";
import { finished } from "node:stream/promises";

import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";

import { prepareRowSession } from "./drill-queries.ts";
import type { Manifest } from "./manifest.ts";

export type DominantTable = Manifest["tables"][number] & {
  /** Its line of `pg_restore --list`. */
  entry: string;
};

/** Where the rows go. */
export type RowTarget = { host: string; port: number; user: string; password: string; database: string };

/** Below this the sessions cost more than they save. */
const leastRows = 100_000;
const maxPreambleBytes = 1024 * 1024;
const copyLine = /^COPY .+ FROM stdin;$/m;
const encodingLine = /^SET client_encoding = '(\w+)';$/m;
const endMark = Buffer.from("\n\\.\n");

/** More rows than `sessions` sessions could share evenly by whole tables; undefined where tables are many. */
export function findDominantTable(
  list: string,
  tables: Manifest["tables"],
  sessions: number,
): DominantTable | undefined {
  const [first] = tables.toSorted((a, b) => b.rows - a.rows);
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  if (first === undefined || first.rows < leastRows || first.rows * sessions <= rows) return undefined;
  const entries = list.split("\n").filter((line) => isDataOf(line, first));
  const [entry] = entries;
  return entries.length !== 1 || entry === undefined ? undefined : { ...first, entry };
}

function isDataOf(line: string, { schema, name }: Pick<DominantTable, "schema" | "name">): boolean {
  const rest = /^\d+; \d+ \d+ TABLE DATA (.*)$/.exec(line)?.[1];
  // The owner stands last and may hold a space too: then there are two that fit, or none.
  return rest?.startsWith(`${schema} ${name} `) === true;
}

/** `cut short`: the script ended before its rows did. `not copied`: they are written as INSERTs; nothing was loaded. */
export type Loaded = "loaded" | "cut short" | "not copied";

/**
 * Takes the script of one table's rows as pg_restore writes it and loads it over
 * `sessions` sessions. `finish` answers when all of them have committed, and rejects
 * with what the server said; what is not committed by then is gone.
 */
export function createRowSplitter(
  target: RowTarget,
  sessions: number,
): { script: Writable; finish(): Promise<Loaded> } {
  const lanes = Array.from({ length: sessions }, () => new Lane(target));
  let preamble: Buffer | undefined = Buffer.alloc(0);
  let rest: Buffer = Buffer.alloc(0);
  let isEnded = false;
  let isForeign = false;

  const open = async (chunk: Buffer): Promise<Buffer> => {
    const bytes = Buffer.concat([preamble ?? rest, chunk]);
    preamble = bytes;
    const text = bytes.toString("latin1");
    const found = copyLine.exec(text);
    const end = found === null ? -1 : bytes.indexOf(0x0a, found.index);
    isForeign = bytes.length > maxPreambleBytes || /^INSERT /m.test(text.slice(0, found?.index));
    if (isForeign) throw new Error("the rows are not written for COPY");
    if (found === null || end === -1) return Buffer.alloc(0);
    preamble = undefined;
    const encoding = encodingLine.exec(text.slice(0, end))?.[1] ?? "UTF8";
    const statement = bytes.subarray(found.index, end).toString("utf8");
    await Promise.all(lanes.map((lane) => lane.open(encoding, statement)));
    // The line break stays: the end mark of a table without rows begins with it.
    return bytes.subarray(end);
  };

  const deal = async (chunk: Buffer): Promise<void> => {
    if (isEnded) return;
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const end = bytes.indexOf(endMark);
    isEnded = end !== -1;
    // It begins with the break before the first line, and keeps the one behind the last.
    const cut = isEnded ? end : bytes.lastIndexOf(0x0a);
    rest = bytes.subarray(cut);
    if (cut > 0) await giveToFirstFree(lanes, bytes.subarray(1, cut + 1));
  };

  const take = async (chunk: Buffer, done: (error?: Error) => void): Promise<void> => {
    try {
      const rows = preamble === undefined ? chunk : await open(chunk);
      if (rows.length > 0) await deal(rows);
      done();
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  };
  const script = new Writable({ write: (chunk: Buffer, _encoding, done) => void take(chunk, done) });
  const settled = finished(script);
  // Asked for in `finish`, which may come later.
  settled.catch(() => undefined);
  const finish = async (): Promise<Loaded> => {
    try {
      await settled;
      if (!isEnded) return "cut short";
      await Promise.all(lanes.map((lane) => lane.commit()));
      return "loaded";
    } catch (error) {
      if (isForeign) return "not copied";
      throw error;
    } finally {
      await Promise.all(lanes.map((lane) => lane.close()));
    }
  };
  return { script, finish };
}

async function giveToFirstFree(lanes: readonly Lane[], lines: Buffer): Promise<void> {
  for (;;) {
    const free = lanes.find((lane) => lane.isFree());
    if (free !== undefined) return free.give(lines);
    await Promise.race(lanes.map((lane) => lane.becomesFree()));
  }
}

/** One session with its own COPY. */
class Lane {
  readonly #client: pg.Client;
  #copy: Writable | undefined;
  #ended: Promise<void> | undefined;
  #failure: Error | undefined;
  /** While it has as much to send as it takes. */
  #drained: Promise<void> | undefined;

  constructor(target: RowTarget) {
    this.#client = new pg.Client({ ...target, application_name: "leveredge drill" });
    // The COPY under way is told too.
    this.#client.on("error", () => undefined);
  }

  async open(encoding: string, statement: string): Promise<void> {
    await this.#client.connect();
    await prepareRowSession(this.#client, encoding);
    const copy = this.#client.query(copyFrom(statement));
    // At once, or it goes on to write what it holds to a connection that it has let go of.
    copy.on("error", () => copy.destroy());
    this.#copy = copy;
    this.#ended = finished(copy);
    this.#ended.catch((error: Error) => {
      this.#failure = error;
    });
  }

  /** Also when it failed: whoever gives it something is told so. */
  isFree(): boolean {
    return this.#failure !== undefined || this.#drained === undefined;
  }

  async becomesFree(): Promise<void> {
    await Promise.race([this.#drained, this.#ended]);
  }

  give(lines: Buffer): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#copy === undefined || this.#copy.write(lines)) return;
    const copy = this.#copy;
    this.#drained = new Promise((resolve) => {
      copy.once("drain", () => {
        this.#drained = undefined;
        resolve();
      });
    });
  }

  async commit(): Promise<void> {
    if (this.#failure === undefined) this.#copy?.end();
    await this.#ended;
  }

  /** In the middle of a COPY the server rolls it back. */
  async close(): Promise<void> {
    await this.#client.end();
  }
}
