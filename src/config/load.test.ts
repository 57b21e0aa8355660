import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

import fc from "fast-check";

import { AppError } from "#errors.ts";

import { loadConfig, parseConfig } from "./load.ts";
import { programRoot } from "./state-directory.ts";

const minimal = "platform: { name: LeverEdge, root: /opt/leveredge }\n";

function faultsOf(text: string): string[] {
  const result = parseConfig(text);
  assert.ok(result.config === undefined, "the configuration was accepted");
  return result.faults.map((fault) => `${fault.line}:${fault.column} ${`${fault.path} ${fault.text}`.trim()}`);
}

async function writeConfig(t: TestContext, content: string | Buffer): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "leveredge-config-"));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, "leveredge.yaml");
  await writeFile(path, content);
  return path;
}

test("a configuration with the platform alone gets every default", () => {
  const result = parseConfig(minimal);

  assert.deepEqual(result.config, {
    platform: { name: "LeverEdge", root: "/opt/leveredge", timezone: "UTC" },
    environments: {},
    n8n: [],
    backups: [],
    agents: [],
    repositories: [],
    providers: [],
    serve: { port: 8020 },
    outside: {},
  });
});

test("every fault is reported at once, each with its place and what was expected", () => {
  const faults = faultsOf(
    [
      "platform: { nam: LeverEdge, root: opt, timezone: Mars/Base }",
      "environments:",
      "  dev: { database: postgres://u:hunter2@h/db }",
      "  staging: { database: env:X }",
      "mirror:",
      "  reference_tables: [{ tabel: a }]",
      "  allow: [locks]",
      '  schedule: "61 3 * * *"',
      "agents:",
      "  - { name: A, dir: a, module: a, port: 99999, llm: yes }",
      "  - { name: B, dir: a, module: a }",
      "n8n: { name: x }",
    ].join("\n"),
  );

  const reference = "a reference: env:NAME, file:PATH or vault:CREDENTIAL/FIELD (never the secret itself)";
  assert.deepEqual(faults, [
    "1:11 platform.name is missing, expected some text",
    "1:13 platform.nam is not known; did you mean name?",
    '1:35 platform.root is "opt", expected an absolute path without ..',
    '1:50 platform.timezone is "Mars/Base", expected an IANA time zone such as America/Los_Angeles',
    `3:20 environments.dev.database is [secret], expected ${reference}`,
    "4:3 environments.staging is not known; known here: dev, prod",
    '6:22 mirror.reference_tables[0].table is missing, expected schema.table (lower case, or quoted as in SQL: public."My Table")',
    "6:24 mirror.reference_tables[0].tabel is not known; did you mean table?",
    '7:11 mirror.allow[0] is "locks", expected a hazard: data-loss, lock, rewrite, index-rebuild, privilege, endpoint-copied or ahead',
    '8:13 mirror.schedule is "61 3 * * *", expected five cron fields (minute hour day month weekday), for example 0 3 * * *',
    "10:41 agents[0].port is 99999, expected a port: 1 to 65535",
    '10:53 agents[0].llm is "yes", expected true or false',
    "11:5 agents[1].port is missing, expected a port",
    "12:6 n8n is a group of keys, expected a list",
  ]);
});

