import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";

import { Config } from "#config/schema.ts";
import { AppError } from "#errors.ts";
import { sealEvents } from "#events/events.ts";
import { Secret } from "#secrets/secret.ts";
import { testCluster } from "#test/database.ts";
import {
  add,
  by,
  letTimePass,
  openScene,
  readRotations,
  readStanding,
  readValues,
  rotate,
  type RotationScene,
} from "#test/rotation-scene.ts";

import { rebind, removeCredential, replaceValue, rollBack } from "./credentials.ts";
import { carryOnRotation, giveUpRotation } from "./rotation.ts";
import { listDueRotations, listStuckRotations } from "./rotation-queries.ts";
import { withPassword } from "./rotators/postgres.ts";
import { withCheckTools } from "./sweep.ts";

const work = { requestedBy: "test", signal: new AbortController().signal, progress: () => undefined };

const giveUp = ({ app, name }: RotationScene) => withCheckTools(app, (tools) => giveUpRotation(app, tools, name, work));

const isError = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof AppError && error.code === code && message.test(error.message);

for (const name of ["cloudflare", "openrouter", "gitlab", "postgres"] as const) {
  test(`a key of ${name} is made, switched to, and the old one is seen dead`, async (t) => {
    const scene = await openScene(t, name);
    const before = await readValues(scene);

    const rotated = await rotate(scene);

    assert.equal(rotated.state, "done", JSON.stringify(rotated));
    const { active, all } = await readValues(scene);
    assert.notEqual(active, before.active);
    assert.deepEqual(await scene.pickLive(all), [active]);
    assert.equal(scene.countLive(), 1);
    assert.deepEqual(await readStanding(scene), { version: 2, outcomes: ["begun", "created", "switched", "done"] });
    await sealEvents(scene.app);
  });
}

test("the new key has the rights, the limits and the length of life of the old one", async (t) => {
  const cloudflare = await openScene(t, "cloudflare");
  const openrouter = await openScene(t, "openrouter");
  const gitlab = await openScene(t, "gitlab");
  const now = new Date("2026-11-23T12:00:00Z");

  for (const scene of [cloudflare, openrouter, gitlab]) {
    await rotate({ ...scene, app: { ...scene.app, now: () => now } });
  }

  const made = ({ service }: RotationScene) => service?.keys.findLast(({ isLive, mayManage }) => isLive && !mayManage);
  assert.match(made(cloudflare)?.name ?? "", /^deploy leveredge:[0-9a-f-]{36}$/);
  assert.deepEqual(made(cloudflare)?.made, {
    policies: [{ effect: "allow", resources: { zone: "*" }, permission_groups: [{ id: "dns" }] }],
    expires_on: "2027-11-23T12:00:00Z",
  });
  assert.deepEqual(made(openrouter)?.made, { limit: 25, limit_reset: "monthly" });
  assert.equal(made(gitlab)?.made["expires_at"], "2027-02-21");
});

test("the old key lives until its grace is over; then the worker carries the rotation on", async (t) => {
  const scene = await openScene(t, "cloudflare");

  const waiting = await rotate(scene, { graceS: 600 });

  assert.equal(waiting.state, "waiting");
  assert.deepEqual(await listDueRotations(scene.app.db), []);
  assert.equal((await scene.pickLive((await readValues(scene)).all)).length, 2);
  await letTimePass(scene);
  assert.deepEqual(await listDueRotations(scene.app.db), ["the-key"]);
  const { app, name } = scene;
  const carried = await withCheckTools(app, (tools) => carryOnRotation(app, tools, name, work));
  assert.equal(carried?.state, "done");
  assert.equal(scene.countLive(), 1);
});

test("the operator's word that nobody uses the old key ends the grace", async (t) => {
  const scene = await openScene(t, "openrouter");
  await rotate(scene, { graceS: 600 });

  const done = await rotate(scene, { graceS: 0 });

  assert.equal(done.state, "done");
});

test("while a rotation is open the credential takes no other value and is not removed", async (t) => {
  const scene = await openScene(t, "cloudflare");
  const { app, name } = scene;
  await rotate(scene, { graceS: 600 });

  const other = { api_token: new Secret("cfut_another") };
  for (const change of [
    () => replaceValue(app, name, other, by),
    () => rollBack(app, name, by),
    () => rebind(app, name, by),
    () => removeCredential(app, name, by),
  ]) {
    await assert.rejects(change(), isError("conflict", /is being rotated at its provider/));
  }
});

