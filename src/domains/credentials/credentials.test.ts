import assert from "node:assert/strict";
import { test } from "node:test";

import { sql } from "kysely";
import { z } from "zod";

import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { listEvents, sealEvents } from "#events/events.ts";
import { Secret } from "#secrets/secret.ts";
import { many, one, run } from "#store/database.ts";
import { testApp } from "#test/app.ts";

import {
  addCredential,
  changeCredential,
  rebind,
  removeCredential,
  replaceValue,
  requireCredential,
  rollBack,
} from "./credentials.ts";
import { listEqualGroups, listVersions } from "./queries.ts";
import { NewCredential } from "./schema.ts";
import { openForUse, openReferenceField, openVersion, revealField } from "./vault.ts";

const by = { name: "user:damon" };
const key = "sk-proj-test-0000000000000000000001";

/** A provider whose host is a setting, and which has two secrets. */
const twoKeys = {
  name: "two_keys",
  title: "Two keys",
  category: "generic",
  type: "api_key",
  fields: {
    api_key: { type: "secret", required: true },
    second_key: { type: "secret", required: false },
    host: { type: "string", required: false, default: "one.example" },
  },
  base_url: "https://{host}",
  check: { kind: "http", steps: [{ method: "GET", path: "/", rules: [{ status: [200], verdict: "valid" }] }] },
};

function newCredential(more: Record<string, unknown> = {}): NewCredential {
  return NewCredential.parse({ name: "openai-prod", provider: "openai", fields: { api_key: key }, ...more });
}

function fields(values: Record<string, string>): Record<string, Secret> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, new Secret(value)]));
}

const isError = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof AppError && error.code === code && message.test(error.message) && !error.message.includes("sk-");

async function countRows(app: App): Promise<Record<string, number>> {
  const row = z.object({ credentials: z.int(), versions: z.int(), fields: z.int(), events: z.int() });
  return one(
    app.db,
    row,
    sql`
    select (select count(*) from aegis_credentials) as credentials,
      (select count(*) from aegis_credential_version) as versions,
      (select count(*) from aegis_credential_field) as fields,
      (select count(*) from event) as events`,
  );
}

async function revealed(app: App, name: string, field = "api_key"): Promise<string> {
  return (await revealField(app, name, field, by)).reveal();
}

test("a value is sealed, opens again, and its event has a digest and no value", async (t) => {
  const app = await testApp(t);

  const { credential, warnings } = await addCredential(app, newCredential(), by);

  assert.deepEqual(
    { version: credential.version, status: credential.validationStatus },
    { version: 1, status: "unknown" },
  );
  assert.deepEqual(warnings, []);
  assert.equal(await revealed(app, "openai-prod"), key);
  await sealEvents(app);
  const events = await listEvents(app, { after: 0, limit: 10 });
  assert.deepEqual(
    events.map(({ action, outcome }) => [action, outcome]),
    [
      ["credentials.credential", "added"],
      ["credentials.reveal", "revealed"],
    ],
  );
  assert.match(String(events[0]?.details["digest"]), /^[0-9a-f]{64}$/);
  assert.ok(!JSON.stringify(events).includes(key));
});

test("a name that is taken is a conflict, and nothing of the second is written", async (t) => {
  const app = await testApp(t);
  await addCredential(app, newCredential(), by);
  const before = await countRows(app);

  await assert.rejects(
    addCredential(app, newCredential(), by),
    isError("conflict", /there is a credential openai-prod/),
  );

  assert.deepEqual(await countRows(app), before);
});

test("versions are contiguous under 64 writers, and of those that read the same revision one wins", async (t) => {
  const app = await testApp(t);
  const { credential } = await addCredential(app, newCredential(), by);

  const free = await Promise.all(
    Array.from({ length: 64 }, (_, index) =>
      replaceValue(app, "openai-prod", fields({ api_key: `${key}-${index}` }), by).then(
        (written) => written.credential.version,
      ),
    ),
  );
  assert.deepEqual(
    free.toSorted((a, b) => a - b),
    Array.from({ length: 64 }, (_, index) => index + 2),
  );

  const { revision } = await requireCredential(app, credential.credentialName);
  const guarded = await Promise.allSettled(
    Array.from({ length: 64 }, (_, index) =>
      replaceValue(app, "openai-prod", fields({ api_key: `${key}-g${index}` }), by, { ifRevision: revision }),
    ),
  );
  const lost = guarded.filter((result) => result.status === "rejected");
  assert.equal(lost.length, 63);
  for (const { reason } of lost) assert.ok(isError("precondition_failed", /was changed meanwhile/)(reason));

  const versions = await listVersions(app.db, credential.id);
  assert.deepEqual(
    versions.map(({ version }) => version),
    Array.from({ length: 10 }, (_, index) => 66 - index),
  );
});

