import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { sql } from "kysely";

import type { App } from "#app.ts";
import type { Check, Domain, ReadyPlan, Section, Step, StepVerdict } from "#domain.ts";
import { AppError } from "#errors.ts";
import { runProgram } from "#system/run.ts";
import { testApp } from "#test/app.ts";

import { type RunResult, resumeRun, startRun } from "./hardening.ts";
import type { RunProgress } from "./progress.ts";
import { claimRun, findUnfinishedRun } from "./queries.ts";
import { buildReport } from "./report.ts";

const silent = (): void => undefined;

/** A step whose whole world is a set of things that are there. */
function worldStep(world: Set<string>, wanted: string, more: Partial<Step> = {}): Step {
  return {
    environment: "dev",
    action: wanted,
    title: `make ${wanted}`,
    plan: () => Promise.resolve(ready(world.has(wanted) ? [] : [`make ${wanted}`])),
    apply: () => {
      world.add(wanted);
      return Promise.resolve({ state: "applied", notes: [] });
    },
    verify: () => Promise.resolve(verdict(world.has(wanted))),
    ...more,
  };
}

function ready(changes: string[]): ReadyPlan {
  return { state: "ready", summary: `${changes.length} changes`, changes, fingerprint: changes.join(), looseEnds: [] };
}

function verdict(verified: boolean): StepVerdict {
  return { verified, summary: verified ? "there" : "not there", evidence: { verified }, looseEnds: [] };
}

function section(number: number, steps: Step[], files: string[] = []): Section {
  return { number, title: `Title ${number}`, wanted: () => true, steps: () => steps, files: () => files };
}

function domain(sections: Section[], checks: Check[] = []): Domain {
  return { name: "test", sections, checks: () => Promise.resolve(checks) };
}

function states(result: RunResult): string[] {
  return result.rows.steps.map((step) => `${step.section} ${step.environment} ${step.action}: ${step.state}`);
}

/** Begins a run that is interrupted while the named step applies; whoever worked on it is gone. */
async function interrupt(app: App, world: Set<string>, build: (stop: () => void) => Domain): Promise<void> {
  const stopping = new AbortController();
  const interrupted = { ...app, signal: stopping.signal };
  await assert.rejects(startRun(interrupted, [build(() => stopping.abort())], { onlySection: undefined }, silent));
  assert.ok(world.size > 0);
}

test("a run verifies its steps, dev before prod, and ends", async (t) => {
  const app = await testApp(t);
  const world = new Set<string>();
  const steps = [
    worldStep(world, "b", { environment: "prod" }),
    worldStep(world, "a"),
    worldStep(world, "c", { environment: "shared" }),
  ];

  const result = await startRun(app, [domain([section(2, steps), section(1, [])])], { onlySection: undefined }, silent);

  assert.equal(result.rows.run.state, "verified");
  assert.deepEqual(states(result), ["2 dev a: verified", "2 shared c: verified", "2 prod b: verified"]);
  assert.deepEqual([...world], ["a", "c", "b"]);
  assert.equal(await findUnfinishedRun(app.db, "Test"), undefined);
});

test("a step that has nothing to do is not applied and is proven all the same", async (t) => {
  const app = await testApp(t);
  const apply = (): never => assert.fail("applied");
  const step = worldStep(new Set(["a"]), "a", { apply });

  const result = await startRun(app, [domain([section(1, [step])])], { onlySection: undefined }, silent);

  assert.deepEqual(states(result), ["1 dev a: verified"]);
});

test("a dev step that is not verified blocks its section's prod steps and no other section", async (t) => {
  const app = await testApp(t);
  const world = new Set<string>();
  const lost = worldStep(world, "lost", { verify: () => Promise.resolve(verdict(false)) });
  const sections = [
    section(1, [lost, worldStep(world, "p", { environment: "prod" })]),
    section(2, [worldStep(world, "q", { environment: "prod" })]),
  ];

  const result = await startRun(app, [domain(sections)], { onlySection: undefined }, silent);

  assert.deepEqual(states(result), ["1 dev lost: failed", "1 prod p: blocked", "2 prod q: verified"]);
  assert.deepEqual(result.rows.steps[1]?.needs, ["dev lost first"]);
  assert.equal(result.rows.run.state, "failed");
  assert.ok(!world.has("p"));
});

