import assert from "node:assert/strict";
import { test } from "node:test";

import { allProviders } from "./all.ts";
import { Provider, type ProviderInput } from "./provider.ts";

type Steps = Extract<ProviderInput["check"], { kind: "http" }>["steps"];
type StepInput = Steps[number];
type RuleInput = StepInput["rules"][number];

const step: StepInput = {
  method: "GET",
  path: "/me",
  headers: { authorization: "Bearer {api_key}" },
  rules: [{ status: [200], verdict: "valid" }],
};
const later: StepInput = { ...step, path: "/later" };

function acme(steps: Steps, more: Partial<ProviderInput> = {}): ProviderInput {
  return {
    name: "acme",
    title: "Acme",
    category: "generic",
    type: "api_key",
    fields: { api_key: { type: "secret", required: true }, region: { type: "string", required: false } },
    base_url: "https://api.acme.example",
    check: { kind: "http", steps },
    ...more,
  };
}

function listFaults(definition: unknown): string[] {
  const { error } = Provider.safeParse(definition);
  return (error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);
}

function listStepFaults(changed: Partial<StepInput>, others: Steps = []): string[] {
  return listFaults(acme([{ ...step, ...changed }, ...others]));
}

test("a definition without a fault is taken, and so is every built-in one", () => {
  assert.deepEqual(listStepFaults({}), []);
  assert.deepEqual(
    allProviders.flatMap((provider) => listFaults(provider)),
    [],
  );
});

test("a dead verdict is refused for every answer that is the service's fault", () => {
  for (const verdict of ["invalid", "expired", "revoked"] as const) {
    for (const status of [408, 425, 429, 500, 503, 540, 999, "4xx" as const]) {
      const rules: StepInput["rules"] = [
        { status: [200], verdict: "valid" },
        { status: [401, status], body: { contains: "dead" }, verdict },
      ];

      assert.deepEqual(listStepFaults({ rules }), [
        `check.steps.0.rules.1.status: a verdict that is not dead for ${status} (rule 1 of step 0)`,
      ]);
    }
  }
  assert.deepEqual(listStepFaults({ rules: [{ status: [429], verdict: "valid" }] }), []);
});

test("a rule is refused when earlier ones without header and body have decided all of its statuses", () => {
  const unreachable =
    "check.steps.0.rules.2.status: a status that no earlier rule has decided: nothing reaches rule 2 of step 0";
  const first: RuleInput = { status: [401], verdict: "unknown" };
  const dead: RuleInput = { status: [401, 403], body: { contains: "no key" }, verdict: "invalid" };

  const byTwo = listStepFaults({ rules: [first, { status: [403], verdict: "unknown" }, dead] });
  const byClass = listStepFaults({
    rules: [{ status: [200], verdict: "valid" }, { status: ["4xx"], verdict: "unknown" }, dead],
  });

  assert.deepEqual([byTwo, byClass], [[unreachable], [unreachable]]);
  assert.deepEqual(listStepFaults({ rules: [first, dead] }), [], "403 is left to it");
  assert.deepEqual(
    listStepFaults({
      rules: [{ ...first, body: { contains: "address" } }, { ...first, header: { "x-why": "" } }, dead],
    }),
    [],
    "rules that ask for more decide nothing for good",
  );
});

test("the rules of a connection are held to the same", () => {
  const rules = [
    { status: ["28P01"], verdict: "invalid" },
    { status: ["28P01"], body: { contains: "expired" }, verdict: "expired" },
  ];
  const fields = { connection_url: { type: "secret", required: true } };
  const definition = { ...acme([]), fields, check: { kind: "postgres", connection_url: "url", rules } };

  assert.deepEqual(listFaults(definition), [
    "check.connection_url: a known field: url is none (the check; known: connection_url)",
    "check.rules.1.status: a status that no earlier rule has decided: nothing reaches rule 1 of the check",
  ]);
});

