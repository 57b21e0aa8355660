/**
 * What kind of file a backup is, by its first bytes and never by its name. Nothing
 * is run: a foreign file must not reach a program that hangs on it, as pg_restore
 * does on a truncated tar.
 */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createGunzip } from "node:zlib";

import { AppError, readErrorCode } from "#errors.ts";

import { type ArchiveHeader, magic, newestArchiveVersion, readArchiveHeader } from "./archive-header.ts";
import type { DumpHeader } from "./schema.ts";

export type Recognized =
  | {
      state: "dump";
      header: DumpHeader;
      /** Of a custom dump's rows; null where the file as a whole is compressed or not. */
      compression: ArchiveHeader["compression"] | null;
    }
  | { state: "damaged" | "foreign" | "newer"; why: string };

const beginningBytes = 65_536;
const shortestDumpBytes = 64;
const plainBeginning = "--\n-- PostgreSQL database dump\n--\n";
const clusterBeginning = "--\n-- PostgreSQL database cluster dump\n--\n";
const gzipMagic = Buffer.from([0x1f, 0x8b]);

const foreign: [magic: Buffer | string, name: string][] = [
  ["SQLite format 3\0", "an SQLite database"],
  ["age-encryption.org/", "encrypted with age"],
  ["-----BEGIN AGE ENCRYPTED FILE", "encrypted with age"],
  ["-----BEGIN PGP MESSAGE", "encrypted with PGP"],
  ["Salted__", "encrypted with openssl"],
  [Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), "compressed with zstd"],
  [Buffer.from([0x04, 0x22, 0x4d, 0x18]), "compressed with lz4"],
  [Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a]), "compressed with xz"],
  ["BZh", "compressed with bzip2"],
  ["PK\x03\x04", "a zip archive"],
  ["-- MySQL dump", "a MySQL dump"],
  ["-- MariaDB dump", "a MariaDB dump"],
];

/** `foreign`: not of a format that a drill restores here, which is no evidence against it. */
export async function recognizeDump(file: string): Promise<Recognized> {
  const beginning = await readBeginning(file);
  if (beginning.length === 0) return { state: "damaged", why: "the file is empty" };
  if (!beginning.subarray(0, gzipMagic.length).equals(gzipMagic)) return recognize(beginning, "plain");
  const inner = await readGzipBeginning(file);
  if (inner === undefined) return { state: "damaged", why: "its gzip stream is damaged at the beginning" };
  if (startsWith(inner, magic)) {
    return { state: "foreign", why: "it is a custom dump inside gzip: unpack it first with gunzip" };
  }
  return recognize(inner, "plain.gz");
}

function recognize(beginning: Buffer, format: "plain" | "plain.gz"): Recognized {
  if (startsWith(beginning, magic)) return recognizeArchive(beginning);
  if (beginning.subarray(257, 262).toString("latin1") === "ustar") {
    return { state: "foreign", why: "it is a tar archive: a drill restores custom and plain dumps" };
  }
  const known = foreign.find(([bytes]) => startsWith(beginning, bytes));
  if (known !== undefined)
    return { state: "foreign", why: `it is ${known[1]}: a drill restores custom and plain dumps` };
  const text = beginning.toString("utf8");
  if (text.startsWith(clusterBeginning)) {
    return { state: "foreign", why: "it is a dump of a whole cluster (pg_dumpall): a drill restores one database" };
  }
  if (text.startsWith(plainBeginning)) return recognizePlain(text, format);
  if (plainBeginning.startsWith(text) || beginning.length < shortestDumpBytes) {
    return { state: "damaged", why: `the file ends after ${beginning.length} bytes, within the header` };
  }
  return { state: "foreign", why: "it does not begin like a dump of PostgreSQL" };
}

function recognizeArchive(beginning: Buffer): Recognized {
  const header = readArchiveHeader(beginning);
  if (header === undefined) return { state: "damaged", why: "its header cannot be read" };
  if (header.state === "newer") {
    const why = `its archive format ${header.version} is newer than the newest known (${newestArchiveVersion})`;
    return { state: "newer", why };
  }
  if (header.format !== "custom") return { state: "foreign", why: "it is part of a directory or tar dump" };
  const { dumpVersion, serverVersion, database, createdAt, compression } = header;
  return {
    state: "dump",
    header: { format: "custom", dumpVersion, serverVersion, database, createdAt },
    compression,
  };
}

function recognizePlain(text: string, format: "plain" | "plain.gz"): Recognized {
  const serverVersion = /^-- Dumped from database version (.+)$/m.exec(text)?.[1];
  const dumpVersion = /^-- Dumped by pg_dump version (.+)$/m.exec(text)?.[1];
  if (serverVersion === undefined || dumpVersion === undefined) {
    return { state: "damaged", why: "its header does not name the versions it was made with" };
  }
  const started = /^-- Started on (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?:UTC|GMT)$/m.exec(text)?.[1];
  const createdAt = started === undefined ? null : `${started.replace(" ", "T")}.000Z`;
  return {
    state: "dump",
    header: { format, dumpVersion, serverVersion, database: null, createdAt },
    compression: null,
  };
}

function startsWith(bytes: Buffer, start: Buffer | string): boolean {
  const wanted = typeof start === "string" ? Buffer.from(start, "latin1") : start;
  return bytes.subarray(0, wanted.length).equals(wanted);
}

async function readBeginning(path: string): Promise<Buffer> {
  const file = await open(path, "r").catch((cause: unknown) => {
    const code = readErrorCode(cause);
    throw new AppError(code === "ENOENT" ? "not_found" : "forbidden", `cannot read ${path}: ${code}`, {
      cause,
      hint: `Look at ls -l ${path}`,
    });
  });
  try {
    if (!(await file.stat()).isFile()) {
      throw new AppError("invalid_input", `${path} is not a file`, {
        hint: "Name the file of a custom or plain dump; directories of pg_dump -Fd are not restored.",
      });
    }
    const bytes = Buffer.alloc(beginningBytes);
    const { bytesRead } = await file.read(bytes, 0, beginningBytes, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Undefined when not one byte comes out of it. */
async function readGzipBeginning(path: string): Promise<Buffer | undefined> {
  const source = createReadStream(path, { end: beginningBytes });
  const stream = source.pipe(createGunzip());
  source.on("error", (error) => stream.destroy(error));
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of stream) chunks.push(chunk);
  } catch {
    // Only the beginning was given to it: it may complain about the missing end.
  } finally {
    source.destroy();
  }
  return chunks.length === 0 ? undefined : Buffer.concat(chunks);
}