test("two at once make one key", async (t) => {
  const scene = await openScene(t, "cloudflare");

  const ends = await Promise.allSettled([rotate(scene), rotate(scene), rotate(scene)]);

  assert.ok(ends.some((end) => end.status === "fulfilled" && end.value.state === "done"));
  for (const end of ends) {
    if (end.status === "rejected")
      assert.ok(isError("conflict", /another process|meanwhile/)(end.reason), String(end.reason));
  }
  const rotations = await readRotations(scene);
  const made = scene.service?.asked.filter(({ method }) => method === "POST").length;
  assert.equal(made, rotations.length);
  assert.equal(scene.countLive(), 1);
});

test("a new key that does not live is revoked after three dead answers, and the old one stays", async (t) => {
  const scene = await openScene(t, "cloudflare");
  const { service } = scene;
  const old = (await readValues(scene)).active;
  if (service !== undefined) {
    service.disturb = ({ url, headers }) =>
      url.endsWith("/verify") && headers.authorization !== `Bearer ${old}`
        ? { status: 401, headers: { "content-type": "application/json" }, body: '{"errors":[{"code":1000}]}' }
        : undefined;
  }

  const states = [await rotate(scene), await rotate(scene), await rotate(scene)].map(({ state }) => state);

  assert.deepEqual(states, ["waiting", "waiting", "failed"]);
  assert.deepEqual(await scene.pickLive((await readValues(scene)).all), [old]);
  assert.equal(scene.countLive(), 1);
  assert.equal((await readStanding(scene)).version, 1);
  // The number of the version that was dropped is the next value's.
  const { credential } = await replaceValue(scene.app, scene.name, { api_token: new Secret("cfut_another") }, by);
  assert.equal(credential.version, 2);
});

test("outages of the provider leave the new key waiting and revoke nothing", async (t) => {
  const scene = await openScene(t, "openrouter");
  const { service } = scene;
  const old = (await readValues(scene)).active;
  if (service !== undefined) {
    service.disturb = ({ url, headers }) =>
      url.endsWith("/key") && headers.authorization !== `Bearer ${old}` ? { status: 503 } : undefined;
  }

  for (let time = 0; time < 5; time += 1) assert.equal((await rotate(scene)).state, "waiting");

  assert.equal(scene.countLive(), 2);
  const [stuck] = await listStuckRotations(scene.app.db);
  assert.match(stuck?.failure ?? "", /provider_down/);
  if (service !== undefined) service.disturb = () => undefined;
  assert.equal((await rotate(scene)).state, "done");
});

test("a revocation that fails, or does nothing, is tried again and never told as done", async (t) => {
  const scene = await openScene(t, "cloudflare");
  const { service } = scene;
  const answers = [{ status: 500 }, { status: 200, body: '{"result":{"id":"x"}}' }];
  if (service !== undefined) {
    service.disturb = ({ method }) => (method === "DELETE" ? answers.shift() : undefined);
  }

  const first = await rotate(scene);
  const second = await rotate(scene);
  const third = await rotate(scene);

  assert.match(first.state === "waiting" ? first.why : "", /answered 500 to DELETE/);
  assert.match(second.state === "waiting" ? second.why : "", /not seen dead: valid/);
  assert.equal(third.state, "done");
  assert.equal(scene.countLive(), 1);
});

test("the old key is not revoked while the new one is not seen alive", async (t) => {
  const scene = await openScene(t, "cloudflare");
  await rotate(scene, { graceS: 600 });
  const fresh = scene.service?.keys.find(({ name }) => name.includes("leveredge:"));
  if (fresh !== undefined) fresh.isLive = false;

  const waiting = await rotate(scene, { graceS: 0 });

  assert.match(waiting.state === "waiting" ? waiting.why : "", /the old key stays while the new one is not seen alive/);
  assert.equal(scene.countLive(), 1);
});

test("an answer that is not what is documented leaves no key behind", async (t) => {
  for (const body of ["", "<html>", '{"result":{}}', '{"result":{"id":"../x","value":"v"}}']) {
    const scene = await openScene(t, "cloudflare");
    const { service } = scene;
    let isFirst = true;
    if (service !== undefined) {
      service.disturb = ({ method, body: asked }) => {
        if (method !== "POST" || !isFirst) return undefined;
        isFirst = false;
        // It made the key all the same.
        service.add({ name: (JSON.parse(asked) as { name: string }).name });
        return { status: 200, body };
      };
    }

    const first = await rotate(scene);
    const second = await rotate(scene);

    assert.match(first.state === "waiting" ? first.why : "", /something else than its documentation says/);
    assert.equal(second.state, "done");
    assert.equal(scene.countLive(), 1);
  }
});