test("next is refused where no later step can be for the same credential", () => {
  const rules: StepInput["rules"] = [{ status: [200], verdict: "next" }];
  const deadEnd = ["check.steps.0.rules.0.verdict: a verdict: no later step can follow rule 0 of step 0"];
  const field = "region";
  const apart: [StepInput["when"], StepInput["when"]][] = [
    [[{ field, is: "present" }], [{ field, is: "absent" }]],
    [[{ field, equals: "eu" }], [{ field, is: "absent" }]],
    [[{ field, equals: "eu" }], [{ field, equals: "us" }]],
    [[{ field, equals: "eu" }], [{ field, starts_with: "us-" }]],
    [[{ field, starts_with: "us-gov-" }], [{ field, not_starts_with: "us-" }]],
    [[{ field, starts_with: "us-" }], [{ field, starts_with: "eu-" }]],
  ];
  const together: [StepInput["when"], StepInput["when"]][] = [
    [[], [{ field, is: "absent" }]],
    [[{ field, is: "present" }], [{ field, equals: "eu" }]],
    [[{ field, is: "absent" }], [{ field, not_starts_with: "us-" }]],
    [[{ field, starts_with: "us-" }], [{ field, starts_with: "us-gov-" }]],
    [[{ field, starts_with: "us-" }], [{ field, not_starts_with: "us-gov-" }]],
    [[{ field, is: "present" }], [{ field: "api_key", starts_with: "sk-" }]],
  ];

  assert.deepEqual(listStepFaults({ rules }), deadEnd);
  for (const [when, other] of apart) {
    const words = JSON.stringify([when, other]);
    assert.deepEqual(listStepFaults({ rules, when }, [{ ...later, when: other }]), deadEnd, words);
    assert.deepEqual(listStepFaults({ rules, when: other }, [{ ...later, when }]), deadEnd, words);
  }
  for (const [when, other] of together) {
    const words = JSON.stringify([when, other]);
    assert.deepEqual(listStepFaults({ rules, when }, [{ ...later, when: other }]), [], words);
    assert.deepEqual(listStepFaults({ rules, when: other }, [{ ...later, when }]), [], words);
  }
});

test("a name that is no field is refused wherever it stands", () => {
  const said = (path: string, name: string, where = "step 0"): string =>
    `${path}: a known field: ${name} is none (${where}; known: api_key, region)`;

  const faults = listFaults(
    acme(
      [
        {
          ...step,
          when: [{ field: "regin", is: "present" }],
          base_url: "https://{host}",
          path: "/{account?}",
          headers: { authorization: "Bearer {apiKey}" },
          form: { token: "{api-key}" },
          json: { query: "query { viewer { id } }", list: ["{key}"] },
          auth: { kind: "basic", user: "{user}", password: "{api_key}" },
          expires_at: { from: { field: "token", claim: "exp" }, format: "unix_s" },
        },
      ],
      { base_url: "https://{site}", negative_control: { fields: { key: "0000" }, verdict: "invalid" } },
    ),
  );

  assert.deepEqual(faults, [
    said("base_url", "site", "the provider"),
    said("check.steps.0.when.0.field", "regin"),
    said("check.steps.0.base_url", "host"),
    said("check.steps.0.path", "account"),
    said("check.steps.0.headers.authorization", "apiKey"),
    said("check.steps.0.form.token", "api-key"),
    said("check.steps.0.json.list.0", "key"),
    said("check.steps.0.auth.user", "user"),
    said("check.steps.0.expires_at.from.field", "token"),
    said("negative_control.fields.key", "key", "the negative control"),
  ]);
  assert.deepEqual(listStepFaults({ auth: { kind: "google_jwt", service_account: "file", scope: "a" } }), [
    said("check.steps.0.auth.service_account", "file"),
  ]);
});

test("a secret field stands in no address, whether the provider's, a step's or a mail server's; a path may have one", () => {
  const said = (path: string, where: string): string =>
    `${path}: an address without secret fields: api_key would be looked up by name and kept in clear (${where})`;

  assert.deepEqual(listFaults(acme([step], { base_url: "https://{api_key}.example.com" })), [
    said("base_url", "the provider"),
  ]);
  assert.deepEqual(listStepFaults({ base_url: "https://api.acme.example/{api_key?}" }), [
    said("check.steps.0.base_url", "step 0"),
  ]);
  assert.deepEqual(listFaults(acme([step], { token_endpoint: "https://{api_key}@acme.example/token" })).slice(0, 1), [
    said("token_endpoint", "the provider"),
  ]);
  const rules: StepInput["rules"] = [{ status: [235], verdict: "valid" }];
  const mail = { kind: "smtp", host: "{api_key}", port: "25", secure: "no", user: "u", password: "{api_key}", rules };
  assert.deepEqual(listFaults({ ...acme([]), base_url: null, check: mail }), [said("check.host", "the check")]);
  assert.deepEqual(listStepFaults({ path: "/bot{api_key}/me" }), []);
});