test("what must exist, differ or not meet is checked beside the faults of other parts", () => {
  const faults = faultsOf(
    [
      "platform: { name: x }",
      "environments: { dev: { database: env:A }, prod: { database: env:A } }",
      "mirror:",
      "  from: stage",
      "  to: prod",
      '  reference_tables: [{ table: a }, { table: public."a" }, { table: schema_migrations }]',
      '  never_copy: [ "public.a" ]',
      "agents: [{ name: A, dir: a, module: a, port: 80 }, { name: a, dir: b, module: b, port: 80 }]",
      "outside:",
      '  a: { url: "http://127.0.0.1:80" }',
      '  b: { url: "http://[::ffff:10.0.0.1]:80" }',
      '  c: { url: "http://10.0.0.1:80", allow_private: true }',
      '  d: { url: "http://metadata.internal:80" }',
      '  e: { url: "https://api.example.com:443" }',
      "notifications:",
      "  channels: { file: { path: /var/log/messages.jsonl } }",
      "  rules: [{ channels: [file, slack] }]",
      "  fallback: telegram",
      "usage:",
      "  prices:",
      '    - { model: a, input: 1, output: 2, valid_to: "2026-02-01" }',
      "    - { model: A, input: 1, output: 2, valid_from: 2026-01-01 }",
    ].join("\n"),
  );

  const isPrivate = "a private or loopback address: say allow_private: true if that is meant";
  assert.deepEqual(faults, [
    "1:11 platform.root is missing, expected an absolute path without ..",
    "2:61 environments.prod.database is the same as dev's (env:A), expected another",
    '4:9 mirror.from names the environment "stage", which environments does not have (configured: dev, prod)',
    '5:7 mirror.to is "prod", expected dev: prod is never written by a mirror',
    "6:31 mirror.reference_tables[0].table is a, which never_copy names: take it off one of the two lists",
    '6:45 mirror.reference_tables[1].table is public."a", which is listed already',
    '6:45 mirror.reference_tables[1].table is public."a", which never_copy names: take it off one of the two lists',
    "6:68 mirror.reference_tables[2].table is schema_migrations, the migrations table: its rows are never mirrored",
    "8:60 agents[1].name is the same as that of agents[0]",
    "8:88 agents[1].port is the same as that of agents[0]",
    `10:13 outside.a.url is http://127.0.0.1:80, ${isPrivate}`,
    `11:13 outside.b.url is http://[::ffff:10.0.0.1]:80, ${isPrivate}`,
    `13:13 outside.d.url is http://metadata.internal:80, ${isPrivate}`,
    '17:30 notifications.rules[0].channels[1] names the channel "slack", which notifications.channels does not have (configured: file)',
    '18:13 notifications.fallback names the channel "telegram", which notifications.channels does not have (configured: file)',
    "22:52 usage.prices[1].valid_from holds for A while usage.prices[0] does, expected periods that do not meet",
  ]);
});

test("prices of one's own are amounts with a period", () => {
  const faults = faultsOf(
    [
      minimal.trim(),
      "usage:",
      "  retention: forever",
      "  prices:",
      "    - { model: '*', input: -1, output: free, valid_from: today }",
      "    - { model: m, input: 1, cached: 1 }",
    ].join("\n"),
  );

  const amount = "expected USD as a number or as text, not negative, with at most 9 decimals";
  assert.deepEqual(faults, [
    '3:14 usage.retention is "forever", expected a duration such as 30m, 24h or 7d',
    '5:16 usage.prices[0].model is "*", expected a model\'s name, or the beginning of one with * at its end',
    `5:28 usage.prices[0].input is -1, ${amount}`,
    `5:40 usage.prices[0].output is "free", ${amount}`,
    '5:58 usage.prices[0].valid_from is "today", expected a date such as 2026-01-31, or a time with an offset such as 2026-01-31T16:00:00Z',
    `6:7 usage.prices[1].output is missing, ${amount}`,
    "6:29 usage.prices[1].cached is not known; known here: model, provider, input, output, cache_read, cache_write_5m, cache_write_1h, audio_input, audio_output, web_search, valid_from, valid_to",
  ]);
});

test("faults of the YAML itself are named in our words, without quoting the file", () => {
  const cases: [string, RegExp][] = [
    [`${minimal}platform: 3\n`, /^\d+:1 platform stands twice$/m],
    ["platform:\n\tname: x\n", /^2:1 a tab in the indentation: use spaces$/m],
    ["platform: *hunter2\n", /^1:11 an alias without its anchor: quote a value that begins with \*$/m],
    ["platform: &a [*a]\n", /^1:15 an alias without its anchor/m],
    ["platform: !hunter2 x\n", /^1:11 a tag has no meaning here: quote a value that begins with !$/m],
    ["platform: { name: x\n", /closing bracket|comma/],
    ["a: b: c\n", /a second key on one line: quote a value that holds a colon and a space/],
    [`${minimal}---\n${minimal}`, /^2:1 a second document begins/m],
    ["", /^1:1 is empty, expected keys such as platform:$/m],
    ["- a\n", /expected/],
    ["hunter2\n", /^1:1 expected keys such as platform:$/m],
  ];

  for (const [text, expected] of cases) {
    const faults = faultsOf(text).join("\n");
    assert.match(faults, expected, text);
    assert.doesNotMatch(faults, /hunter2/, text);
  }
});

