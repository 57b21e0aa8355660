import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "kysely";

import { Provider } from "#providers/provider.ts";
import { run } from "#store/database.ts";
import { acme, json, keyOf, openCheckedCredentials } from "#test/checked-credentials.ts";

import { credentialJobs } from "./jobs.ts";
import { listSchedules } from "./schedules.ts";

const names = Array.from({ length: 30 }, (_, place) => `key-${String(place).padStart(2, "0")}`);

test("a sweep asks for all that are due, counts what they answered, and the next one finds nobody", async (t) => {
  const { answers, add, sweep, server, app } = await openCheckedCredentials(t);
  for (const name of ["a", "b", "c", "d", "e"]) await add(name);
  answers.set(keyOf("a"), json(200, {}));
  answers.set(keyOf("b"), json(403, {}));
  answers.set(keyOf("c"), json(500, {}));
  await run(
    app.db,
    sql`update aegis_credentials set quarantined_at = now(), quarantine_reason = 'x' where credential_name = 'e'`,
  );
  const progress: string[] = [];

  const swept = await sweep({ progress: (_text, done, total) => progress.push(`${done} of ${total}`) });
  const again = await sweep();

  assert.deepEqual(swept, {
    verdicts: { valid: 1, insufficient_scope: 1, provider_down: 1, invalid: 1 },
    skipped: 0,
    needConfirmation: 1,
  });
  assert.deepEqual(progress, ["1 of 4", "2 of 4", "3 of 4", "4 of 4"]);
  assert.deepEqual(again, { verdicts: {}, skipped: 4, needConfirmation: 0 });
  assert.equal(server.asked.length, 4);
});

test("what a provider's answer has of NUL and other signs that no row takes is left out, and nobody else suffers", async (t) => {
  const { answers, add, sweep, read } = await openCheckedCredentials(t);
  await add("a");
  await add("b");
  answers.set(keyOf("a"), json(200, { account: "a\u0000b\u001b[31m\ud800", scopes: ["x\u0000", "\u0000"] }));
  answers.set(keyOf("b"), json(200, { account: "b" }));

  const swept = await sweep();

  assert.deepEqual(swept.verdicts, { valid: 2 });
  const { identity, scopes } = await read("a");
  assert.deepEqual([identity, scopes], ["a b [31m\ufffd", ["x"]]);
  assert.equal((await read("b")).identity, "b");
});

test("a check that breaks costs its own credential alone: unknown, with a word, and asked again later", async (t) => {
  const { answers, add, sweep, read, app } = await openCheckedCredentials(t);
  await add("a");
  await add("b");
  for (const name of ["a", "b"]) answers.set(keyOf(name), json(200, { account: name }));
  await run(
    app.db,
    sql`
    reset role;
    alter table aegis_credential_check add constraint breaks check (identity is distinct from 'a');
    set role leveredge_app`,
  );

  const swept = await sweep();

  assert.deepEqual(swept.verdicts, { unknown: 1, valid: 1 });
  const { validationStatus, attemptVerdict, attemptDetail } = await read("a");
  assert.deepEqual([validationStatus, attemptVerdict], ["unknown", "unknown"]);
  assert.match(String(attemptDetail), /^the program could not carry out or keep its check: .*23514/);
});

test("a sweep of some environments asks for nobody else", async (t) => {
  const { answers, add, sweep, server } = await openCheckedCredentials(t);
  for (const environment of ["dev", "prod", "shared"]) {
    await add(environment, { environment });
    answers.set(keyOf(environment), json(200, {}));
  }

  const swept = await sweep({ environments: ["dev", "shared"] });

  assert.deepEqual(swept, { verdicts: { valid: 2 }, skipped: 0, needConfirmation: 0 });
  const keys = server.asked.map(({ headers }) => headers["authorization"]);
  assert.ok(!keys.includes(`Bearer ${keyOf("prod")}`));
});

test("a stopped sweep asks nobody twice when it goes on", async (t) => {
  const { answers, add, sweep, server } = await openCheckedCredentials(t);
  for (const name of names) {
    await add(name);
    answers.set(keyOf(name), json(200, {}));
  }
  const stop = new AbortController();

  await assert.rejects(
    sweep({ signal: stop.signal, progress: (_text, done) => (done === 10 ? stop.abort() : undefined) }),
    { name: "AbortError" },
  );
  const rest = await sweep();

  assert.ok((rest.verdicts.valid ?? 0) > 0 && (rest.verdicts.valid ?? 0) <= 20);
  const keys = server.asked.map(({ headers }) => headers["authorization"]);
  assert.equal(new Set(keys).size, 30);
});