test("a brace that is no {field} is refused wherever it would be sent as it stands, and in notes every field is", () => {
  const said = (path: string): string =>
    `${path}: each brace part of {field} or {field?}: any other would be sent as it stands (step 0)`;
  for (const broken of ["Bearer {api_key", "Bearer {api_key|upper}", "Bearer api_key}", "{ api_key }", "{{api_key}}"]) {
    assert.deepEqual(listStepFaults({ headers: { authorization: broken } }), [
      said("check.steps.0.headers.authorization"),
    ]);
    assert.deepEqual(listStepFaults({ form: { key: broken } }), [said("check.steps.0.form.key")]);
  }
  assert.deepEqual(listStepFaults({ auth: { kind: "basic", user: "{api_key", password: "" } }), [
    said("check.steps.0.auth.user"),
  ]);
  assert.deepEqual(listStepFaults({ json: { query: "{ viewer { id } }", key: "{api_key" } }), [
    said("check.steps.0.json.key"),
  ]);
  assert.deepEqual(listStepFaults({ rules: [{ status: [200], verdict: "valid", note: "key {api_key}" }] }), [
    "check.steps.0.rules.0.note: words without braces: a note is no template (rule 0 of step 0)",
  ]);
});

test("an address is http at a host, a path begins with / or is one field, and both are refused by their place", () => {
  const address = "https://HOST, without user, space, backslash or #";
  for (const wrong of [
    "file:///etc/passwd",
    "",
    "https://",
    "https://ex ample.com",
    "https://user@acme.example",
    "https://user:{region}@acme.example",
    "https://acme.example#x",
    "{region}.acme.example",
    "http://169.254.169.254",
    "http://[fe80::1]",
  ]) {
    assert.deepEqual(listFaults(acme([step], { base_url: wrong })), [`base_url: ${address} (the provider)`], wrong);
    assert.deepEqual(listStepFaults({ base_url: wrong }), [`check.steps.0.base_url: ${address} (step 0)`], wrong);
  }
  for (const good of ["https://{region}.acme.example/v1", "{region}", "{region}/v1", "http://10.0.0.5:8080"]) {
    assert.deepEqual(listFaults(acme([step], { base_url: good })), [], good);
  }
  assert.deepEqual(listFaults(acme([step], { base_url: null })), [
    "check.steps.0.base_url: an address: neither step 0 nor the provider has one",
  ]);
  for (const wrong of ["http://evil", "@evil", "me", "{region}/me", "/m e", "/me#x", "/\\evil"]) {
    assert.deepEqual(
      listStepFaults({ path: wrong }),
      ["check.steps.0.path: a path that begins with /, without space, backslash or #; or one {field} (step 0)"],
      wrong,
    );
  }
  for (const good of ["", "/", "{region}", "/me?of={region?}"]) assert.deepEqual(listStepFaults({ path: good }), []);
});

test("a text that no row takes is refused by its place", () => {
  assert.deepEqual(listFaults(acme([step], { title: "Ac\u0000me" })), [
    "title: text without control characters (the provider)",
  ]);
});

test("what a step captures is known to later ones, though not to itself and never in an address", () => {
  const first: StepInput = {
    ...step,
    capture: { token: "access_token" },
    rules: [{ status: [200], verdict: "next" }],
  };
  const second: StepInput = { ...later, headers: { authorization: "Bearer {token}" } };

  assert.deepEqual(listFaults(acme([first, second])), []);
  assert.match(listFaults(acme([{ ...first, path: "/{token}" }, second])).join(), /path: a known field: token is none/);
  assert.match(
    listFaults(acme([first, { ...second, base_url: "https://{token}.example" }])).join(),
    /base_url: a known field: token is none/,
  );
});
