import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";

import { startOutsideServer } from "#test/outside-server.ts";
import { openVaultProgram } from "#test/vault-program.ts";

const secret = "whsec-of-the-team-000000000000000000";

test("a channel whose secret lies in the vault sends, and who opened it is recorded", async (t) => {
  const server = await startOutsideServer(t, () => ({ status: 200 }));
  const { run } = await openVaultProgram(
    t,
    `notifications: { channels: { webhook: { url: "https://hook.example/x", secret: "vault:hook/secret" } } }
outside: { webhook: { url: "${server.url}", allow_private: true } }
`,
  );

  const fields = { base_url: "https://hook.example", check_path: "/", secret };
  const added = await run(["credentials", "add", "hook", "--provider", "generic_http_bearer"], JSON.stringify(fields));
  const sent = await run(["notify", "again", "--channel", "webhook"]);
  const events = await run(["audit", "list"]);
  const doctor = await run(["doctor", "--json"]);

  assert.equal(added.exitCode, 0, added.stderr);
  assert.equal(sent.exitCode, 0, sent.stdout + sent.stderr);
  const asked = server.asked.at(-1);
  const { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": signature } = asked?.headers ?? {};
  const expected = createHmac("sha256", secret)
    .update(`${String(id)}.${String(at)}.${asked?.body}`)
    .digest("base64");
  assert.equal(signature, `v1,${expected}`);
  assert.match(events.stdout, /reference vault:hook\/secret +credentials\.use +prod +credential hook +opened/);
  assert.match(doctor.stdout, /webhook\.secret \(vault:hook\/secret\)",\s+"state": "ok"/);
});