test("one provider that does not answer holds up no other, and a sweep of it ends soon", async (t) => {
  const other = { ...acme, name: "other", base_url: "https://other.example" };
  const { app, answers, add, sweep, server } = await openCheckedCredentials(t);
  const nobody = { url: "http://127.0.0.1:1", allow_private: true };
  app.config.providers.push(Provider.parse(other));
  app.config.outside = { ...app.config.outside, other: nobody };
  for (const name of names) {
    await add(name, { provider: Number(name.slice(-2)) % 2 === 0 ? "acme" : "other" });
    answers.set(keyOf(name), json(200, {}));
  }

  const swept = await sweep();

  assert.deepEqual(swept.verdicts, { valid: 15, provider_down: 15 });
  assert.equal(server.asked.length, 15);
});

test("where all keys of a provider die together the provider is suspected, and they count an hour later", async (t) => {
  const { answers, add, sweep, read, letPass, told } = await openCheckedCredentials(t);
  for (const name of ["a", "b", "c"]) await add(name);

  await sweep();
  await letPass(90);
  const early = await sweep({ which: "pending" });
  assert.deepEqual(early, { verdicts: {}, skipped: 3, needConfirmation: 0 });
  assert.deepEqual(await told(), ["suspected provider acme"]);
  answers.set(keyOf("a"), json(200, {}));
  await letPass(3600);
  await sweep({ which: "pending" });

  assert.deepEqual(
    [await read("a"), await read("b"), await read("c")].map(({ validationStatus }) => validationStatus),
    ["valid", "invalid", "invalid"],
  );
  assert.deepEqual((await told()).toSorted(), ["dead credential b", "dead credential c", "suspected provider acme"]);
});

test("where one key of a provider lives the others are dead after a minute", async (t) => {
  const { answers, add, sweep, letPass, told } = await openCheckedCredentials(t);
  for (const name of ["a", "b", "c", "d"]) await add(name);
  answers.set(keyOf("a"), json(200, {}));

  await sweep();
  await letPass(61);
  await sweep({ which: "pending" });

  assert.deepEqual((await told()).toSorted(), ["dead credential b", "dead credential c", "dead credential d"]);
});

test("the job sweeps, checks one by name, and the five-minutely one confirms", async (t) => {
  const { app, answers, add, read, letPass } = await openCheckedCredentials(t);
  await add("a", { expires_at: new Date(Date.now() + 2.5 * 86_400_000).toISOString() });
  await add("b");
  answers.set(keyOf("a"), json(200, {}));
  const context = { jobId: "1", actor: "schedule:credentials", signal: app.signal, progress: () => undefined };
  const runJob = (name: string, data: Record<string, unknown>) =>
    credentialJobs.find((job) => job.name === name)?.run(app, data, context);

  const one = await runJob("credentials.sweep", { name: "a" });
  const all = await runJob("credentials.sweep", {});
  await letPass(61);
  const confirmed = await runJob("credentials.confirm", {});

  assert.deepEqual(one, { checked: "checked", verdict: "valid" });
  assert.deepEqual(all, { verdicts: { invalid: 1 }, skipped: 1, needConfirmation: 1, reminded: 1 });
  assert.deepEqual(confirmed, { verdicts: { invalid: 1 }, skipped: 0, needConfirmation: 0, reminded: 0, rotated: {} });
  assert.equal((await read("b")).validationStatus, "invalid");
});

test("each platform sweeps at a minute of its own in the hour of five, and looks for confirmations every five minutes", () => {
  const crons = ["Sample", "Another"].map((name) =>
    listSchedules({ platform: { name, root: "/x", timezone: "UTC" } }).map(({ cron }) => cron),
  );

  for (const [sweepOf, confirm] of crons) {
    assert.match(String(sweepOf), /^\d{1,2} 5 \* \* \*$/);
    assert.equal(confirm, "*/5 * * * *");
  }
  assert.notDeepEqual(crons[0], crons[1]);
});
