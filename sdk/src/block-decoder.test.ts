import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { BlockDecoder } from "./block-decoder.ts";

const text = fc.array(fc.oneof(fc.string({ unit: "binary" }), fc.constant("é𝄞".repeat(3_000))), { maxLength: 6 });

test("text comes out whole and in its order wherever its bytes are split, also from decoders that take turns", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(text, text, sizes, (...[one, other, lengths]) => {
      const streams = [one, other].map((parts) => {
        const whole = parts.join("").replace(/^\uFEFF/, "");
        return { whole, bytes: new TextEncoder().encode(whole), decoder: new BlockDecoder(), read: "", at: 0 };
      });
      for (let turn = 0; streams.some(({ at, bytes }) => at < bytes.length); turn += 1) {
        for (const stream of streams) {
          const piece = stream.bytes.slice(stream.at, (stream.at += lengths[turn % lengths.length] ?? 1));
          stream.read += stream.decoder.push(piece);
          // The reader may do with its bytes what it likes.
          piece.fill(0);
        }
      }
      for (const { whole, decoder, read } of streams) assert.equal(read + decoder.end(), whole);
    }),
    { numRuns: 300 },
  );
});
