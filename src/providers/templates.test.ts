import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";

import fc from "fast-check";

import { AppError } from "#errors.ts";

import { fill, fillHeaders, fillItems, fillJson, fillPath } from "./templates.ts";

test("an item whose optional field is absent is left out, and a needed one is refused by its name", () => {
  const items = fillItems({ a: "Bearer {key}", b: "{project?}" }, { key: "k" });

  assert.deepEqual(items, { a: "Bearer k" });
  assert.throws(() => fill("{project}", {}), { code: "invalid_input", message: /field project is needed/ });
});

test("what stands in a path stays in its place, whatever is in it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (value) => {
      fc.pre(value.isWellFormed());
      const url = new URL(`https://api.example.com${fillPath("/bot{token}/me?x={token}", { token: value })}`);

      assert.equal(url.origin, "https://api.example.com");
      assert.equal(url.searchParams.get("x"), value);
      assert.equal(url.pathname.endsWith("/me"), true);
    }),
  );
});

test("a colon in a path is left alone, and a path that is one whole field is taken as it is", () => {
  assert.equal(fillPath("/bot{token}/getMe", { token: "12:ab" }), "/bot12:ab/getMe");
  assert.equal(fillPath("{check_path}", { check_path: "/v1/me?full=1" }), "/v1/me?full=1");
});

test("a line break in a header is refused by the field's name and never shown", () => {
  for (const key of ["hunter2\nx", "hunter2\r\nhost: evil", "hunter2\0", "hunter2 \u4e2d"]) {
    assert.throws(
      () => fillHeaders({ authorization: "Bearer {api_key}" }, { api_key: key }),
      (error) => {
        assert.ok(error instanceof AppError);
        assert.match(error.message, /the field api_key cannot be sent/);
        assert.doesNotMatch(inspect(error), /hunter2/);
        return true;
      },
    );
  }
});

test("texts inside of JSON are filled and stay texts", () => {
  const filled = fillJson({ a: ["{key}", 1], b: { c: "x{key}" } }, { key: '"}' });

  assert.deepEqual(JSON.parse(JSON.stringify(filled)), { a: ['"}', 1], b: { c: 'x"}' } });
});