test("what is missing outside blocks a step, and what a step throws fails it, without its secrets", async (t) => {
  const app = await testApp(t);
  const world = new Set<string>();
  const sections = [
    section(1, [
      worldStep(world, "needy", {
        plan: () =>
          Promise.resolve({ state: "blocked", summary: "no", needs: ["a token"], changes: [], looseEnds: [] }),
      }),
      worldStep(world, "away", {
        plan: () => Promise.reject(new AppError("unavailable", "dev does not answer", { hint: "Start it." })),
      }),
      worldStep(world, "barred", {
        plan: () => Promise.reject(new AppError("precondition_failed", "wrong password", { hint: "Correct it." })),
      }),
      worldStep(world, "late", { apply: () => Promise.resolve({ state: "blocked", needs: ["room"] }) }),
      worldStep(world, "broken", {
        apply: () => Promise.reject(new Error("cannot reach postgres://me:hunter2@host/db\0")),
      }),
    ]),
  ];

  const result = await startRun(app, [domain(sections)], { onlySection: undefined }, silent);

  assert.deepEqual(
    result.rows.steps.map(({ action, state, needs }) => ({ action, state, needs })),
    [
      { action: "needy", state: "blocked", needs: ["a token"] },
      { action: "away", state: "blocked", needs: ["dev does not answer (Start it.)"] },
      { action: "barred", state: "blocked", needs: ["wrong password (Correct it.)"] },
      { action: "late", state: "blocked", needs: ["room"] },
      { action: "broken", state: "failed", needs: [] },
    ],
  );
  assert.match(String(result.rows.steps[4]?.evidence["error"]), /^cannot reach postgres:\/\/me:\[secret\]@host\/db$/);
  assert.deepEqual(buildReport(result.rows).sections[0]?.needs, [
    "a token",
    "dev does not answer (Start it.)",
    "wrong password (Correct it.)",
    "room",
  ]);
});

test("secrets and what PostgreSQL cannot store are taken out of a step's answers", async (t) => {
  const app = await testApp(t);
  const url = "postgres://me:hunter2@host/db\0\ud800";
  const leaky = worldStep(new Set(), "a", {
    plan: () =>
      Promise.resolve({
        ...ready([`connect to ${url}`]),
        looseEnds: [{ id: "x", severity: "low", text: url, remedy: url }],
      }),
    apply: () => Promise.resolve({ state: "applied", notes: [] }),
    verify: () => Promise.resolve({ verified: false, summary: url, evidence: { deep: [{ url }] }, looseEnds: [] }),
  });

  const result = await startRun(app, [domain([section(1, [leaky])])], { onlySection: undefined }, silent);

  assert.deepEqual(states(result), ["1 dev a: failed"]);
  assert.doesNotMatch(JSON.stringify(result), /hunter2/);
  assert.doesNotMatch(await readFile(join(app.config.platform.root, "docs/LOOSE-ENDS.md"), "utf8"), /hunter2/);
});

test("a second run is refused while one is unfinished, and shows where that one stands", async (t) => {
  const app = await testApp(t);
  const world = new Set<string>();
  await interrupt(app, world, (stop) => domain([section(1, [stoppingStep(world, "a", stop)])]));

  await assert.rejects(
    startRun(app, [domain([section(1, [worldStep(world, "a")])])], { onlySection: undefined }, silent),
    (error) =>
      error instanceof AppError &&
      error.code === "conflict" &&
      error.message.includes("section 1 dev a (applying)") &&
      error.hint === "Go on with it: leveredge harden --resume",
  );
});

/** Does its work and is interrupted before anybody hears of it. */
function stoppingStep(world: Set<string>, wanted: string, stop: () => void): Step {
  return worldStep(world, wanted, {
    apply: () => {
      world.add(wanted);
      stop();
      return Promise.resolve({ state: "applied", notes: [] });
    },
  });
}

test("an interrupted step is observed first and not applied again, and its row tells the first plan", async (t) => {
  const app = await testApp(t);
  const world = new Set<string>();
  await interrupt(app, world, (stop) => domain([section(1, [stoppingStep(world, "a", stop)])]));
  const apply = (): never => assert.fail("applied again");

  const result = await resumeRun(app, [domain([section(1, [worldStep(world, "a", { apply })])])], silent);

  assert.deepEqual(states(result), ["1 dev a: verified"]);
  assert.deepEqual(result.rows.steps[0]?.plan?.changes, ["make a"]);
  assert.equal(result.rows.steps[0]?.attempt, 2);
});

test("where no run is unfinished there is nothing to resume", async (t) => {
  const app = await testApp(t);

  await assert.rejects(
    resumeRun(app, [domain([section(1, [])])], silent),
    (error) => error instanceof AppError && error.code === "not_found",
  );
});

