import assert from "node:assert/strict";
import { test } from "node:test";

import type { App } from "#app.ts";
import type { CommandContext } from "#cli/command.ts";
import { AppError, outcomeExit } from "#errors.ts";
import { Provider } from "#providers/provider.ts";
import { acme, json, keyOf, openCheckedCredentials } from "#test/checked-credentials.ts";

import { checkCommands } from "./check-commands.ts";
import { credentialCommands } from "./credential-commands.ts";
import { providerCommands } from "./provider-commands.ts";

type Ran = { exitCode: number; value: unknown; text: string; said: string };

async function runCommand(
  app: App,
  name: string,
  words: { arguments?: string[]; options?: CommandContext["options"] } = {},
): Promise<Ran> {
  const all = [...checkCommands, ...providerCommands, ...credentialCommands];
  const command = all.find((candidate) => candidate.name === name);
  assert.ok(command);
  const shown: { value: unknown; text: string }[] = [];
  const said: string[] = [];
  const exitCode = await command.run({
    arguments: words.arguments ?? [],
    options: words.options ?? {},
    global: { config: undefined, state: undefined, json: false, color: false, quiet: false },
    output: { data: (value, text) => shown.push({ value, text }), say: (line) => said.push(line), live: false },
    signal: app.signal,
    openApp: () => Promise.resolve(app),
  });
  return { exitCode, value: shown[0]?.value, text: shown[0]?.text ?? "", said: said.join("\n") };
}

test("checking one ends with 0 for a live key, 12 where nobody can tell and 13 for a dead one", async (t) => {
  const { app, answers, add, server } = await openCheckedCredentials(t);
  for (const name of ["alive", "limited", "silent", "dead"]) await add(name);
  answers.set(keyOf("alive"), json(200, {}));
  answers.set(keyOf("limited"), json(403, {}));
  answers.set(keyOf("silent"), json(503, {}));
  const check = (name: string) => runCommand(app, "credentials check", { arguments: [name] });

  const [alive, limited, silent, dead] = [
    await check("alive"),
    await check("limited"),
    await check("silent"),
    await check("dead"),
  ];

  assert.deepEqual(
    [alive, limited, silent, dead].map(({ exitCode }) => exitCode),
    [outcomeExit.ok, outcomeExit.ok, outcomeExit.blocked, outcomeExit.failed],
  );
  assert.match(alive.text, /^alive: valid, answered 200 \(\d+ ms\)$/);
  assert.match(dead.text, /^dead: invalid, answered 401, invalid_api_key /);
  assert.match(
    dead.said,
    /^A second answer after \d\d:\d\d:\d\d UTC decides whether it is dead: leveredge serve asks by itself, without it: leveredge credentials check dead$/,
  );
  await assert.rejects(check("nobody"), (error) => error instanceof AppError && error.exitCode === 4);
  assert.equal(server.asked.length, 4);
});

test("checking all shows the table, tells a waiting dead answer from a dead key, and ends with the gravest", async (t) => {
  const { app, answers, add, letPass } = await openCheckedCredentials(t);
  const empty = await runCommand(app, "credentials check");
  await add("alive");
  answers.set(keyOf("alive"), json(200, {}));
  const good = await runCommand(app, "credentials check");
  await add("silent");
  answers.set(keyOf("silent"), json(503, {}));
  const untold = await runCommand(app, "credentials check");
  await add("dying");
  const first = await runCommand(app, "credentials check");
  await letPass(61);
  const second = await runCommand(app, "credentials check");

  assert.deepEqual([empty.exitCode, empty.text], [0, "no credentials yet"]);
  assert.deepEqual(
    [good, untold, first, second].map(({ exitCode }) => exitCode),
    [outcomeExit.ok, outcomeExit.blocked, outcomeExit.failed, outcomeExit.failed],
  );
  assert.match(first.text, /^dying +acme +prod +unknown, invalid\? .*invalid$/m);
  assert.match(first.said, /1 checked: 1 invalid; 2 were not asked; 1 dead answers wait .*\nA second answer a minute/);
  assert.match(second.text, /^dying +acme +prod +invalid +\d+ s ago .*invalid$/m);
});

