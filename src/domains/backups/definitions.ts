/**
 * Definitions: everything in a dump that is no row, one digest for each entry, so
 * that a flipped byte in the body of a function is found and named. They are read
 * from the file itself: what was written must still be there, letter for letter.
 * No server takes part, and none writes a definition differently.
 */
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";

import { z } from "zod";

import type { App } from "#app.ts";

/** What a dump defines, entry by entry: `FUNCTION public.f(integer)`. */
export const Definitions = z.object({
  /** Version of the pg_restore that wrote a custom dump as text; null for a plain one. */
  tool: z.string().nullable(),
  entries: z.record(z.string(), z.string()),
});
export type Definitions = z.output<typeof Definitions>;

export type DefinitionSource = {
  file: string;
  format: "custom" | "plain" | "plain.gz";
  /** The words that start pg_restore, `["docker", "exec", "-i", "db", "pg_restore"]`; the file comes on stdin. */
  pgRestore: readonly string[];
  timeoutMs: number;
  /** What the words of a container expect by name. */
  env?: Record<string, string>;
  /** Whom the words run as, when not as this process does. */
  user?: { uid: number; gid: number };
  signal: AbortSignal;
};

const versionTimeoutMs = 30_000;
const maxTextBytes = 512 * 1024 * 1024;
const header = /^-- (?:Data for )?Name: (.*); Type: ([A-Z][A-Z ]*); Schema: (.*); Owner: /;
const copyBegin = /^COPY .* FROM stdin;\n?$/;
const copyEnd = Buffer.from("\n\\.\n");
/** A random word that each run of the program makes up. */
const token = /^(\\(?:un)?restrict) \S+/;

/** Reads them from a dump; a plain one to its end, of a custom one the table of contents. */
export async function readDefinitions(app: Pick<App, "run">, source: DefinitionSource): Promise<Definitions> {
  const reader = new DefinitionReader();
  if (source.format !== "custom") {
    const file = createReadStream(source.file, { signal: source.signal });
    const stream = source.format === "plain" ? file : file.pipe(createGunzip());
    file.on("error", (error) => stream.destroy(error));
    for await (const chunk of stream) reader.add(chunk);
    return { tool: null, entries: reader.finish() };
  }
  const [program = "pg_restore", ...prefix] = source.pgRestore;
  const read = async (args: string[]): Promise<string> => {
    const input = createReadStream(source.file);
    try {
      const { stdout } = await app.run(program, [...prefix, ...args], {
        input,
        env: source.env ?? {},
        ...(source.user === undefined ? {} : { user: source.user }),
        timeoutMs: source.timeoutMs,
        maxOutputBytes: maxTextBytes,
        signal: source.signal,
      });
      return stdout;
    } finally {
      input.destroy();
    }
  };
  reader.add(Buffer.from(await read(["--schema-only", "--file=-"])));
  // The line of the creation time is written in the zone of whoever reads it.
  const contents = createHash("sha256").update((await read(["--list"])).replace(/^; *Archive created at .*\n/m, ""));
  return {
    tool: await findVersion(app, [program, ...prefix], source.signal),
    entries: { ...reader.finish(), "table of contents": contents.digest("hex").slice(0, digestLength) },
  };
}

/** One line for each definition that is not as it was; undefined when different programs read the two. */
export function compareDefinitions(expected: Definitions, found: Definitions): string[] | undefined {
  const keys = [...new Set([...Object.keys(expected.entries), ...Object.keys(found.entries)])];
  const lines = keys.flatMap((key) => {
    if (expected.entries[key] === found.entries[key]) return [];
    if (found.entries[key] === undefined) return [`${key}: the definition is missing`];
    if (expected.entries[key] === undefined) return [`${key}: a definition that was not there`];
    return [`${key}: the definition differs`];
  });
  return lines.length > 0 && expected.tool !== found.tool ? undefined : lines;
}

async function findVersion(
  app: Pick<App, "run">,
  [program = "pg_restore", ...prefix]: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const { stdout } = await app.run(program, [...prefix, "--version"], { timeoutMs: versionTimeoutMs, signal });
  return /\(PostgreSQL\) (\S+)/.exec(stdout)?.[1] ?? stdout.trim();
}

const digestLength = 16;

/** Cuts a script at its headers as it comes, whatever the chunks; rows are passed over. */
export class DefinitionReader {
  readonly #entries = new Map<string, Hash>();
  #current: Hash = this.#open("beginning");
  #rest: Buffer = Buffer.alloc(0);
  #isInRows = false;

  add(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let position = 0;
    for (;;) {
      const next = this.#isInRows ? this.#endOfRows(position) : this.#endOfLine(position);
      if (next === undefined) break;
      position = next;
    }
    this.#rest = this.#rest.subarray(position);
  }

  finish(): Record<string, string> {
    if (!this.#isInRows) this.#line(this.#rest);
    return Object.fromEntries(
      [...this.#entries].map(([key, hash]) => [key, hash.digest("hex").slice(0, digestLength)]),
    );
  }

  #endOfRows(from: number): number | undefined {
    const end = this.#rest.indexOf(copyEnd, from);
    if (end === -1) {
      // The end may be cut between two chunks.
      const kept = Math.max(from, this.#rest.length - copyEnd.length);
      return kept === from ? undefined : kept;
    }
    this.#isInRows = false;
    return end + copyEnd.length;
  }

  #endOfLine(from: number): number | undefined {
    const end = this.#rest.indexOf(0x0a, from);
    if (end === -1) return undefined;
    const line = this.#rest.subarray(from, end + 1);
    this.#line(line);
    if (!copyBegin.test(line.toString("latin1"))) return end + 1;
    this.#isInRows = true;
    // The line break before the end mark may be this one: a table without rows.
    return end;
  }

  #line(line: Buffer): void {
    const text = line.toString("utf8");
    const [, name, type, schema] = header.exec(text) ?? [];
    if (name !== undefined) this.#current = this.#open(`${type} ${schema === "-" ? name : `${schema}.${name}`}`);
    const isToken = token.exec(text);
    this.#current.update(isToken === null ? line : (isToken[1] ?? ""));
  }

  #open(key: string): Hash {
    let unique = key;
    for (let n = 2; this.#entries.has(unique); n += 1) unique = `${key} (${n})`;
    const hash = createHash("sha256");
    this.#entries.set(unique, hash);
    return hash;
  }
}