test("the old key as the new one is refused and not revoked", async (t) => {
  const scene = await openScene(t, "cloudflare");
  const { service } = scene;
  const own = service?.keys[0];
  for (const result of [
    { id: own?.id, value: "cfut_new" },
    { id: "another", value: own?.value },
  ]) {
    if (service !== undefined) {
      service.disturb = ({ method }) =>
        method === "POST" ? { status: 200, body: JSON.stringify({ result }) } : undefined;
    }

    const failed = await rotate(scene);

    assert.match(failed.state === "failed" ? failed.why : "", /gave the old (key|value) as the new one/);
    assert.deepEqual(await scene.pickLive((await readValues(scene)).all), [own?.value]);
  }
});

test("a manager is of the same provider and place, is not the key itself, and has the right", async (t) => {
  const scene = await openScene(t, "cloudflare");
  const { app } = scene;
  const value = (await readValues(scene)).active;
  await add(app, { name: "openai", provider: "openai", fields: { api_key: "sk-proj-0000000000000000" } });
  await add(app, { name: "twin", provider: "cloudflare", fields: { api_token: value } });

  const refusals = { openai: "invalid_input", twin: "conflict", "the-key": "conflict", nobody: "not_found" };
  for (const [manager, code] of Object.entries(refusals)) {
    await assert.rejects(rotate({ ...scene, manager }), isError(code, /./), manager);
  }
  assert.deepEqual(await readRotations(scene), []);
  const failed = await rotate({ ...scene, manager: undefined });
  assert.match(failed.state === "failed" ? failed.why : "", /cloudflare refused GET with 403.*--with/);
  assert.equal(scene.countLive(), 1);
});

test("a key that may manage keys rotates itself", async (t) => {
  const scene = await openScene(t, "cloudflare");
  const own = scene.service?.keys[0];
  if (own !== undefined) Object.assign(own, { mayManage: true, made: { ...own.made, condition: {}, manages: true } });
  if (scene.service !== undefined) {
    scene.service.disturb = ({ method, body }) => {
      if (method !== "POST") return undefined;
      const added = scene.service?.add({ name: (JSON.parse(body) as { name: string }).name, mayManage: true });
      return { status: 200, body: JSON.stringify({ result: { id: added?.id, value: added?.value } }) };
    };
  }

  const rotated = await rotate({ ...scene, manager: undefined });

  assert.equal(rotated.state, "done", JSON.stringify(rotated));
  const { active, all } = await readValues(scene);
  assert.deepEqual(await scene.pickLive(all), [active]);
});

test("a definition that takes the place of the program's own is not rotated by the program's rotator", async (t) => {
  const scene = await openScene(t, "openrouter");
  const { allProviders } = await import("#providers/all.ts");
  const definition = allProviders.find(({ name }) => name === "openrouter");
  const config = Config.parse({
    ...{ platform: scene.app.config.platform, outside: scene.app.config.outside },
    providers: [{ ...definition, base_url: "https://elsewhere.example" }],
  });

  await assert.rejects(
    rotate({ ...scene, app: { ...scene.app, config } }),
    isError("invalid_input", /cannot be rotated by its API here/),
  );
});

test("a value is sent nowhere else when the configuration changes during a rotation", async (t) => {
  const scene = await openScene(t, "cloudflare");
  await rotate(scene, { graceS: 600 });
  const asked = scene.service?.asked.length;
  const outside = { cloudflare: { url: "http://127.0.0.1:9", allow_private: true } };

  const waiting = await rotate({
    ...scene,
    manager: undefined,
    app: { ...scene.app, config: { ...scene.app.config, outside } },
  });

  assert.match(
    waiting.state === "waiting" ? waiting.why : "",
    /was sealed for .* and would go to http:\/\/127.0.0.1:9/,
  );
  assert.equal(scene.service?.asked.length, asked);
});

test("a rotation is given up: before the switch the new key goes, after it the old one is told", async (t) => {
  const before = await openScene(t, "cloudflare");
  const after = await openScene(t, "cloudflare");
  if (before.service !== undefined) {
    before.service.disturb = ({ url }) =>
      url.endsWith("/verify") && before.countLive() > 1 ? { status: 500 } : undefined;
  }
  await rotate(before);
  await rotate(after, { graceS: 600 });
  if (before.service !== undefined) before.service.disturb = () => undefined;

  const [one, other] = [await giveUp(before), await giveUp(after)];

  assert.match(one.state === "failed" ? one.why : "", /the old key stays, the new one was revoked/);
  assert.equal(before.countLive(), 1);
  assert.equal((await readStanding(before)).version, 1);
  assert.match(other.state === "failed" ? other.why : "", /the old key \/user\/tokens\/\S+ was not proved dead/);
  assert.equal((await readStanding(after)).version, 2);
  await assert.rejects(giveUp(after), isError("conflict", /is not being rotated/));
});