test("going back makes the earlier value the next version", async (t) => {
  const app = await testApp(t);
  await addCredential(app, newCredential(), by);
  await replaceValue(app, "openai-prod", fields({ api_key: `${key}-2` }), by);
  await replaceValue(app, "openai-prod", fields({ api_key: `${key}-3` }), by);

  const back = await rollBack(app, "openai-prod", by);
  assert.equal(back.version, 4);
  assert.equal(await revealed(app, "openai-prod"), `${key}-2`);
  await rollBack(app, "openai-prod", by, { to: 1 });
  assert.equal(await revealed(app, "openai-prod"), key);

  for (const to of [0, -1, 5, 6, 99]) {
    await assert.rejects(rollBack(app, "openai-prod", by, { to }), isError("not_found", /has no version/));
  }
});

test("what was declared of the old value is not said of the new one", async (t) => {
  const app = await testApp(t);
  const { credential } = await addCredential(app, newCredential({ expires_at: "2027-01-31T00:00:00Z" }), by);
  assert.deepEqual([credential.expiresAt, credential.expirySource], ["2027-01-31T00:00:00.000Z", "declared"]);

  const rotated = await replaceValue(app, "openai-prod", fields({ api_key: `${key}-2` }), by);
  assert.deepEqual([rotated.credential.expiresAt, rotated.credential.expirySource], [null, "unknown"]);
  const changed = await changeCredential(app, "openai-prod", { declaredExpiresAt: "2027-02-01T00:00:00Z" }, by);
  assert.equal(changed.expirySource, "declared");
  const cleared = await changeCredential(app, "openai-prod", { declaredExpiresAt: null, note: "x" }, by);
  assert.deepEqual([cleared.expiresAt, cleared.note], [null, "x"]);
});

test("a configuration that leads elsewhere quarantines the credential until it is bound again", async (t) => {
  const app = await testApp(t);
  await addCredential(app, newCredential(), by);
  const moved = {
    ...app,
    config: { ...app.config, outside: { openai: { url: "https://proxy.example:8443", allow_private: false } } },
  };
  const use = async () => openForUse(moved, await requireCredential(app, "openai-prod"), by);

  await assert.rejects(use(), isError("conflict", /quarantined: its value was sealed for https:\/\/api\.openai\.com/));
  await assert.rejects(use(), isError("conflict", /quarantined/));
  await assert.rejects(openReferenceField(moved, "openai-prod", "api_key"), isError("conflict", /quarantined/));
  const before = await requireCredential(app, "openai-prod");
  assert.equal(before.version, 1);
  assert.match(before.quarantineReason ?? "", /proxy\.example:8443/);

  const bound = await rebind(moved, "openai-prod", by);

  assert.deepEqual([bound.version, bound.quarantinedAt, bound.valueChangedAt], [2, null, before.valueChangedAt]);
  assert.equal((await use()).fields["api_key"]?.reveal(), key);
  await sealEvents(app);
  const events = await listEvents(app, { after: 0, limit: 20 });
  assert.deepEqual(
    events.map(({ outcome, notice }) => [outcome, notice?.severity]),
    [
      ["added", undefined],
      ["quarantined", "high"],
      ["rebound", undefined],
    ],
  );
});

test("going back to a value of another origin does not send it there unasked", async (t) => {
  const app = await testApp(t);
  await addCredential(app, newCredential(), by);
  const moved = {
    ...app,
    config: { ...app.config, outside: { openai: { url: "https://proxy.example:8443", allow_private: false } } },
  };
  await replaceValue(moved, "openai-prod", fields({ api_key: `${key}-2` }), by);

  await rollBack(moved, "openai-prod", by);

  await assert.rejects(
    openForUse(moved, await requireCredential(app, "openai-prod"), by),
    isError("conflict", /sealed for https:\/\/api\.openai\.com/),
  );
});

