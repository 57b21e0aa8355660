import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";

import fc from "fast-check";

import { AppError } from "#errors.ts";
import { Secret } from "#secrets/secret.ts";

import { parseConnectionUrl } from "./connection-url.ts";

const parse = (url: string) => parseConnectionUrl("prod", new Secret(url));
const word = fc.string({ unit: "binary", minLength: 1 }).filter((text) => text.isWellFormed());

test("user, password and database come back as they were encoded", () => {
  fc.assert(
    fc.property(word, word, word, (user, password, database) => {
      const [encodedUser, encodedPassword, encodedDatabase] = [user, password, database].map(encodeURIComponent);

      const url = parse(`postgresql://${encodedUser}:${encodedPassword}@db.example.org:6000/${encodedDatabase}`);

      assert.deepEqual([url.user, url.password?.reveal(), url.database], [user, password, database]);
      assert.deepEqual([url.host, url.port], ["db.example.org", 6000]);
    }),
  );
});

test("hosts are names, addresses, or directories of sockets, in the URL or its parameters", () => {
  const places: [string, string, number][] = [
    ["postgres://u@h/d", "h", 5432],
    ["postgresql://u@[::1]:6000/d", "::1", 6000],
    ["postgresql://u@%2Frun%2Fpg/d", "/run/pg", 5432],
    ["postgresql:///d?host=/run/x&user=u&port=1", "/run/x", 1],
    ["postgresql:///d?host=%2Frun%2Fx%20y&user=u", "/run/x y", 5432],
    ["postgresql://u@h?dbname=d", "h", 5432],
  ];
  for (const [text, host, port] of places) {
    const url = parse(text);
    assert.deepEqual([url.host, url.port, url.user, url.database], [host, port, "u", "d"], text);
  }
});

test("a raw @, # or : in the password is understood", () => {
  assert.equal(parse("postgresql://u:p@ss#w:rd@h/d").password?.reveal(), "p@ss#w:rd");
});

test("a URL that cannot be read is refused by its label, and the error shows neither URL nor password", () => {
  const faulty = [
    "mysql://u:hunter2@h/d",
    "host=h password=hunter2",
    "postgresql://u:hunter2%@h/d",
    "postgresql://u:hunter2@h:99999/d",
    "postgresql://u:hunter2@h:x/d",
    "postgresql://u:hunter2@h1,h2/d",
    "postgresql://u:hunter2@h:1:2/d",
    "postgresql://:hunter2@h/d",
    "postgresql://u:hunter2@/d",
    "postgresql://u:hunter2@h/d?sslmode=sometimes",
  ];
  for (const url of faulty) {
    assert.throws(
      () => parse(url),
      (error: unknown) => {
        assert.ok(error instanceof AppError);
        assert.equal(error.code, "invalid_input", url);
        assert.match(error.message, /^prod: /);
        assert.doesNotMatch(inspect(error), /hunter2/);
        return true;
      },
    );
  }
});
