/**
 * A dump as a script, read as it comes: what it needs from a server before it can
 * be restored, and the same script without what a drill makes itself or leaves
 * out. Rows are passed over. What it says is believed for convenience alone: the
 * restore runs as a role that may do nothing outside of its database, and psql
 * runs in restricted mode.
 */
import { Transform } from "node:stream";

import { type DumpEntry, isLeftOut } from "./dump-entries.ts";

export type ScriptNeeds = {
  /** Owners and grantees; they are no part of a dump. */
  roles: string[];
  extensions: { name: string; schema: string }[];
  /** Of the database: `UTF8`. */
  encoding: string | undefined;
  leftOut: string[];
  /** Whether pg_dump's last line is there. */
  isComplete: boolean;
};

type Piece = { kind: "line" | "rows"; bytes: Buffer };

const identifier = String.raw`"(?:[^"]|"")*"|[a-z_\u0080-\uffff][a-z0-9_$\u0080-\uffff]*`;
const header = /^-- (?:Data for )?Name: (.*); Type: ([A-Z][A-Z ]*); Schema: (.*); Owner: (.*?)(?:; Tablespace: .*)?$/;
const trailer = "-- PostgreSQL database dump complete";
const copyBegin = /^COPY .* FROM stdin;\n?$/;
const copyEnd = Buffer.from("\n\\.\n");
const ownerTo = new RegExp(`^ALTER .* OWNER TO (${identifier});$`);
const granted = new RegExp(`(?: TO| FROM| FOR ROLE|SESSION AUTHORIZATION) (${identifier})(?= |;)`, "g");
const policyRoles = new RegExp(` TO ((?:${identifier})(?:, (?:${identifier}))*)(?: USING| WITH CHECK|;|$)`, "g");
const createExtension = new RegExp(
  `^CREATE EXTENSION (?:IF NOT EXISTS )?(${identifier}|\\S+) WITH SCHEMA (${identifier});$`,
);
const encodingLine = /^SET client_encoding = '(\w+)';$/;
const sessionRole = /^SET SESSION AUTHORIZATION (.*);$/;
/** A drill has no tablespaces, and its server may be older than the program that dumped. */
const droppedSetting = /^SET (?:default_tablespace|transaction_timeout) = .*;$/;

/** Reads the whole script; give it a definitions-only one where that is to be had. */
export async function readScriptNeeds(script: AsyncIterable<Buffer>): Promise<ScriptNeeds> {
  const cutter = new ScriptCutter();
  const reader = new NeedsReader();
  for await (const chunk of script) {
    for (const piece of cutter.push(chunk)) if (piece.kind === "line") reader.line(piece.bytes);
  }
  for (const piece of cutter.finish()) reader.line(piece.bytes);
  return reader.needs();
}

/**
 * The script for a restricted psql. `token` must be one that nobody can guess: with
 * it, no backslash command of the script is obeyed.
 */
export function restorableScript(token: string, madeSchemas: ReadonlySet<string>): Transform {
  const cutter = new ScriptCutter();
  let entry: DumpEntry | undefined;
  let isEnded = false;
  const rewrite = (piece: Piece): Buffer | undefined => {
    if (piece.kind === "rows") return isSkipped(entry, madeSchemas) ? undefined : piece.bytes;
    const text = lineText(piece.bytes);
    entry = readEntry(text) ?? entry;
    isEnded = readEntry(text) === undefined && (isEnded || text === trailer);
    if (isSkipped(entry, madeSchemas) && !isEnded) return undefined;
    return rewriteLine(text, piece.bytes, { entry, isEnded });
  };
  const push = (stream: Transform, pieces: Piece[]): void => {
    const kept = pieces.map(rewrite).filter((bytes) => bytes !== undefined);
    if (kept.length > 0) stream.push(Buffer.concat(kept));
  };
  const transform = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      push(this, cutter.push(chunk));
      done();
    },
    flush(done) {
      push(this, cutter.finish());
      done();
    },
  });
  transform.push(`\\restrict ${token}\n`);
  return transform;
}

function isSkipped(entry: DumpEntry | undefined, madeSchemas: ReadonlySet<string>): boolean {
  return entry !== undefined && (isLeftOut(entry) || isMade(entry, madeSchemas));
}

/** What a drill makes before the restore, as the superuser. */
function isMade({ type, name }: DumpEntry, madeSchemas: ReadonlySet<string>): boolean {
  if (type === "SCHEMA") return madeSchemas.has(name);
  return type === "EXTENSION" || (type === "COMMENT" && name.startsWith("EXTENSION "));
}

