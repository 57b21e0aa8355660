import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { createScrub } from "./scrub.ts";

const secret = fc.stringMatching(/^[A-Za-z0-9+/_=:%-]{12,60}$/);

test("a value is taken out in every form that a service may give it back in", () => {
  fc.assert(
    fc.property(secret, fc.constantFrom("", "x", "xy"), (value, before) => {
      const scrub = createScrub([value]);
      const forms = [
        value,
        encodeURIComponent(value),
        JSON.stringify(value),
        Buffer.from(value).toString("hex"),
        Buffer.from(`${before}${value}`).toString("base64"),
        Buffer.from(`${before}${value}`).toString("base64url"),
      ];
      for (const form of forms) {
        const clean = scrub.text(`the answer was ${form}.`);
        assert.ok(!clean.includes(value), form);
        assert.ok(clean.includes("[secret]"), form);
        assert.equal(scrub.fact(form), undefined);
      }
    }),
  );
});

test("what holds no value stays, and short values take nothing away", () => {
  const scrub = createScrub(["us", "hunter2hunter2"]);

  assert.equal(scrub.text("answered 401, invalid_api_key"), "answered 401, invalid_api_key");
  assert.equal(scrub.fact("customer"), "customer");
});
