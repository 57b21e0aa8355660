import assert from "node:assert/strict";
import { test } from "node:test";

import type { App } from "#app.ts";
import type { CommandContext } from "#cli/command.ts";
import type { Domain, Step } from "#domain.ts";
import { AppError } from "#errors.ts";
import { testApp } from "#test/app.ts";

import { hardenCommand } from "./commands.ts";
import { findUnfinishedRun } from "./queries.ts";

type Said = { data: unknown[]; text: string[]; lines: string[] };

function context(app: App, options: CommandContext["options"], json = false): CommandContext & { said: Said } {
  const said: Said = { data: [], text: [], lines: [] };
  return {
    arguments: [],
    options,
    global: { config: undefined, state: undefined, json, color: false, quiet: false },
    output: {
      data: (value, text) => {
        said.data.push(value);
        said.text.push(text);
      },
      say: (line) => said.lines.push(line),
      live: false,
    },
    signal: app.signal,
    openApp: () => Promise.resolve(app),
    said,
  };
}

function domain(step: Partial<Step>): Domain {
  const whole: Step = {
    environment: "dev",
    action: "act",
    title: "act",
    plan: () =>
      Promise.resolve({ state: "ready", summary: "1 change", changes: ["x"], fingerprint: "x", looseEnds: [] }),
    apply: () => Promise.resolve({ state: "applied", notes: [] }),
    verify: () => Promise.resolve({ verified: true, summary: "proven", evidence: { count: 1 }, looseEnds: [] }),
    ...step,
  };
  const section = { number: 1, title: "Acts", wanted: () => true, steps: () => [whole], files: () => [] };
  return { name: "test", sections: [section] };
}

const blocked: Partial<Step> = {
  plan: () => Promise.resolve({ state: "blocked", summary: "no", needs: ["a token"], changes: [], looseEnds: [] }),
};
const failing: Partial<Step> = { apply: () => Promise.reject(new Error("broken")) };

test("harden --json is the report and nothing else", async (t) => {
  const app = await testApp(t);
  const asked = context(app, {}, true);

  const exitCode = await hardenCommand([domain({})]).run(asked);

  assert.equal(exitCode, 0);
  assert.deepEqual(asked.said.lines, []);
  const [report] = asked.said.data as [{ run: { id: string } }];
  assert.deepEqual(report, {
    run: { id: report.run.id, state: "verified" },
    sections: [
      {
        number: 1,
        title: "Acts",
        state: "verified",
        needs: [],
        steps: [{ environment: "dev", action: "act", state: "verified", evidence: { count: 1, summary: "proven" } }],
      },
    ],
    looseEnds: [
      {
        id: "git-no-checkout",
        severity: "low",
        text: `${app.config.platform.root} is not a git checkout: the run leaves no commits`,
        remedy: `git init ${app.config.platform.root}`,
      },
    ],
  });
});

test("harden ends with 0 when nothing failed, with 12 when something is blocked and that is strict, with 13 on failure", async (t) => {
  const app = await testApp(t);
  const cases = [
    [{}, {}, 0],
    [blocked, {}, 0],
    [blocked, { strict: true }, 12],
    [failing, {}, 13],
    [failing, { strict: true }, 13],
  ] as const;

  for (const [step, options, wanted] of cases) {
    assert.equal(await hardenCommand([domain(step)]).run(context(app, options)), wanted);
  }
});

test("harden --plan shows what would be done and writes no row", async (t) => {
  const app = await testApp(t);
  const apply = (): never => assert.fail("applied");
  const asked = context(app, { plan: true });

  const exitCode = await hardenCommand([domain({ apply })]).run(asked);

  assert.equal(exitCode, 0);
  assert.match(asked.said.text.join(), /dev\s+act\s+ready\s+1 change\n\s+x\n/);
  assert.equal(await findUnfinishedRun(app.db, "Test"), undefined);
});

test("harden --plan names what is missing and what is broken", async (t) => {
  const app = await testApp(t);
  const broken: Partial<Step> = { plan: () => Promise.reject(new Error("broken")) };

  for (const [step, wanted, exit] of [
    [blocked, /needs a token/, 12],
    [broken, /failed\s+broken/, 13],
  ] as const) {
    const asked = context(app, { plan: true, strict: true });
    assert.equal(await hardenCommand([domain(step)]).run(asked), exit);
    assert.match(asked.said.text.join(), wanted);
  }
});

test("an interrupted harden ends with 130, says how to go on, and can be gone on with at once", async (t) => {
  const app = await testApp(t);
  const stopping = new AbortController();
  const stop: Partial<Step> = {
    apply: () => {
      stopping.abort();
      return Promise.reject(new Error("stopped"));
    },
  };
  const asked = context({ ...app, signal: stopping.signal }, {});

  const exitCode = await hardenCommand([domain(stop)]).run(asked);

  assert.equal(exitCode, 130);
  assert.match(asked.said.lines.at(-1) ?? "", /leveredge harden --resume/);
  assert.equal((await findUnfinishedRun(app.db, "Test"))?.leaseIsOver, true);
  assert.equal(await hardenCommand([domain({})]).run(context(app, { resume: true })), 0);
});

test("wrong words are refused before anything is opened", async (t) => {
  const app = await testApp(t);

  for (const options of [
    { section: "one" },
    { section: "-1" },
    { resume: true, plan: true },
    { resume: true, section: "1" },
  ]) {
    await assert.rejects(
      hardenCommand([domain({})]).run(context(app, options)),
      (error) => error instanceof AppError && error.code === "invalid_input",
    );
  }
});