test("a run that a living process works on is not taken over", async (t) => {
  const app = await testApp(t);
  const world = new Set<string>();
  const rival = worldStep(world, "a", {
    plan: async () => {
      await assert.rejects(
        resumeRun(app, [domain([section(1, [])])], silent),
        (error) =>
          error instanceof AppError &&
          error.code === "conflict" &&
          error.message.includes(`process ${process.pid} on ${hostname()} works on it`),
      );
      return ready(["make a"]);
    },
  });

  const result = await startRun(app, [domain([section(1, [rival])])], { onlySection: undefined }, silent);

  assert.deepEqual(states(result), ["1 dev a: verified"]);
});

test("a program whose run was taken over writes nothing more", async (t) => {
  const app = await testApp(t);
  const world = new Set<string>();
  const loser = worldStep(world, "a", {
    apply: async () => {
      const run = await findUnfinishedRun(app.db, "Test");
      assert.ok(run !== undefined);
      const claim = { owner: "other/00000000:1:1", ownerLetsIn: true, configSha256: "", programVersion: "" };
      await claimRun(app.db, { runId: run.id, attempt: run.attempt }, claim);
      return { state: "applied", notes: [] };
    },
  });

  await assert.rejects(
    startRun(app, [domain([section(1, [loser])])], { onlySection: undefined }, silent),
    (error) => error instanceof AppError && error.code === "conflict" && error.message.includes("taken over"),
  );

  const { rows } = await sql`select state from hardening_step`.execute(app.db);
  assert.deepEqual(rows, [{ state: "applying" }]);
});

test("a run whose lease is over is taken over, whoever owns it", async (t) => {
  const app = await testApp(t);
  const world = new Set<string>();
  await interrupt(app, world, (stop) => domain([section(1, [stoppingStep(world, "a", stop)])]));
  const elsewhere = "elsewhere/00000000/1:1:1";
  await sql`update hardening_run set lease_owner = ${elsewhere}, lease_until = now() + interval '1 minute'`.execute(
    app.db,
  );
  const domains = [domain([section(1, [worldStep(world, "a")])])];
  await assert.rejects(resumeRun(app, domains, silent), AppError);
  await sql`update hardening_run set lease_until = now() - interval '1 second'`.execute(app.db);

  const result = await resumeRun(app, domains, silent);

  assert.equal(result.rows.run.state, "verified");
});

test("of two that resume at once one works and the other is refused", async (t) => {
  const app = await testApp(t);
  const world = new Set<string>();
  await interrupt(app, world, (stop) => domain([section(1, [stoppingStep(world, "a", stop)])]));
  const domains = [domain([section(1, [worldStep(world, "a")])])];

  const ends = await Promise.allSettled([resumeRun(app, domains, silent), resumeRun(app, domains, silent)]);

  assert.deepEqual(ends.map((end) => end.status).toSorted(), ["fulfilled", "rejected"]);
});

test("a run resumed under another configuration is planned again and says what is different", async (t) => {
  const app = await testApp(t);
  const world = new Set<string>();
  await interrupt(app, world, (stop) =>
    domain([section(1, [worldStep(world, "kept"), stoppingStep(world, "gone", stop)]), section(2, [])]),
  );
  world.delete("kept");
  const notes: string[] = [];
  const listen = (progress: RunProgress): void => {
    if (progress.kind === "note") notes.push(progress.text);
  };
  const renewed = worldStep(world, "kept", { plan: () => Promise.resolve(ready(["make kept anew"])) });
  const changed = { ...app, configSha256: "1".repeat(64) };

  const result = await resumeRun(changed, [domain([section(1, [renewed, worldStep(world, "new")])])], listen);

  assert.deepEqual(states(result), ["1 dev kept: verified", "1 dev new: verified"]);
  assert.deepEqual(result.rows.steps[0]?.plan?.changes, ["make kept anew"]);
  assert.deepEqual(
    result.rows.sections.map(({ number }) => number),
    [1],
  );
  assert.deepEqual(notes, [
    "the configuration is not the one that the run began with: 000000000000 → 111111111111",
    "- section 1 dev gone",
    "+ section 1 dev new",
    "every step is planned again",
    'section 1 dev kept: the plan is another one: it was "1 changes", it is "1 changes"',
    "section 1 dev kept: - make kept",
    "section 1 dev kept: + make kept anew",
  ]);
});

test("a plan that shrank under another configuration is stored as it is", async (t) => {
  const app = await testApp(t);
  const world = new Set<string>();
  const large = (stop: () => void): Step => ({
    ...stoppingStep(world, "a", stop),
    plan: () => Promise.resolve(ready(["make a", "make b"])),
  });
  await interrupt(app, world, (stop) => domain([section(1, [large(stop)])]));
  const small = worldStep(world, "a", { plan: () => Promise.resolve(ready(["make a"])) });

  const result = await resumeRun({ ...app, programVersion: "2.0.0" }, [domain([section(1, [small])])], silent);

  assert.deepEqual(result.rows.steps[0]?.plan?.changes, ["make a"]);
});

