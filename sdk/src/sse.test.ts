import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { createSseParser } from "./sse.ts";

function parse(pieces: readonly string[]): string[] {
  const parser = createSseParser();
  return [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end()];
}

/** The text cut at each of the places. */
function split(text: string, places: readonly number[]): string[] {
  const cuts = [0, ...places.map((place) => place % (text.length + 1)).toSorted((a, b) => a - b), text.length];
  return cuts.slice(1).map((cut, index) => text.slice(cuts[index], cut));
}

test("events come out whole wherever their text is split and however its lines end", () => {
  const line = fc.string({ maxLength: 12 }).map((text) => text.replaceAll(/[\r\n]/g, ""));
  const events = fc.array(fc.array(line, { minLength: 1, maxLength: 3 }), { maxLength: 5 });
  const ending = fc.constantFrom("\r\n", "\n", "\r");

  fc.assert(
    fc.property(events, ending, fc.array(fc.nat(), { maxLength: 8 }), fc.boolean(), (sent, end, places, isClosed) => {
      const text = sent
        .map((lines) => [": note", "event: x", ...lines.map((data) => `data: ${data}`), ""].join(end) + end)
        .join("");

      const parsed = parse(split(isClosed ? text : text.slice(0, -end.length), places));

      assert.deepEqual(
        parsed,
        sent.map((lines) => lines.join("\n")),
      );
    }),
    { numRuns: 500 },
  );
});

test("other fields, comments and a byte order mark are passed over, and a space after the colon is optional", () => {
  const text = '\uFEFFdata:{"a":1}\nid: 7\n: keep-alive\n\n\n\ndata\ndata: x\n\nretry: 10\n\n';

  assert.deepEqual(parse([text]), ['{"a":1}', "\nx"]);
});
