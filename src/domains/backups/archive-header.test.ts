import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { magic, readArchiveHeader } from "./archive-header.ts";

function integer(value: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt8(value < 0 ? 1 : 0, 0);
  bytes.writeUInt32LE(Math.abs(value), 1);
  return bytes;
}

function text(value: string | null): Buffer {
  return value === null ? integer(-1) : Buffer.concat([integer(Buffer.byteLength(value)), Buffer.from(value)]);
}

function header(options: { minor: number; compression: Buffer; database: string | null; format?: number }): Buffer {
  const { minor, compression, database, format = 1 } = options;
  return Buffer.concat([
    Buffer.from(magic),
    Buffer.from([1, minor, 0, 4, 8, format]),
    compression,
    ...[5, 4, 3, 2, 0, 126, 0].map(integer),
    ...[database, "15.18", "17.2 (Debian)"].map(text),
  ]);
}

test("the header of each format since pg_dump 7.4 is read, with the compression that it names", () => {
  const ofLevel = readArchiveHeader(header({ minor: 14, compression: integer(-1), database: "x" }));
  const unpacked = readArchiveHeader(header({ minor: 14, compression: integer(0), database: "x" }));
  const ofName = readArchiveHeader(header({ minor: 16, compression: Buffer.from([3]), database: null }));

  assert.deepEqual(ofLevel, {
    state: "read",
    format: "custom",
    compression: "gzip",
    createdAt: new Date(2026, 0, 2, 3, 4, 5).toISOString(),
    database: "x",
    serverVersion: "15.18",
    dumpVersion: "17.2 (Debian)",
  });
  assert.equal(unpacked?.state === "read" && unpacked.compression, "none");
  assert.deepEqual(ofName?.state === "read" && [ofName.compression, ofName.database], ["zstd", null]);
});

test("a format that is newer than any known is told from one that is none", () => {
  const compression = Buffer.from([1]);

  assert.deepEqual(readArchiveHeader(header({ minor: 17, compression, database: "x" })), {
    state: "newer",
    version: "1.17",
  });
  assert.equal(readArchiveHeader(header({ minor: 3, compression, database: "x" })), undefined);
  const tar = readArchiveHeader(header({ minor: 16, compression, database: "x", format: 3 }));
  assert.equal(tar?.state === "read" && tar.format, "other");
});

test("whatever bytes follow the magic, reading them never throws", () => {
  const valid = header({ minor: 16, compression: Buffer.from([1]), database: "orders" });
  const anyBytes = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.concat([Buffer.from(magic), bytes]));
  const cut = fc.nat(valid.length).map((length) => valid.subarray(0, length));

  fc.assert(fc.property(fc.oneof(anyBytes, cut), (bytes) => void readArchiveHeader(bytes)));
});
