import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { alignAmounts, formatBar, formatShare, formatTokens, shorten } from "./bars.ts";

const amount = fc.bigInt({ min: 0n, max: 10n ** 20n });
const width = fc.integer({ min: 1, max: 80 });

/** In eighths of a column. */
function measure(bar: string): number {
  return Array.from(bar).reduce((sum, block) => sum + "▏▎▍▌▋▊▉█".indexOf(block) + 1, 0);
}

test("a bar fits its width, is never shorter for more, and is there for whatever is more than nothing", () => {
  fc.assert(
    fc.property(amount, amount, width, (one, other, columns) => {
      const [less, more] = one < other ? [one, other] : [other, one];
      const [short, long] = [formatBar(less, more, columns), formatBar(more, more, columns)];
      assert.equal(long.length, more === 0n ? 0 : columns);
      assert.ok(short.length <= columns && measure(short) <= measure(long));
      assert.equal(short === "", less === 0n);
      // Within half an eighth of the true share.
      if (measure(short) > 1) {
        const off = BigInt(measure(short)) * more - less * BigInt(columns) * 8n;
        assert.ok((off < 0n ? -off : off) * 2n <= more);
      }
    }),
  );
  assert.deepEqual([formatBar(5n, 0n, 10), formatBar(5n, 9n, 0), formatBar(3n, 8n, 1)], ["", "", "▍"]);
});

test("amounts stand with their points under one another", () => {
  assert.deepEqual(alignAmounts(["$1,234.56", "$0.00021", "unpriced"]), [
    "$1,234.56   ",
    "    $0.00021",
    "    unpriced",
  ]);
});

test("tokens are never told as more than there are", () => {
  const said = [0, 999, 1000, 1999, 12_399, 999_999, 1_000_000, 99_999_999, 1_200_000_000].map(formatTokens);
  assert.deepEqual(said, ["0", "999", "1.00k", "1.99k", "12.3k", "999k", "1.00M", "99.9M", "1.20G"]);
});

test("a share that rounds to nothing is told as less than a tenth of a percent", () => {
  assert.deepEqual(
    [formatShare(1n, 3n), formatShare(1n, 10_000n), formatShare(0n, 5n), formatShare(5n, 5n), formatShare(0n, 0n)],
    ["33.3%", "<0.1%", "0.0%", "100.0%", ""],
  );
});

test("a name that is too long keeps both its ends", () => {
  assert.deepEqual([shorten("accounts/models/llama-405b", 12), shorten("short", 12)], ["accoun…-405b", "short"]);
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 2, max: 40 }), (name, most) => {
      assert.ok(Array.from(shorten(name, most)).length <= most);
    }),
  );
});
