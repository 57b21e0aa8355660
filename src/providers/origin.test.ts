import assert from "node:assert/strict";
import { test } from "node:test";

import { allProviders } from "./all.ts";
import { effectiveOrigin } from "./origin.ts";

function originOf(name: string, fields: Record<string, string>, outside: Record<string, { url: string }> = {}): string {
  const provider = allProviders.find((known) => known.name === name);
  assert.ok(provider);
  return effectiveOrigin(provider, fields, outside);
}

test("one place has one origin, however it is written", () => {
  const key = { secret: "s", check_path: "/me" };
  const written = ["https://API.acme.example", "https://api.acme.example:443/v1/", "https://api.acme.example."];
  const [first, second, third] = written.map((base_url) => originOf("generic_http_bearer", { ...key, base_url }));

  assert.equal(first, "https://api.acme.example:443");
  assert.equal(second, first);
  assert.notEqual(third, first);
  assert.equal(
    originOf("generic_http_bearer", { ...key, base_url: "https://[2001:DB8::1]/" }),
    "https://[2001:db8::1]:443",
  );
});

test("every step that is for the credential counts, and those that are not do not", () => {
  const keys = { project_url: "https://x.supabase.co", service_role_key: "sb_secret_1" };

  assert.equal(originOf("supabase", keys), "https://x.supabase.co:443");
  assert.equal(
    originOf("supabase", { ...keys, management_token: "sbp_1" }),
    "https://api.supabase.com:443,https://x.supabase.co:443",
  );
});

test("the configuration's origin takes the place of all of them", () => {
  const outside = { openai: { url: "http://127.0.0.1:8080" } };

  assert.equal(originOf("openai", { api_key: "k" }, outside), "http://127.0.0.1:8080");
  assert.equal(
    originOf("openai", { api_key: "k" }, { anthropic: { url: "http://127.0.0.1:1" } }),
    "https://api.openai.com:443",
  );
});

test("servers that are not asked over HTTP have origins too, read as the connection reads them", () => {
  const ofUrl = (url: string): string => originOf("generic_postgres", { connection_url: url });

  assert.equal(ofUrl("postgresql://u:p@DB.example.com/d"), "postgres://db.example.com:5432");
  assert.equal(ofUrl("postgres://u:p@db.example.com:6432/d?host=evil.example"), "postgres://evil.example:6432");
  assert.equal(ofUrl("postgres://u:p@[::1]:5433/d"), "postgres://[::1]:5433");
  const entry = { generic_postgres: { url: "postgres://127.0.0.1:5432" } };
  const other = originOf("generic_postgres", { connection_url: "postgres://u:p@db.example.com/d" }, entry);
  assert.equal(other, "postgres://db.example.com:5432", "an entry allows its own address and moves no other");
  const mail = { host: "Mail.example.com", port: "465", secure: "tls", user: "u", password: "p" };
  assert.equal(originOf("generic_smtp", mail), "smtp://mail.example.com:465");
});

test("for a server that is not asked over HTTP the configuration allows one address alone and moves nothing there", () => {
  const outside = { generic_postgres: { url: "postgres://127.0.0.1:5432" } };
  const fields = { connection_url: "postgres://u:p@db.example.com/d" };

  assert.equal(originOf("generic_postgres", fields, outside), "postgres://db.example.com:5432");
});

test("what is asked of nobody has no origin", () => {
  assert.equal(originOf("midjourney", { api_key: "k" }), "");
});