test("a secret that is not given again goes to no other host with a new setting", async (t) => {
  const app = await testApp(t, { providers: [twoKeys] });
  await addCredential(
    app,
    newCredential({ name: "two", provider: "two_keys", fields: { api_key: key, second_key: `${key}-b` } }),
    by,
  );

  await assert.rejects(
    replaceValue(app, "two", fields({ host: "evil.example" }), by),
    isError("conflict", /would send what it keeps in api_key, second_key to https:\/\/evil\.example/),
  );
  await assert.rejects(
    replaceValue(app, "two", fields({ host: "evil.example", api_key: `${key}-c` }), by),
    isError("conflict", /keeps in second_key/),
  );
  const all = fields({ host: "other.example", api_key: `${key}-c`, second_key: `${key}-d` });
  assert.equal((await replaceValue(app, "two", all, by)).credential.version, 2);
  const part = await replaceValue(app, "two", fields({ api_key: `${key}-e` }), by);
  const opened = await openVersion(app.db, app, part.credential, 3);
  assert.deepEqual(
    Object.entries(opened).map(([name, value]) => [name, value.reveal()]),
    [
      ["host", "other.example"],
      ["api_key", `${key}-e`],
      ["second_key", `${key}-d`],
    ],
  );
});

test("a damaged, swapped or transplanted row does not open: sealed, then quarantined", async (t) => {
  const app = await testApp(t, { providers: [twoKeys] });
  const damages = {
    truncated: sql`update aegis_credential_field set sealed = substr(sealed, 1, 40) where field = 'api_key' and credential_id = 1`,
    flipped: sql`update aegis_credential_field set sealed = set_byte(sealed, 45, 255 - get_byte(sealed, 45)) where field = 'api_key' and credential_id = 1`,
    swapped: sql`
      update aegis_credential_field f set sealed = g.sealed from aegis_credential_field g
      where f.credential_id = 1 and g.credential_id = 1 and f.field <> g.field`,
    transplanted: sql`
      update aegis_credential_field f set sealed = g.sealed from aegis_credential_field g
      where f.credential_id = 1 and g.credential_id = 2 and f.field = g.field`,
    key: sql`
      update aegis_credential_version v set wrapped = w.wrapped, commitment = w.commitment
      from aegis_credential_version w where v.credential_id = 1 and w.credential_id = 2`,
    origin: sql`update aegis_credential_version set origin = 'https://evil.example' where credential_id = 1`,
    kek: sql`update aegis_credential_version set kek_version = 7 where credential_id = 1`,
  };
  for (const name of ["first", "second"]) {
    const values = { api_key: `${key}-${name}-a`, second_key: `${key}-${name}-b` };
    await addCredential(app, newCredential({ name, provider: "two_keys", fields: values }), by);
  }
  for (const [damage, statement] of Object.entries(damages)) {
    const rows = await saveRows(app);
    await run(app.db, statement);
    const credential = await requireCredential(app, "first");

    await assert.rejects(openForUse(app, credential, by), isError("sealed", /does not open/), damage);
    await assert.rejects(
      openForUse(app, await requireCredential(app, "first"), by),
      isError("conflict", /quarantined: its sealed value does not open/),
      damage,
    );
    assert.equal((await requireCredential(app, "second")).quarantinedAt, null);
    await rows.restore();
  }
});

test("a value that opens no more is replaced by giving every field", async (t) => {
  const app = await testApp(t);
  await addCredential(app, newCredential(), by);
  await run(app.db, sql`update aegis_credential_field set sealed = substr(sealed, 1, 20)`);
  await assert.rejects(revealed(app, "openai-prod"), isError("sealed", /does not open/));
  await assert.rejects(replaceValue(app, "openai-prod", {}, by), isError("invalid_input", /needs the field api_key/));

  const { credential } = await replaceValue(app, "openai-prod", fields({ api_key: `${key}-2` }), by);

  assert.equal(credential.quarantinedAt, null);
  assert.equal(await revealed(app, "openai-prod"), `${key}-2`);
});

test("an insert that fails leaves nothing half-written", async (t) => {
  const app = await testApp(t);
  await addCredential(app, newCredential(), by);
  const before = await countRows(app);
  const failing: App["keys"] = {
    ...app.keys,
    key: (purpose) => {
      if (purpose === "audit") throw new AppError("sealed", "the audit key is away");
      return app.keys.key(purpose);
    },
  };
  const broken = { ...app, keys: failing };

  await assert.rejects(addCredential(broken, newCredential({ name: "other" }), by), isError("sealed", /audit/));
  await assert.rejects(
    replaceValue(broken, "openai-prod", fields({ api_key: `${key}-2` }), by),
    isError("sealed", /audit/),
  );
  await assert.rejects(rebind(broken, "openai-prod", by), isError("sealed", /audit/));
  await assert.rejects(removeCredential(broken, "openai-prod", by), isError("sealed", /audit/));

  assert.deepEqual(await countRows(app), before);
});

