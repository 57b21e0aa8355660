/** The header of pg_dump's custom format, as `ReadHead` of PostgreSQL's pg_backup_archiver.c reads it. */
export const magic = "PGDMP";

/** Of pg_dump 17 and 18. */
export const newestArchiveVersion = "1.16";
export const newestArchiveMajor = 18;

const newestMinor = 16;
/** The first with the versions in the header, and the first that names its compression: pg_dump 7.4 and 16. */
const versionsMinor = 10;
const namedCompressionMinor = 15;
const customFormat = 1;
const longestText = 1024;
const algorithms = ["none", "gzip", "lz4", "zstd"] as const;

export type ArchiveHeader = {
  state: "read";
  format: "custom" | "other";
  compression: (typeof algorithms)[number];
  createdAt: string | null;
  database: string | null;
  serverVersion: string;
  dumpVersion: string;
};

/** Undefined when it cannot be one. */
export function readArchiveHeader(bytes: Buffer): ArchiveHeader | { state: "newer"; version: string } | undefined {
  const cursor = new Cursor(bytes, magic.length);
  try {
    const [major, minor] = [cursor.byte(), cursor.byte()];
    if (major > 1 || minor > newestMinor) return { state: "newer", version: `${major}.${minor}` };
    if (major < 1 || minor < versionsMinor) return undefined;
    cursor.byte();
    cursor.integerBytes = cursor.byte();
    cursor.byte();
    const format = cursor.byte() === customFormat ? "custom" : "other";
    const compression =
      minor >= namedCompressionMinor ? algorithms[cursor.byte()] : compressionOfLevel(cursor.integer());
    const [second, minute, hour, day, month, year] = Array.from({ length: 7 }, () => cursor.integer());
    const database = cursor.text();
    const [serverVersion, dumpVersion] = [cursor.text(), cursor.text()];
    if (compression === undefined || serverVersion === null || dumpVersion === null) return undefined;
    // The clock of whoever dumped; the zone is not written, and most dump on the host that verifies.
    const created = new Date((year ?? NaN) + 1900, month ?? NaN, day, hour, minute, second);
    const createdAt = Number.isNaN(created.getTime()) ? null : created.toISOString();
    return { state: "read", format, compression, createdAt, database, serverVersion, dumpVersion };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function compressionOfLevel(level: number): "none" | "gzip" {
  return level === 0 ? "none" : "gzip";
}

/** Reads past the end are RangeErrors, as Buffer's own are. */
class Cursor {
  integerBytes = 4;
  readonly #bytes: Buffer;
  #position: number;

  constructor(bytes: Buffer, position: number) {
    this.#bytes = bytes;
    this.#position = position;
  }

  byte(): number {
    this.#position += 1;
    return this.#bytes.readUInt8(this.#position - 1);
  }

  integer(): number {
    const isNegative = this.byte() !== 0;
    if (this.integerBytes < 1 || this.integerBytes > 6) throw new RangeError("no such size of integers");
    const value = this.#bytes.readUIntLE(this.#position, this.integerBytes);
    this.#position += this.integerBytes;
    return isNegative ? -value : value;
  }

  text(): string | null {
    const length = this.integer();
    if (length < 0) return null;
    if (length > longestText || this.#position + length > this.#bytes.length) throw new RangeError("no such text");
    this.#position += length;
    return this.#bytes.toString("utf8", this.#position - length, this.#position);
  }
}
