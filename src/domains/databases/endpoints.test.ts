import assert from "node:assert/strict";
import { test } from "node:test";

import { findEndpoints } from "./endpoints.ts";

test("hosts of URLs and connection strings are named without user, password and path", () => {
  assert.deepEqual(findEndpoints("perform net.http_post('https://user:geheim@Hooks.Example.com:8443/x?token=1')"), [
    "host hooks.example.com",
  ]);
  assert.deepEqual(findEndpoints("dblink('host=10.0.0.5 dbname=x')"), ["host 10.0.0.5"]);
  assert.deepEqual(findEndpoints("'postgres://[2001:db8::1]:5432/x'"), ["host [2001:db8::1]"]);
});

test("this host is nobody's endpoint", () => {
  assert.deepEqual(findEndpoints("'http://localhost:8000', 'http://127.0.0.1/x', 'select 1::int'"), []);
});

test("keys are named by their kind only", () => {
  const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc";
  const text = `'${jwt}' 'sk-ant-api03-AAAAAAAAAAAAAAAAAAAA' 'ghp_${"a".repeat(36)}' 'AKIA${"B".repeat(16)}' 'Bearer abcdefghijklmnopqrst'`;

  const found = findEndpoints(text);

  assert.deepEqual(found, ["a JWT", "an API key", "a GitHub token", "an AWS key", "a bearer token"]);
});