function rewriteLine(
  text: string,
  bytes: Buffer,
  { entry, isEnded }: { entry: DumpEntry | undefined; isEnded: boolean },
): Buffer | undefined {
  // Its own restriction stands before the first entry and after the last.
  if ((entry === undefined || isEnded) && /^\\(un)?restrict \w+$/.test(text)) return undefined;
  if (entry?.type === "FUNCTION" || entry?.type === "PROCEDURE") return bytes;
  if (droppedSetting.test(text)) return undefined;
  const role = sessionRole.exec(text)?.[1];
  if (text === "RESET SESSION AUTHORIZATION;" || role === "DEFAULT") return Buffer.from("RESET ROLE;\n");
  return role === undefined ? bytes : Buffer.from(`SET ROLE ${role};\n`);
}

class NeedsReader {
  readonly #roles = new Set<string>();
  readonly #extensions: ScriptNeeds["extensions"] = [];
  readonly #leftOut: string[] = [];
  #encoding: string | undefined;
  #entry: DumpEntry | undefined;
  #isComplete = false;

  line(bytes: Buffer): void {
    const text = lineText(bytes);
    const entry = readEntry(text);
    if (entry !== undefined) this.#open(entry);
    if (text === trailer) this.#isComplete = true;
    this.#encoding ??= encodingLine.exec(text)?.[1];
    for (const role of rolesOf(text, this.#entry?.type)) this.#addRole(role);
    const [, name, schema] = createExtension.exec(text) ?? [];
    if (this.#entry?.type !== "EXTENSION" || name === undefined || schema === undefined) return;
    this.#extensions.push({ name: unquote(name), schema: unquote(schema) });
  }

  needs(): ScriptNeeds {
    return {
      roles: [...this.#roles].toSorted(),
      extensions: this.#extensions,
      encoding: this.#encoding,
      leftOut: this.#leftOut,
      isComplete: this.#isComplete,
    };
  }

  #open(entry: DumpEntry): void {
    this.#entry = entry;
    this.#isComplete = false;
    if (isLeftOut(entry)) this.#leftOut.push(`${entry.type.toLowerCase()} ${entry.name}`);
    else if (entry.owner !== "" && entry.owner !== "-") this.#addRole(entry.owner);
  }

  #addRole(name: string): void {
    // Those of PostgreSQL itself are there.
    if (!name.startsWith("pg_")) this.#roles.add(name);
  }
}

function rolesOf(text: string, type: string | undefined): string[] {
  const owner = ownerTo.exec(text)?.[1];
  if (owner !== undefined) return [unquote(owner)];
  if (type === "ACL" || type === "DEFAULT ACL") {
    return [...text.matchAll(granted)].flatMap(([, role]) => (role === undefined ? [] : [unquote(role)]));
  }
  if (type !== "POLICY" && type !== "ROW SECURITY") return [];
  return [...text.matchAll(policyRoles)]
    .flatMap(([, list = ""]) => list.match(new RegExp(identifier, "g")) ?? [])
    .map(unquote);
}

function readEntry(text: string): DumpEntry | undefined {
  const [, name, type, , owner] = header.exec(text) ?? [];
  return name === undefined || type === undefined ? undefined : { type, name, owner: owner ?? "" };
}

function unquote(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text;
}

function lineText(bytes: Buffer): string {
  return bytes.toString("utf8").replace(/\r?\n$/, "");
}

/** Cuts a script into lines and rows, whatever the chunks. */
class ScriptCutter {
  #rest: Buffer = Buffer.alloc(0);
  #isInRows = false;

  push(chunk: Buffer): Piece[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const pieces: Piece[] = [];
    let position = 0;
    for (;;) {
      const piece = this.#isInRows ? this.#rows(position) : this.#line(position);
      if (piece === undefined) break;
      pieces.push(piece);
      position += piece.bytes.length;
    }
    this.#rest = this.#rest.subarray(position);
    return pieces;
  }

  finish(): Piece[] {
    return this.#rest.length === 0 ? [] : [{ kind: this.#isInRows ? "rows" : "line", bytes: this.#rest }];
  }

  #rows(from: number): Piece | undefined {
    const end = this.#rest.indexOf(copyEnd, from);
    if (end !== -1) {
      this.#isInRows = false;
      return { kind: "rows", bytes: this.#rest.subarray(from, end + copyEnd.length) };
    }
    // The end may be cut between two chunks.
    const kept = this.#rest.length - copyEnd.length;
    return kept > from ? { kind: "rows", bytes: this.#rest.subarray(from, kept) } : undefined;
  }

  #line(from: number): Piece | undefined {
    const end = this.#rest.indexOf(0x0a, from);
    if (end === -1) return undefined;
    const line = this.#rest.subarray(from, end + 1);
    this.#isInRows = copyBegin.test(line.toString("latin1"));
    // The line break before the end mark may be this one: a table without rows.
    return { kind: "line", bytes: this.#isInRows ? this.#rest.subarray(from, end) : line };
  }
}
