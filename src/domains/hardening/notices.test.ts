import assert from "node:assert/strict";
import { test } from "node:test";

import type { Domain, Step } from "#domain.ts";
import type { Feed } from "#events/feed.ts";
import type { Notice } from "#events/schema.ts";
import { testApp } from "#test/app.ts";

import { startRun } from "./hardening.ts";

const silent = (): void => undefined;

const good: Step = {
  environment: "dev",
  action: "good",
  title: "make it good",
  plan: () => Promise.resolve({ state: "ready", summary: "", changes: [], fingerprint: "", looseEnds: [] }),
  apply: () => Promise.resolve({ state: "applied", notes: [] }),
  verify: () => Promise.resolve({ verified: true, summary: "good", evidence: {}, looseEnds: [] }),
};
const blocked: Step = {
  ...good,
  action: "token",
  title: "use a token",
  plan: () =>
    Promise.resolve({ state: "blocked", summary: "", needs: ["a token".padEnd(300, "!")], changes: [], looseEnds: [] }),
};
const failing: Step = {
  ...good,
  action: "fail",
  title: "do the impossible",
  verify: () => Promise.resolve({ verified: false, summary: "it is impossible", evidence: {}, looseEnds: [] }),
};
const waiting: Step = { ...good, environment: "prod", action: "wait", title: "follow dev" };

/** One section for each list of steps; everything that is told ends in `heard`. */
function listeningDomain(heard: Notice[], sections: Step[][]): Domain {
  const ear: Feed = {
    name: "ear",
    take: async (_tx, _app, events) => {
      heard.push(...events.flatMap(({ notice }) => (notice === undefined ? [] : [notice])));
    },
  };
  return {
    name: "test",
    feeds: [ear],
    sections: sections.map((steps, index) => ({
      number: index + 1,
      title: `Title ${index + 1}`,
      wanted: () => true,
      steps: () => steps,
      files: () => [],
    })),
  };
}

test("a run that is verified tells its beginning, each section and a summary, all normal or low", async (t) => {
  const app = await testApp(t);
  const heard: Notice[] = [];

  await startRun(app, [listeningDomain(heard, [[good], [good]])], { onlySection: undefined }, silent);

  assert.deepEqual(
    heard.map(({ severity, title, section }) => [severity, title, section]),
    [
      ["low", "hardening of Test started", undefined],
      ["normal", "✅ Section 1 verified: Title 1", 1],
      ["normal", "✅ Section 2 verified: Title 2", 2],
      ["normal", "🔧 MEGA GSD Complete!", undefined],
    ],
  );
  // The platform of the test is no git checkout.
  assert.equal(heard.at(-1)?.text, "✅ Title 1\n✅ Title 2\n\nTest: 1 loose end. Review: leveredge status");
});

test("what is blocked or failed is told with its reason, shortened, and makes the summary high", async (t) => {
  const app = await testApp(t);
  const heard: Notice[] = [];

  await startRun(
    app,
    [listeningDomain(heard, [[good], [blocked, waiting], [failing]])],
    { onlySection: undefined },
    silent,
  );

  const [, , second, third, summary] = heard;
  const need = `needs a token${"!".repeat(186)}…`;
  assert.deepEqual(second, {
    severity: "normal",
    title: "⛔ Section 2 blocked: Title 2",
    text: `⛔ dev use a token — ${need}\n⛔ prod follow dev — needs dev token first\nLook: leveredge harden --plan --section 2`,
    section: 2,
  });
  assert.deepEqual([third?.severity, third?.title], ["high", "❌ Section 3 failed: Title 3"]);
  assert.equal(summary?.severity, "high");
  assert.equal(summary?.title, "🔧 MEGA GSD ended failed");
  assert.equal(
    summary?.text,
    `✅ Title 1\n⛔ Title 2\n   dev token blocked — ${need}\n❌ Title 3\n   dev fail failed — it is impossible\n\n` +
      "Test: 3 loose ends, 1 of them high. Review: leveredge status",
  );
});

test("a section is told before the next one begins", async (t) => {
  const app = await testApp(t);
  const heard: Notice[] = [];
  const later: Step = {
    ...good,
    verify: () => Promise.resolve({ verified: heard.length === 2, summary: "told", evidence: {}, looseEnds: [] }),
  };

  const { rows } = await startRun(app, [listeningDomain(heard, [[good], [later]])], { onlySection: undefined }, silent);

  assert.equal(rows.run.state, "verified");
});
