import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { inspect } from "node:util";

import { Encrypter, armor, generateHybridIdentity, generateIdentity, identityToRecipient } from "age-encryption";

import { AppError } from "#errors.ts";

import { unsealKeyOf } from "./key-ring.ts";
import { describeKeySource, parseKeySource, readKeySource } from "./key-source.ts";

async function directoryOf(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "leveredge-source-"));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

const parse = (text: string | undefined, variables: Record<string, string> = {}) =>
  parseKeySource(text, "/state", (name) => variables[name]);

const isError = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof AppError && error.code === code && message.test(error.message);

const bytes = randomBytes(32);
const expectedId = unsealKeyOf(Buffer.from(bytes)).id;

test("the source is the state directory's file unless a source is named", () => {
  assert.deepEqual(parse(undefined), { kind: "file", path: "/state/unseal.key", isOwn: true });
  assert.deepEqual(parse("file:/etc/leveredge/key"), { kind: "file", path: "/etc/leveredge/key", isOwn: false });
  assert.deepEqual(parse("systemd:unseal", { CREDENTIALS_DIRECTORY: "/run/credentials/leveredge.service" }), {
    kind: "systemd",
    name: "unseal",
    path: "/run/credentials/leveredge.service/unseal",
  });
  assert.deepEqual(parse("age:/srv/key.age", { LEVEREDGE_AGE_IDENTITY: "file:/root/identity" }), {
    kind: "age",
    path: "/srv/key.age",
    identityPath: "/root/identity",
  });
});

test("what is no source is refused, and a key that stands there is not repeated", () => {
  const secret = "c0ffee".repeat(10);
  const texts = [
    "",
    secret,
    `key:${secret}`,
    "file:",
    "file:relative/key",
    "age:/a",
    "systemd:../x",
    "systemd:..",
    "env:A B",
  ];

  for (const text of texts) {
    assert.throws(
      () => parse(text),
      (error) => isError("invalid_input", /./)(error) && !inspect(error).includes(secret),
      text,
    );
  }
  assert.throws(() => parse("age:/a", { LEVEREDGE_AGE_IDENTITY: "AGE-SECRET-KEY-1X" }), /LEVEREDGE_AGE_IDENTITY/);
  assert.throws(() => parse("age:/a", { LEVEREDGE_AGE_IDENTITY: "file:identity" }), /not absolute/);
});

test("a file and a systemd credential give the key, and one that is missing is an answer", async (t) => {
  const directory = await directoryOf(t);
  await writeFile(join(directory, "key"), bytes, { mode: 0o400 });
  const variables = { CREDENTIALS_DIRECTORY: directory };

  const read = (text: string) => readKeySource(parse(text, variables));

  assert.equal((await read(`file:${directory}/key`))?.id, expectedId);
  assert.equal((await read("systemd:key"))?.id, expectedId);
  assert.equal(await read(`file:${directory}/none`), undefined);
  assert.equal(await read("systemd:none"), undefined);
  assert.equal(await readKeySource(parse("systemd:key")), undefined);
  assert.deepEqual(await readdir(directory), ["key"]);
});

test("a credential may show its user's access as a group's, and no more than that", async (t) => {
  const directory = await directoryOf(t);
  const path = join(directory, "key");
  await writeFile(path, bytes);
  const read = () => readKeySource(parse("systemd:key", { CREDENTIALS_DIRECTORY: directory }));

  await chmod(path, 0o440);
  assert.equal((await read())?.id, expectedId);

  for (const mode of [0o444, 0o460, 0o401]) {
    await chmod(path, mode);
    await assert.rejects(read(), isError("sealed", /others can reach it/));
  }
});

test("a variable gives the key as hexadecimal digits or base64, and anything else is refused without repeating it", async () => {
  const read = (value?: string) => readKeySource(parse("env:KEY", value === undefined ? {} : { KEY: value }));

  for (const encoding of ["hex", "base64", "base64url"] as const) {
    assert.equal((await read(` ${bytes.toString(encoding)}\n`))?.id, expectedId);
  }
  assert.equal(await read(), undefined);
  for (const value of ["short", "x".repeat(64), bytes.toString("hex").slice(2), randomBytes(33).toString("base64")]) {
    await assert.rejects(
      read(value),
      (error) =>
        isError("sealed", /the variable KEY does not hold a key of 32 bytes/)(error) && !inspect(error).includes(value),
    );
  }
  const source = parse("env:KEY", { KEY: bytes.toString("hex") });
  assert.ok(
    !inspect(source).includes(bytes.toString("hex")) && !JSON.stringify(source).includes(bytes.toString("hex")),
  );
  assert.equal(describeKeySource(source), "the variable KEY");
});

test("an age file gives the key to its identity, armored or not, of either kind", async (t) => {
  const directory = await directoryOf(t);
  const [path, identityPath] = [join(directory, "key.age"), join(directory, "identity")];
  const read = () => readKeySource(parse(`age:${path}`, { LEVEREDGE_AGE_IDENTITY: `file:${identityPath}` }));

  for (const identity of [await generateIdentity(), await generateHybridIdentity()]) {
    await writeFile(identityPath, `# created: today\n# public key\n${identity}\n`, { mode: 0o600 });
    const sealed = await encryptFor(identity, bytes);
    for (const content of [sealed, armor.encode(sealed)]) {
      await writeFile(path, content);

      assert.equal((await read())?.id, expectedId);
    }
  }
  await rm(path);
  assert.equal(await read(), undefined);
});

test("an age file or identity that is damaged, foreign or reachable by others is refused without a word of it", async (t) => {
  const directory = await directoryOf(t);
  const [path, identityPath] = [join(directory, "key.age"), join(directory, "identity")];
  const [identity, other] = [await generateIdentity(), await generateIdentity()];
  const sealed = await encryptFor(identity, bytes);
  const read = () => readKeySource(parse(`age:${path}`, { LEVEREDGE_AGE_IDENTITY: `file:${identityPath}` }));
  const refusedWith = async (message: RegExp, content: Uint8Array | string, identities: string) => {
    await rm(identityPath, { force: true });
    await writeFile(path, content);
    await writeFile(identityPath, identities, { mode: 0o400 });
    await assert.rejects(
      read(),
      (error) => isError("sealed", message)(error) && !inspect(error, { depth: 9 }).includes(identity.slice(20, 50)),
    );
  };

  await refusedWith(/does not open with this age identity/, sealed, other);
  await refusedWith(/does not open/, sealed.subarray(0, sealed.length - 1), identity);
  await refusedWith(/does not open/, "nothing", identity);
  await refusedWith(/does not hold a key of 32 bytes/, await encryptFor(identity, randomBytes(31)), identity);
  await refusedWith(/is no age identity file/, sealed, `${identity}x`);
  await refusedWith(/is no age identity file/, sealed, "# nothing\n");
  await refusedWith(/holds 2 age identities/, sealed, `${identity}\n${other}\n`);
  await refusedWith(/more than a key has/, "x".repeat(65 * 1024), identity);
  await chmod(identityPath, 0o444);
  await assert.rejects(read(), isError("sealed", /the age identity .* others can reach it/));
  await rm(identityPath);
  await assert.rejects(read(), isError("sealed", /there is no age identity/));
  await symlink(path, identityPath);
  await assert.rejects(read(), isError("sealed", /cannot open the age identity/));
});

async function encryptFor(identity: string, content: Uint8Array): Promise<Uint8Array> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(await identityToRecipient(identity));
  return encrypter.encrypt(content);
}