test("GitLab is asked once: what was lost on the way is told and never asked for again", async (t) => {
  const scene = await openScene(t, "gitlab");
  const { service } = scene;
  if (service !== undefined) {
    service.disturb = ({ url }) => {
      if (!url.endsWith("/rotate")) return undefined;
      // It carries it out, and the answer gets lost on the way.
      for (const key of service.keys) key.isLive = false;
      service.add({ name: "lost" });
      return { status: 502 };
    };
  }

  const first = await rotate(scene);
  if (service !== undefined) service.disturb = () => undefined;
  const second = await rotate(scene);
  await letTimePass(scene);
  const third = await rotate(scene);

  assert.match(first.state === "waiting" ? first.why : "", /answered 502 to POST/);
  assert.match(second.state === "waiting" ? second.why : "", /may still be on its way/);
  assert.match(third.state === "failed" ? third.why : "", /its answer with the new one was lost/);
  assert.equal(service?.asked.filter(({ method }) => method === "POST").length, 1);
  const [stuck] = await listStuckRotations(scene.app.db);
  assert.deepEqual([stuck?.isFinished, stuck?.credentialName], [true, "the-key"]);
  // A dead key is not asked to rotate: that would end its successor.
  const again = await rotate(scene);
  assert.match(again.state === "failed" ? again.why : "", /is revoked already/);
  assert.equal(service?.asked.filter(({ method }) => method === "POST").length, 1);
});

test("a GitLab token without the right stays as it is", async (t) => {
  const scene = await openScene(t, "gitlab");
  const [own] = scene.service?.keys ?? [];
  if (own !== undefined) own.name = "without a scope";

  const failed = await rotate(scene);

  assert.match(failed.state === "failed" ? failed.why : "", /gitlab refused POST with 403/);
  assert.equal(scene.countLive(), 1);
});

test("a password is set by another role, also one that is lost; a manager of another server is refused", async (t) => {
  const scene = await openScene(t, "postgres");
  const elsewhere = await openScene(t, "postgres");
  const { app, name } = scene;
  const own = new URL((await readValues(scene)).active);
  const administrator = new URL((await testCluster()).url());
  const managing = new URL(own);
  [managing.username, managing.password] = [administrator.username, administrator.password];
  await add(app, { name: "root", provider: "generic_postgres", fields: { connection_url: managing.href } });
  await add(app, {
    name: "far",
    provider: "generic_postgres",
    fields: { connection_url: (await readValues(elsewhere)).active },
  });
  own.password = "lost";
  await replaceValue(app, name, { connection_url: new Secret(own.href) }, by);

  await assert.rejects(rotate({ ...scene, manager: "far" }), isError("invalid_input", /another place/));
  const alone = await rotate(scene);
  const rotated = await rotate({ ...scene, manager: "root" });

  assert.match(alone.state === "failed" ? alone.why : "", /is invalid already/);
  assert.equal(rotated.state, "done", JSON.stringify(rotated));
  const { active, all } = await readValues(scene);
  assert.deepEqual(await scene.pickLive(all), [active]);
});

test("a server that lets a role in with any password is refused, and nothing of it is kept", async (t) => {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    // Authentication is fine, ready for queries; no row for what is asked then.
    socket.once("data", () => socket.write(Buffer.from("5200000008000000005a0000000549", "hex")));
    socket.on("data", (bytes) => {
      if (bytes[0] === 0x51) socket.write(Buffer.from("430000000d53454c4543542030005a0000000549", "hex"));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  // A listening TCP server has an address with a port.
  const { port } = server.address() as AddressInfo;
  const scene = await openScene(t, "postgres");
  const outside = { generic_postgres: { url: `postgres://127.0.0.1:${port}`, allow_private: true } };
  const app = { ...scene.app, config: { ...scene.app.config, outside } };
  const url = `postgresql://anybody:secret@127.0.0.1:${port}/postgres`;
  await add(app, { name: "trusted", provider: "generic_postgres", fields: { connection_url: url } });

  const failed = await rotate({ ...scene, app, name: "trusted" });

  assert.match(failed.state === "failed" ? failed.why : "", /lets this role in whatever its password is/);
  assert.equal((await readValues({ ...scene, app, name: "trusted" })).all.length, 1);
});

test("a new password stands where the old one stood, and nothing else of the URL changes", () => {
  const change = (url: string) => withPassword(new Secret(url), "n-w").reveal();

  assert.equal(change("postgresql://u:old@h:5/d?sslmode=require"), "postgresql://u:n-w@h:5/d?sslmode=require");
  assert.equal(change("postgres://a%40b:p@w#x@[::1]:5/d"), "postgres://a%40b:n-w@[::1]:5/d");
  assert.equal(change("postgresql://u@h/d"), "postgresql://u:n-w@h/d");
  for (const url of ["postgresql://u:p@h/d?password=other", "postgresql://h/d"]) {
    assert.throws(() => change(url), isError("invalid_input", /./));
  }
});
