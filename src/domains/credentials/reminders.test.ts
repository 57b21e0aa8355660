import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "kysely";

import { Secret } from "#secrets/secret.ts";
import { run } from "#store/database.ts";
import { type CheckedCredentials, json, keyOf, openCheckedCredentials } from "#test/checked-credentials.ts";

import { replaceValue } from "./credentials.ts";
import { remind } from "./reminders.ts";

const by = { name: "schedule:credentials" };

/** Of a credential: `expiry -3.5 days` moves its date to three and a half days from now. */
async function expireIn({ app }: CheckedCredentials, name: string, days: number): Promise<void> {
  await run(
    app.db,
    sql`
    update aegis_credentials
    set declared_expires_at = now() + make_interval(secs => ${days * 86_400}),
        expires_at = now() + make_interval(secs => ${days * 86_400}), expiry_source = 'declared'
    where credential_name = ${name}`,
  );
}

async function titles({ notices }: CheckedCredentials): Promise<(string | undefined)[]> {
  return (await notices()).map(({ notice }) => notice?.title);
}

test("a date that comes nearer is told at 30, 14, 7, 3 and 1 days and when it has passed, each once", async (t) => {
  const scene = await openCheckedCredentials(t);
  await scene.add("one");
  const day = new Date(Date.now() + 40 * 86_400_000).toISOString();
  await run(scene.app.db, sql`update aegis_credentials set expires_at = ${day}, expiry_source = 'declared'`);
  const told: number[] = [];

  for (const left of [35, 29, 20, 13, 6, 2, 0.5, -1]) {
    // The reminders that were given move with the date: it is one date that comes nearer.
    await expireIn(scene, "one", left);
    await run(
      scene.app.db,
      sql`update aegis_credential_reminder set due_on = (now() + make_interval(secs => ${left * 86_400}))::date`,
    );
    told.push(await remind(scene.app, by), await remind(scene.app, by));
  }

  assert.deepEqual(told, [0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
  assert.deepEqual(await titles(scene), [
    "credential one expires within 30 days",
    "credential one expires within 14 days",
    "credential one expires within 7 days",
    "credential one expires within 3 days",
    "credential one expires within 1 day",
    "credential one has passed its date",
  ]);
  assert.deepEqual(
    (await scene.notices()).map(({ notice }) => notice?.severity),
    ["normal", "normal", "normal", "high", "high", "high"],
  );
});

test("after a pause only the nearest is told, and the passed ones never", async (t) => {
  const scene = await openCheckedCredentials(t);
  await scene.add("one");
  await expireIn(scene, "one", 2.5);

  assert.deepEqual([await remind(scene.app, by), await remind(scene.app, by)], [1, 0]);

  assert.deepEqual(await titles(scene), ["credential one expires within 3 days"]);
});

test("two that remind at once tell it once", async (t) => {
  const scene = await openCheckedCredentials(t);
  await scene.add("one");
  await expireIn(scene, "one", 10);

  const told = await Promise.all([remind(scene.app, by), remind(scene.app, by), remind(scene.app, by)]);

  assert.equal(
    told.reduce((sum, count) => sum + count, 0),
    1,
  );
});

test("a date that moves by seconds over midnight is the same date; one that moves by weeks is another", async (t) => {
  const scene = await openCheckedCredentials(t);
  await scene.add("one");
  const { app } = scene;
  const setTo = (text: string) =>
    run(
      app.db,
      sql`
      update aegis_credentials
      set expires_at = date_trunc('day', now() at time zone 'UTC') at time zone 'UTC' + ${text}::interval,
          expiry_source = 'declared'`,
    );

  await setTo("5 days -1 second");
  const first = await remind(app, by);
  await setTo("5 days 1 second");
  const moved = await remind(app, by);
  await setTo("25 days");
  const later = await remind(app, by);

  assert.deepEqual([first, moved, later], [1, 0, 1]);
});

test("a value in use for as long as its owner set is told of once, and again when the next one is as old", async (t) => {
  const scene = await openCheckedCredentials(t);
  const { app } = scene;
  await scene.add("one", { rotation_reminder_days: 30 });
  const age = (days: number) =>
    run(app.db, sql`update aegis_credentials set value_changed_at = now() - make_interval(days => ${days})`);

  await age(29);
  const young = await remind(app, by);
  await age(31);
  const old = [await remind(app, by), await remind(app, by)];
  await replaceValue(app, "one", { api_key: new Secret("acme-another-key") }, by);
  const fresh = await remind(app, by);
  await age(35);
  const next = await remind(app, by);

  assert.deepEqual([young, old, fresh, next], [0, [1, 0], 0, 1]);
  assert.equal((await titles(scene))[0], "credential one is due for rotation");
});

test("a dead key and one without a value are told of as such and get no reminders", async (t) => {
  const scene = await openCheckedCredentials(t);
  await scene.add("dead");
  await scene.add("none");
  await expireIn(scene, "dead", 1.5);
  await expireIn(scene, "none", 1.5);
  scene.answers.set(keyOf("none"), json(200, {}));
  await run(scene.app.db, sql`update aegis_credentials set version = 0 where credential_name = 'none'`);
  await scene.check("dead");
  await scene.letPass(61);
  await scene.check("dead");

  assert.equal(await remind(scene.app, by), 0);
});
