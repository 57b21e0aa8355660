import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";

import fc from "fast-check";

import { AppError } from "#errors.ts";

import { effectiveOrigin } from "./origin.ts";
import { provider, type ProviderInput, type Step } from "./provider.ts";
import { listApplyingSteps, planRequest } from "./requests.ts";

type StepInput = Partial<Extract<ProviderInput["check"], { kind: "http" }>["steps"][number]>;

const key = "hunter2-hunter2";

function acme(step: StepInput, base_url = "{base_url}") {
  const acmes = provider({
    name: "acme",
    title: "Acme",
    category: "generic",
    type: "api_key",
    fields: {
      base_url: { type: "string", required: true },
      check_path: { type: "string", required: false },
      api_key: { type: "secret", required: true },
      region: { type: "string", required: false, default: "eu" },
    },
    base_url,
    check: {
      kind: "http",
      steps: [{ method: "GET", path: "/me", rules: [{ status: [200], verdict: "valid" }], ...step }],
    },
  });
  assert.ok(acmes.check.kind === "http");
  const [first] = acmes.check.steps;
  assert.ok(first);
  return { acmes, step: first };
}

function plan(step: StepInput, values: Record<string, string>) {
  const made = acme(step);
  return planRequest(made.acmes, made.step, { base_url: "https://api.acme.example", api_key: key, ...values });
}

test("no path of a credential leads to another host than the one its value is sealed for", () => {
  const step: StepInput = { path: "{check_path}" };
  for (const path of [".evil.example/", ":8443/", "@evil.example/", "evil.example", "?x", "#"]) {
    assert.throws(
      () => plan(step, { check_path: path }),
      { code: "invalid_input", message: /does not begin with/ },
      path,
    );
  }

  fc.assert(
    fc.property(fc.webPath({ size: "medium" }), fc.webUrl(), (path, base) => {
      const { acmes, step: only } = acme(step);
      const fields = { base_url: base, check_path: `/${path}`, api_key: key };
      const origin = effectiveOrigin(acmes, fields, {});
      const asked = new URL(planRequest(acmes, only, fields).url);
      const port = asked.port === "" ? (asked.protocol === "https:" ? "443" : "80") : asked.port;
      assert.equal(`${asked.protocol}//${asked.hostname}:${port}`, origin);
    }),
  );
});

test("an address with a query or a # would swallow the path, and one that is none is told", () => {
  for (const base_url of ["https://a.example/?x=", "https://a.example#", "https://a.example/?"]) {
    assert.throws(() => plan({}, { base_url }), { code: "invalid_input", message: /has a query or a #/ }, base_url);
  }
  for (const base_url of ["a.example", "", "https://"]) {
    assert.throws(() => plan({}, { base_url }), { code: "invalid_input", message: /is not a URL/ }, base_url);
  }
  assert.equal(plan({}, { base_url: "https://a.example/v1///" }).url, "https://a.example/v1/me");
  // A whole address in one field, as token endpoints have, may have a query.
  assert.equal(plan({ path: "" }, { base_url: "https://a.example/t?x=1" }).url, "https://a.example/t?x=1");
});

test("a value cannot climb out of its place in a path", () => {
  for (const region of ["..", "."]) {
    assert.throws(() => plan({ path: "/{region}/me" }, { region }), { code: "invalid_input", message: /field region/ });
  }
  assert.equal(plan({ path: "/{region}/me" }, { region: "../x" }).url, "https://api.acme.example/..%2Fx/me");
});

test("a line break in a name or password is refused before it is hidden in base64", () => {
  const step: StepInput = { auth: { kind: "basic", user: "api", password: "{api_key}" } };

  assert.equal(plan(step, {}).headers["authorization"], `Basic ${btoa(`api:${key}`)}`);
  assert.throws(
    () => plan(step, { api_key: `${key}\n` }),
    (error) => {
      assert.ok(error instanceof AppError && error.code === "invalid_input");
      assert.match(error.message, /field api_key cannot be sent/);
      assert.doesNotMatch(inspect(error), /hunter2/);
      return true;
    },
  );
});

test("a field that is not sent may hold what no header takes, also when its name begins another's", () => {
  const step: StepInput = { headers: { authorization: "Bearer {api_key}" } };

  assert.equal(plan(step, { api: "two\nlines" }).headers["authorization"], `Bearer ${key}`);
});

test("items of a form and of JSON arrive as they are, with the defaults of what is absent", () => {
  const form = plan({ method: "POST", form: { k: "{api_key}", p: "{check_path?}" } }, { api_key: "a&b=c +%" });
  const json = plan({ method: "POST", json: { k: ["{api_key}"] } }, { api_key: '"}' });

  assert.equal(new URLSearchParams(form.body).get("k"), "a&b=c +%");
  assert.equal(new URLSearchParams(form.body).has("p"), false);
  assert.deepEqual(JSON.parse(json.body ?? ""), { k: ['"}'] });
});

test("the steps are those whose conditions all hold", () => {
  const rules = [{ status: [200], verdict: "valid" as const }];
  const step = (path: string, when: Step["when"]): Step => ({ when, method: "GET", path, headers: {}, rules });
  const steps = [
    step("/present", [{ field: "a", is: "present" }]),
    step("/absent", [{ field: "a", is: "absent" }]),
    step("/begins", [{ field: "a", starts_with: "sk-" }]),
    step("/other", [{ field: "a", not_starts_with: "sk-" }]),
    step("/both", [
      { field: "a", equals: "sk-1" },
      { field: "b", is: "absent" },
    ]),
  ];
  const paths = (values: Record<string, string>): string[] => listApplyingSteps(steps, values).map(({ path }) => path);

  assert.deepEqual(paths({ a: "sk-1" }), ["/present", "/begins", "/both"]);
  assert.deepEqual(paths({ a: "pk-1", b: "x" }), ["/present", "/other"]);
  assert.deepEqual(paths({}), ["/absent", "/other"]);
});