test("one section alone is run, and LOOSE-ENDS.md still tells of the others", async (t) => {
  const app = await testApp(t);
  const world = new Set<string>();
  const lost = worldStep(world, "lost", { verify: () => Promise.resolve(verdict(false)) });
  const domains = [domain([section(1, [lost]), section(2, [worldStep(world, "b")])])];
  await startRun(app, domains, { onlySection: undefined }, silent);

  const result = await startRun(app, domains, { onlySection: 2 }, silent);

  assert.deepEqual(states(result), ["2 dev b: verified"]);
  assert.equal(result.rows.run.state, "verified");
  assert.match(await readFile(join(app.config.platform.root, "docs/LOOSE-ENDS.md"), "utf8"), /dev lost failed/);
});

test("a section that does not exist or is not asked for is refused before there is a run", async (t) => {
  const app = await testApp(t);
  const unwanted = { ...section(2, []), wanted: () => false };

  for (const [onlySection, code] of [
    [9, "not_found"],
    [2, "precondition_failed"],
  ] as const) {
    await assert.rejects(
      startRun(app, [domain([section(1, []), unwanted])], { onlySection }, silent),
      (error) => error instanceof AppError && error.code === code,
    );
  }
  assert.equal(await findUnfinishedRun(app.db, "Test"), undefined);
});

test("the files of a section are committed when its shared steps are verified, and not otherwise", async (t) => {
  const app = await testApp(t);
  const { root } = app.config.platform;
  await runProgram("git", ["init", "--quiet", root], { timeoutMs: 30_000 });
  await mkdir(join(root, "docs"));
  for (const file of ["good", "bad"]) await writeFile(join(root, file), "theirs or ours\n");
  const world = new Set<string>();
  const bad = worldStep(world, "bad", { environment: "shared", verify: () => Promise.resolve(verdict(false)) });
  const good = worldStep(world, "good", { environment: "shared" });

  await startRun(
    app,
    [domain([section(1, [bad], ["bad"]), section(2, [good], ["good"])])],
    { onlySection: undefined },
    silent,
  );

  const log = await runProgram("git", ["-C", root, "log", "--reverse", "--format=%s", "--name-only"], {
    timeoutMs: 30_000,
  });
  assert.equal(
    log.stdout,
    "GSD: [Section 2] - Title 2\n\ngood\nGSD: [Completion] - loose ends\n\ndocs/LOOSE-ENDS.md\n",
  );
});

test("an equal second run changes no file and makes no commit", async (t) => {
  const app = await testApp(t);
  const { root } = app.config.platform;
  await runProgram("git", ["init", "--quiet", root], { timeoutMs: 30_000 });
  const checks: Check[] = [{ subject: "disk", state: "loose", detail: "is full", remedy: "make room" }];
  const domains = [domain([section(1, [worldStep(new Set(["a"]), "a")])], checks)];
  const log = (): Promise<string> =>
    runProgram("git", ["-C", root, "log", "--format=%H"], { timeoutMs: 30_000 }).then(({ stdout }) => stdout);
  await startRun(app, domains, { onlySection: undefined }, silent);
  const before = await log();

  const second = await startRun(app, domains, { onlySection: undefined }, silent);

  assert.equal(await log(), before);
  assert.deepEqual(
    second.rows.looseEnds.map(({ id }) => id),
    ["check:disk"],
  );
});

test("a root that is gone ends the run with loose ends instead of failing it", async (t) => {
  const app = await testApp(t);
  const config = { ...app.config, platform: { ...app.config.platform, root: "/nonexistent/platform" } };

  const result = await startRun(
    { ...app, config },
    [domain([section(1, [], ["a"])])],
    { onlySection: undefined },
    silent,
  );

  assert.equal(result.rows.run.state, "verified");
  assert.deepEqual(result.rows.looseEnds.map(({ id }) => id).toSorted(), ["git-failed", "loose-ends-file"]);
});

test("a health check that throws is unknown, not red", async (t) => {
  const app = await testApp(t);
  const checks = (): Promise<Check[]> => Promise.reject(new Error("no answer"));

  const result = await startRun(app, [{ ...domain([section(1, [])]), checks }], { onlySection: undefined }, silent);

  assert.deepEqual(
    result.checks.map(({ state }) => state),
    ["unknown"],
  );
  assert.equal(result.rows.run.state, "verified");
});
