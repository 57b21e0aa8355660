import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { stripVTControlCharacters } from "node:util";

import { Decrypter, armor, generateIdentity, identityToRecipient } from "age-encryption";

import { parseConfig } from "#config/load.ts";
import { programRoot } from "#config/state-directory.ts";
import { freshDatabase } from "#test/database.ts";
import { runLeveredge } from "#test/run-leveredge.ts";
import { testStateDirectory } from "#test/state-directory.ts";

type Typist = {
  /** Waits for the question; answers what came to the screen with it. */
  wait(question: RegExp): Promise<string>;
  type(text: string): void;
  ended(): Promise<{ exitCode: unknown; screen: string }>;
};

type Scene = { config: string; sit(...words: string[]): Typist; leveredge: typeof runLeveredge };

/** A host on which nothing was done yet, and somebody at its terminal. */
async function makeScene(t: TestContext): Promise<Scene> {
  const state = await testStateDirectory(t);
  const config = join(state, "leveredge.yaml");
  const { url } = await freshDatabase(t);
  const env = { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: "/nonexistent", TERM: "xterm", DATABASE_URL: url };
  return {
    config,
    sit: (...words) => {
      const command = [join(programRoot, "bin/leveredge"), ...words, "--state", state].join(" ");
      const child = spawn("script", ["-qec", `stty cols 300; ${command}`, "/dev/null"], { env, cwd: "/" });
      t.after(() => child.kill("SIGKILL"));
      return watch(child);
    },
    leveredge: (words) => runLeveredge([...words, "--config", config, "--state", state], { env }),
  };
}

function watch(child: ChildProcessWithoutNullStreams): Typist {
  let screen = "";
  let seen = 0;
  child.stdout.setEncoding("utf8").on("data", (text: string) => (screen += text));
  const exit = once(child, "close");
  return {
    type: (text) => child.stdin.write(text),
    async wait(question) {
      for (;;) {
        const shown = screen.slice(seen);
        if (question.test(shown)) {
          seen = screen.length;
          return stripVTControlCharacters(shown).replaceAll("\r", "");
        }
        await Promise.race([
          once(child.stdout, "data"),
          exit.then(() => assert.fail(`${String(question)} was never asked: ${screen}`)),
        ]);
      }
    },
    async ended() {
      const [exitCode] = await exit;
      return { exitCode, screen: stripVTControlCharacters(screen).replaceAll("\r", "") };
    },
  };
}

test("init on a terminal has recovery proven at once, and the listener as it was wanted", async (t) => {
  const { config, sit, leveredge } = await makeScene(t);
  const identity = await generateIdentity();
  const recipient = await identityToRecipient(identity);
  const typist = sit("init", config);

  await typist.wait(/8014\? \[y\/N\] /);
  typist.type("y\n");
  await typist.wait(/for later: /);
  typist.type("age1nonsense\n");
  await typist.wait(/for later: /);
  typist.type(`${recipient}\n`);
  const wrong = await typist.wait(/type what it holds:/);
  typist.type("something else\n");
  await typist.wait(/the answer is not what[^]*for later: /);
  typist.type(`${recipient}\n`);
  const asked = await typist.wait(/type what it holds:/);
  const [challenge = ""] = /-----BEGIN AGE[^]*END AGE ENCRYPTED FILE-----/.exec(asked) ?? [];
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  const proof = await decrypter.decrypt(armor.decode(challenge), "text");
  typist.type(`${proof.trim()}\n`);
  const { exitCode, screen } = await typist.ended();
  const status = await leveredge(["keys", "status", "--json"]);

  assert.equal(exitCode, 0, screen);
  assert.match(wrong, /BEGIN AGE ENCRYPTED FILE/);
  assert.match(screen, /age1nonsense.*is no age recipient/);
  assert.match(screen, /is proven/);
  assert.doesNotMatch(screen, /keys recover --add age1…/);
  assert.equal(JSON.parse(status.stdout).recovery.state, "proven");
  const written = parseConfig(await readFile(config, "utf8")).config;
  assert.equal(written?.notifications?.listen, true);
});

test("init on a terminal takes the words of going without, and a terminal that is closed for later", async (t) => {
  const { config, sit, leveredge } = await makeScene(t);

  const later = sit("init", config);
  await later.wait(/8014\? \[y\/N\] /);
  later.type("\n");
  await later.wait(/for later: /);
  later.type("\u0004");
  const left = await later.ended();
  const doctor = await leveredge(["doctor", "--json"]);
  const again = sit("init", `${config}.other`);
  await again.wait(/8014\? \[y\/N\] /);
  again.type("\n");
  await again.wait(/for later: /);
  again.type("no\n");
  await again.wait(/begins with: I accept that[^]*for later: /);
  again.type("I accept that all of it is lost\n");
  const accepted = await again.ended();
  const third = sit("init", `${config}.third`);
  await third.wait(/8014\? \[y\/N\] /);
  third.type("\n");
  const settled = await third.ended();

  assert.deepEqual([left.exitCode, accepted.exitCode, settled.exitCode], [0, 0, 0]);
  assert.match(left.screen, new RegExp(`leveredge keys recover --add age1… --config ${config} --state `));
  assert.match(left.screen, /notifications\.listen: true/);
  assert.match(doctor.stdout, /"subject": ?"key recovery",\s*"state": ?"loose"/);
  assert.match(accepted.screen, /recorded: this store has no recovery, by your own words/);
  assert.doesNotMatch(settled.screen, /keys recover --add/);
});
