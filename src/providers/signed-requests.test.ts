import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { inspect } from "node:util";

import { jwtVerify } from "jose";

import { allProviders } from "./all.ts";
import type { Provider, Step } from "./provider.ts";
import { planSignedRequest } from "./signed-requests.ts";

function find(name: string): { provider: Provider; step: Step } {
  const provider = allProviders.find((known) => known.name === name);
  assert.ok(provider?.check.kind === "http");
  const [step] = provider.check.steps;
  assert.ok(step);
  return { provider, step };
}

test("a request to AWS has the signature that AWS's own test suite has for it", async () => {
  // get-vanilla of https://docs.aws.amazon.com/general/latest/gr/signature-v4-test-suite.html (read 2026-11-22)
  const { provider, step } = find("aws");
  const { form: _form, ...bare } = step;
  const vanilla: Step = {
    ...bare,
    method: "GET",
    base_url: "https://example.amazonaws.com",
    path: "/",
    headers: {},
    auth: {
      kind: "sigv4",
      service: "service",
      region: "us-east-1",
      access_key_id: "{access_key_id}",
      secret_access_key: "{secret_access_key}",
    },
  };
  const keys = { access_key_id: "AKIDEXAMPLE", secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };

  const { headers } = await planSignedRequest(provider, vanilla, keys, new Date("2015-08-30T12:36:00Z"));

  const signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
  assert.equal(
    headers["authorization"],
    `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=${signature}`,
  );
});

test("an assertion is signed by the account's key and goes to Google alone, whatever the file says", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const account = {
    client_email: "robot@lab.iam.gserviceaccount.com",
    private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
    token_uri: "https://evil.example.com/token",
  };
  const { provider, step } = find("google_service_account");
  const now = new Date();

  const planned = await planSignedRequest(provider, step, { service_account_json: JSON.stringify(account) }, now);

  assert.equal(planned.url, "https://oauth2.googleapis.com/token");
  const assertion = new URLSearchParams(planned.body).get("assertion") ?? "";
  const { payload } = await jwtVerify(assertion, publicKey, { audience: "https://oauth2.googleapis.com/token" });
  assert.equal(payload.iss, account.client_email);
});

test("what is no service account's file is refused by the field's name and not shown", async () => {
  const { provider, step } = find("google_service_account");
  const faulty = ["hunter2", "{}", '{"client_email":"a","private_key":"hunter2"}'];
  for (const text of faulty) {
    await assert.rejects(planSignedRequest(provider, step, { service_account_json: text }, new Date()), (error) => {
      assert.match(String(error), /service_account_json/);
      assert.doesNotMatch(inspect(error, { depth: 9 }), /hunter2/);
      return true;
    });
  }
});