test("what expires within a month is listed, the nearest first, and is an exit code of its own", async (t) => {
  const { app, add } = await openCheckedCredentials(t);
  const inDays = (days: number) => new Date(Date.now() + (days + 0.5) * 86_400_000).toISOString();
  await add("far", { expires_at: inDays(100) });
  const none = await runCommand(app, "credentials expiring");
  await add("later", { expires_at: inDays(20) });
  await add("soon", { expires_at: inDays(3) });
  await add("past", { expires_at: inDays(-3) });

  const some = await runCommand(app, "credentials expiring");

  assert.deepEqual([none.exitCode, some.exitCode], [outcomeExit.ok, outcomeExit.drift]);
  const lines = some.text.split("\n").slice(1);
  assert.deepEqual(
    lines.map((line) => line.replaceAll(/\s+/g, " ").replace(/\d{4}-\d\d-\d\d/, "DATE")),
    ["past acme DATE past", "soon acme DATE 3 d", "later acme DATE 20 d"],
  );
});

test("a date, a reminder and a note are changed and taken away, and the value stays", async (t) => {
  const { app, add, read } = await openCheckedCredentials(t);
  await add("one");
  const change = (options: CommandContext["options"]) =>
    runCommand(app, "credentials change", { arguments: ["one"], options });

  const dated = await change({ expires: "2031-01-31", rotationDays: "30", note: "of the crawler" });
  const { expiresAt, rotationReminderDays, note, version } = await read("one");
  const undated = await change({ expires: "none", note: "" });

  assert.equal(dated.text, "one is changed; it expires: 2031-01-31 (declared)");
  assert.deepEqual(
    [expiresAt, rotationReminderDays, note, version],
    ["2031-01-31T00:00:00.000Z", 30, "of the crawler", 1],
  );
  assert.equal(undated.text, "one is changed; it expires: unknown");
  assert.equal((await read("one")).note, null);
  await assert.rejects(change({}), /nothing to change is given/);
});

test("providers are listed with their credentials, shown, and refused by a wrong name", async (t) => {
  const { app, add } = await openCheckedCredentials(t);
  await add("one");

  const listed = await runCommand(app, "providers list");
  const shown = await runCommand(app, "providers show", { arguments: ["acme"] });

  assert.match(listed.text, /^acme +Acme +api_key +documented +configuration +1$/m);
  assert.match(listed.text, /^openai +OpenAI .* built-in +-$/m);
  assert.match(
    shown.text,
    /^Acme \(acme, api_key, configuration\)[\s\S]*api_key +secret +required[\s\S]*GET https:\/\/acme\.example\/me/,
  );
  await assert.rejects(runCommand(app, "providers show", { arguments: ["acm"] }), /there is no provider acm/);
  app.config.providers.push(Provider.parse({ ...acme, name: "openai" }));
  const replacing = await runCommand(app, "providers show", { arguments: ["openai"] });
  assert.match(replacing.text, /^Acme \(openai, api_key, configuration\)\nreplaces the built-in one$/m);
});

test("a made-up key must be called dead: agreement ends with 0, another answer with 10, silence with 12", async (t) => {
  const { app, answers } = await openCheckedCredentials(t);
  const tryOut = () => runCommand(app, "providers test", { arguments: ["acme"] });

  const agrees = await tryOut();
  answers.set("made-up-key-0000", json(200, {}));
  const otherwise = await tryOut();
  answers.set("made-up-key-0000", json(503, {}));
  const silent = await tryOut();

  assert.deepEqual(
    [agrees.exitCode, otherwise.exitCode, silent.exitCode],
    [outcomeExit.ok, outcomeExit.drift, outcomeExit.blocked],
  );
  assert.match(agrees.text, /^acme +invalid +invalid +as expected +answered 401/m);
  assert.match(otherwise.text, /OTHERWISE/);
  assert.match(silent.text, /not reached/);
});
