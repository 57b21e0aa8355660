/**
 * Columns of a batch as array parameters in PostgreSQL's binary form, which the server
 * takes in several times faster than text. The format: `array_recv` in PostgreSQL's
 * src/backend/utils/adt/arrayfuncs.c. A column that is null throughout is empty: `unnest`
 * of several arrays fills the shorter ones with null.
 */
const headerBytes = 20;
const lengthBytes = 4;
const nullLength = -1;
const oids = { boolean: 16, bigint: 20, integer: 23, text: 25, timestamptz: 1184, uuid: 2950 } as const;
const emptyArray = "{}";
/** PostgreSQL counts from 2000, in microseconds. */
const epochUs = 946_684_800_000_000;

export type ArrayParameter = Buffer | typeof emptyArray;
type Read<Row, T> = (row: Row) => T | null | undefined;
type Format<T> = {
  oid: number;
  sizeOf: (value: T) => number;
  /** Writes the value at `at`; answers the bytes it took. */
  write: (buffer: Buffer, value: T, at: number) => number;
};

/** The texts have no NUL. */
export function textArray<Row>(rows: readonly Row[], read: Read<Row, string>): ArrayParameter {
  return encode(rows, read, text);
}

export function booleanArray<Row>(rows: readonly Row[], read: Read<Row, boolean>): ArrayParameter {
  return encode(rows, read, boolean);
}

export function integerArray<Row>(rows: readonly Row[], read: Read<Row, number>): ArrayParameter {
  return encode(rows, read, integer);
}

export function bigintArray<Row>(rows: readonly Row[], read: Read<Row, number | bigint>): ArrayParameter {
  return encode(rows, read, bigint);
}

/** From microseconds since 1970. */
export function instantArray<Row>(rows: readonly Row[], read: Read<Row, number>): ArrayParameter {
  return encode(rows, read, instant);
}

/** From 32 hex digits. */
export function uuidArray<Row>(rows: readonly Row[], read: Read<Row, string>): ArrayParameter {
  return encode(rows, read, uuid);
}

const text: Format<string> = {
  oid: oids.text,
  sizeOf: (value) => Buffer.byteLength(value),
  write: (buffer, value, at) => buffer.write(value, at),
};
const boolean: Format<boolean> = {
  oid: oids.boolean,
  sizeOf: () => 1,
  write: (buffer, value, at) => buffer.writeUInt8(value ? 1 : 0, at) - at,
};
const integer: Format<number> = {
  oid: oids.integer,
  sizeOf: () => 4,
  write: (buffer, value, at) => buffer.writeInt32BE(value, at) - at,
};
const bigint: Format<number | bigint> = { oid: oids.bigint, sizeOf: () => 8, write: writeBigint };
const instant: Format<number> = {
  oid: oids.timestamptz,
  sizeOf: () => 8,
  write: (buffer, value, at) => writeBigint(buffer, value - epochUs, at),
};
const uuid: Format<string> = {
  oid: oids.uuid,
  sizeOf: () => 16,
  write: (buffer, value, at) => buffer.write(value, at, "hex"),
};

/** Reads twice, first for the size. */
function encode<Row, T>(rows: readonly Row[], read: Read<Row, T>, { oid, sizeOf, write }: Format<T>): ArrayParameter {
  let [nulls, bytes] = [0, 0];
  for (const row of rows) {
    const value = read(row);
    if (value == null) nulls += 1;
    else bytes += sizeOf(value);
  }
  if (nulls === rows.length) return emptyArray;
  const buffer = Buffer.allocUnsafe(headerBytes + lengthBytes * rows.length + bytes);
  let at = 0;
  for (const word of [1, nulls === 0 ? 0 : 1, oid, rows.length, 1]) at = buffer.writeInt32BE(word, at);
  for (const row of rows) {
    const value = read(row);
    const size = value == null ? nullLength : write(buffer, value, at + lengthBytes);
    at = buffer.writeInt32BE(size, at) + Math.max(size, 0);
  }
  return buffer;
}

/** Two halves: several times as fast as a bigint of each number. */
function writeBigint(buffer: Buffer, value: number | bigint, at: number): number {
  if (typeof value === "bigint") return buffer.writeBigInt64BE(value, at) - at;
  const high = Math.floor(value / 2 ** 32);
  buffer.writeInt32BE(high, at);
  return buffer.writeUInt32BE(value - high * 2 ** 32, at + 4) - at;
}