test("an alias repeats a value, and few of them cannot make a huge one", () => {
  const bomb = Array.from({ length: 12 }, (_, level) => {
    const items =
      level === 0
        ? "[x, x, x, x, x, x, x, x, x]"
        : `[${Array(9)
            .fill(`*a${level - 1}`)
            .join(", ")}]`;
    return `a${level}: &a${level} ${items}`;
  });

  const repeated = parseConfig(
    `environments: { dev: &d { database: env:A, via: x y }, prod: { database: env:B } }\n${minimal}`,
  );

  assert.equal(repeated.config?.environments.dev?.via, "x y");
  assert.match(faultsOf(bomb.join("\n")).join("\n"), /has too many aliases/);
});

test("no value that stands where a secret could be is ever shown", () => {
  const secrets = ["sk-ant-REDACTED", "hunter2", "postgres://u:p4ss@h/d", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"];
  for (const secret of secrets) {
    const text = `${minimal}environments: { dev: { database: ${JSON.stringify(secret)} } }\nn8n: [{ name: a, environment: dev, url: "x", api_key: ${JSON.stringify(secret)} }]`;
    assert.ok(!faultsOf(text).join("\n").includes(secret), secret);
  }
  const misplaced = `${minimal}backups: [{ name: ${secrets[3]}!, environment: dev, directory: ${secrets[2]}, pattern: x }]\n${secrets[3]}: 1`;
  const faults = faultsOf(misplaced).join("\n");
  for (const secret of secrets) assert.ok(!faults.includes(secret), faults);
});

test("any text is either a configuration or a list of faults inside the text", () => {
  const words = [
    "platform",
    "name",
    "root",
    "mirror",
    "agents",
    ": ",
    "\n",
    "  ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    '"',
    "#",
    "\t",
    "!x ",
    "/opt",
    "port",
    "1",
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...words), { maxLength: 25 }), (parts) => {
      const text = parts.join("");
      const result = parseConfig(text);
      if (result.config !== undefined) return;
      assert.ok(result.faults.length > 0);
      const lineCount = text.split("\n").length;
      for (const { line, column } of result.faults) assert.ok(line >= 1 && line <= lineCount && column >= 1);
    }),
    { numRuns: 300 },
  );
});

test("a loaded file comes with the digest of its bytes", async (t) => {
  const path = await writeConfig(t, minimal);

  const loaded = await loadConfig(path);

  assert.equal(loaded.config.platform.root, "/opt/leveredge");
  assert.equal(loaded.sha256, "45d8787a0db9a1b4985b687393f76bdd70711e5587e3b44a4a0a1cf43eca9152");
});

test("a faulty file is one error with all faults as lines", async (t) => {
  const path = await writeConfig(t, "platform: { name: x, root: y }\nagent: []\n");

  await assert.rejects(loadConfig(path), (error: unknown) => {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, "invalid_input");
    assert.match(
      error.message,
      /has 2 faults:\n {2}leveredge\.yaml:1:28 platform\.root .*\n {2}leveredge\.yaml:2:1 agent .*agents\?$/,
    );
    return true;
  });
});

test("what is no UTF-8, too large, a directory or not there is named", async (t) => {
  const cases: [string, AppError["code"], RegExp][] = [
    [await writeConfig(t, Buffer.from([0x70, 0xff, 0xfe])), "invalid_input", /is not UTF-8 text/],
    [await writeConfig(t, " ".repeat(1024 * 1024 + 1)), "invalid_input", /too many for a configuration/],
    [tmpdir(), "not_found", /EISDIR/],
    ["/nonexistent/leveredge.yaml", "not_found", /ENOENT/],
  ];

  for (const [path, code, message] of cases) await assert.rejects(loadConfig(path), { code, message });
});

test("the template is valid as it is, and with every part taken in", async () => {
  const template = await readFile(join(programRoot, "templates/leveredge.yaml"), "utf8");
  const whole = template.replaceAll(/^#(?! \S|\s*$)/gm, "");

  const asIs = parseConfig(template);
  const complete = parseConfig(whole);

  assert.ok(asIs.config !== undefined, JSON.stringify(asIs));
  assert.ok(complete.config !== undefined, JSON.stringify(complete));
  assert.deepEqual(Object.keys(complete.config).toSorted(), [
    "access",
    "agents",
    "backups",
    "environments",
    "harden",
    "knowledge",
    "migrations",
    "mirror",
    "n8n",
    "notifications",
    "outside",
    "platform",
    "providers",
    "repositories",
    "serve",
    "usage",
  ]);
});