test("what cannot be recorded is not revealed", async (t) => {
  const app = await testApp(t);
  await addCredential(app, newCredential(), by);
  const keys: App["keys"] = {
    ...app.keys,
    key: (purpose) => {
      if (purpose === "audit") throw new AppError("sealed", "the audit key is away");
      return app.keys.key(purpose);
    },
  };

  for (const open of [
    () => revealField({ ...app, keys }, "openai-prod", "api_key", by),
    () => openReferenceField({ ...app, keys }, "openai-prod", "api_key"),
  ]) {
    await assert.rejects(open, (error: unknown) => {
      assert.ok(error instanceof AppError);
      assert.deepEqual([error.code, error.status], ["unavailable", 503]);
      return /cannot be recorded/.test(error.message);
    });
  }
});

test("a removed credential is gone with all of its versions, and its name is free", async (t) => {
  const app = await testApp(t);
  await addCredential(app, newCredential(), by);
  await replaceValue(app, "openai-prod", fields({ api_key: `${key}-2` }), by);
  const { revision } = await requireCredential(app, "openai-prod");

  await assert.rejects(
    removeCredential(app, "openai-prod", by, { ifRevision: revision - 1 }),
    isError("precondition_failed", /changed meanwhile/),
  );
  await removeCredential(app, "openai-prod", by, { ifRevision: revision });

  assert.deepEqual(await countRows(app), { credentials: 0, versions: 0, fields: 0, events: 3 });
  await assert.rejects(revealed(app, "openai-prod"), isError("not_found", /there is no credential openai-prod/));
  assert.equal((await addCredential(app, newCredential(), by)).credential.version, 1);
});

test("equal values are known as such, whatever stands around them, and in both environments", async (t) => {
  const app = await testApp(t);
  await addCredential(app, newCredential(), by);
  await addCredential(
    app,
    newCredential({ name: "openai-dev", environment: "dev", fields: { api_key: ` ${key}\n` } }),
    by,
  );
  await addCredential(app, newCredential({ name: "other", fields: { api_key: `${key}-x` } }), by);

  assert.deepEqual(await listEqualGroups(app.db), [
    {
      members: [
        { credentialName: "openai-dev", field: "api_key", environment: "dev" },
        { credentialName: "openai-prod", field: "api_key", environment: "prod" },
      ],
    },
  ]);
});

test("a reference opens its field, and who uses what is written down once an hour", async (t) => {
  const app = await testApp(t);
  await addCredential(app, newCredential(), by);
  const clock = { now: new Date("2026-11-23T10:15:00Z") };
  const at = { ...app, now: () => clock.now };

  for (let use = 0; use < 5; use += 1) {
    assert.equal((await openReferenceField(at, "openai-prod", "api_key")).reveal(), key);
  }
  clock.now = new Date("2026-11-23T11:01:00Z");
  await openReferenceField(at, "openai-prod", "api_key");

  await sealEvents(app);
  const uses = (await listEvents(app, { after: 0, limit: 20 })).filter(({ action }) => action === "credentials.use");
  assert.equal(uses.length, 2);
  await assert.rejects(
    openReferenceField(at, "openai-prod", "password"),
    isError("not_found", /has no field password/),
  );
  await assert.rejects(openReferenceField(at, "nobody", "api_key"), isError("not_found", /no credential nobody/));
});

/** The sealed rows as they are, to be put back. */
async function saveRows(app: App): Promise<{ restore(): Promise<void> }> {
  const bytes = z.custom<Buffer>((value) => Buffer.isBuffer(value));
  const fieldRows = await many(
    app.db,
    z.object({ credentialId: z.int(), field: z.string(), sealed: bytes }),
    sql`select credential_id, field, sealed from aegis_credential_field`,
  );
  const versionRows = await many(
    app.db,
    z.object({ credentialId: z.int(), wrapped: bytes, commitment: bytes, origin: z.string(), kekVersion: z.int() }),
    sql`select credential_id, wrapped, commitment, origin, kek_version from aegis_credential_version`,
  );
  return {
    restore: async () => {
      for (const row of fieldRows) {
        await run(
          app.db,
          sql`
          update aegis_credential_field set sealed = ${row.sealed}
          where credential_id = ${row.credentialId} and field = ${row.field}`,
        );
      }
      for (const row of versionRows) {
        await run(
          app.db,
          sql`
          update aegis_credential_version
          set wrapped = ${row.wrapped}, commitment = ${row.commitment}, origin = ${row.origin},
              kek_version = ${row.kekVersion}
          where credential_id = ${row.credentialId}`,
        );
      }
      await run(app.db, sql`update aegis_credentials set quarantined_at = null, quarantine_reason = null`);
    },
  };
}
