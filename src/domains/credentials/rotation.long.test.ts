import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { AppError } from "#errors.ts";
import { killAt } from "#test/killed-run.ts";
import {
  letTimePass,
  openScene,
  readRotations,
  readStanding,
  readValues,
  rotate,
  type RotationScene,
  type SceneName,
} from "#test/rotation-scene.ts";

const program = join(import.meta.dirname, "..", "..", "..", "test", "killed-rotation.ts");

/** At which of its effects on the store or the database, or at which request to the service, the program dies. */
type Death = { label: string; at: number; mode: "during" | "after" | "before the service" | "before the answer" };

/** Where something is durable afterwards; inside a transaction a death is as one before it. */
const durable = /sql (commit|alter role|update aegis_credential_rotation)/;

for (const name of ["cloudflare", "openrouter", "gitlab", "postgres"] as const) {
  test(`a rotation at ${name} that is killed anywhere and resumed ends with one live key, which is the active one`, async (t) => {
    const deaths = await listDeaths(t, name);
    assert.ok(deaths.length > 20, `only ${deaths.length} places to die at`);

    const faults: string[] = [];
    for (const death of deaths) {
      await t.test(
        `${death.mode} ${death.at} ${death.label.replace(/^\d+ |(?<=alter role).*|(?<= set phase).*/g, "")}`,
        async (part) => {
          faults.push(
            ...(await dieAndResume(part, name, death)).map((fault) => `${death.mode} ${death.label}: ${fault}`),
          );
        },
      );
    }

    assert.deepEqual(faults, []);
  });
}

/** Those of one that is not killed. */
async function listDeaths(t: TestContext, name: SceneName): Promise<Death[]> {
  const scene = await openScene(t, name);
  const log = join(scene.app.stateDir, "effects");
  const child = start(scene, { KILL_LOG: log });
  assert.deepEqual(await once(child, "exit"), [0, null]);
  const effects = (await readFile(log, "utf8")).trimEnd().split("\n");
  const bySql = effects.flatMap((label, index): Death[] =>
    durable.test(label)
      ? [
          { label, at: index + 1, mode: "after" },
          { label, at: index + 1, mode: "during" },
        ]
      : [],
  );
  const byRequest = (scene.service?.asked ?? []).flatMap(({ method, url }, index): Death[] => {
    const label = `${method} ${url.split("?")[0]}`;
    return [
      { label, at: index + 1, mode: "before the service" },
      { label, at: index + 1, mode: "before the answer" },
    ];
  });
  return [...bySql, ...byRequest];
}

async function dieAndResume(t: TestContext, name: SceneName, { at, mode }: Death): Promise<string[]> {
  const scene = await openScene(t, name);
  const first = (await readValues(scene)).active;
  const isByService = mode === "before the service" || mode === "before the answer";
  const child = start(scene, isByService ? {} : { KILL_AT: String(at), KILL_MODE: mode });
  if (isByService && scene.service !== undefined) {
    const when = mode === "before the service" ? "before" : "after";
    scene.service.trap = { at, when, spring: () => void child.kill("SIGKILL") };
  }
  const [, signal] = await once(child, "exit");
  if (scene.service !== undefined) scene.service.trap = undefined;
  const between = (await scene.pickLive((await readValues(scene)).all)).length;
  const end = await resume(scene);
  return judge(scene, { first, signal, between, end });
}

/** As the worker and the operator do it, until it is at its end. */
async function resume(scene: RotationScene): Promise<{ phase: string; failure: string | null } | undefined> {
  for (let time = 0; time < 200; time += 1) {
    const last = (await readRotations(scene)).at(-1);
    if (last?.isFinished === true) return last;
    try {
      if ((await rotate(scene)).state === "waiting") await letTimePass(scene);
    } catch (error) {
      // The server takes a moment to see that the killed program's session is gone.
      if (!(error instanceof AppError) || !/another process/.test(error.message)) throw error;
      await pause(20);
    }
  }
  return undefined;
}

async function judge(
  scene: RotationScene,
  seen: { first: string; signal: string; between: number; end: { phase: string; failure: string | null } | undefined },
): Promise<string[]> {
  const { active, all } = await readValues(scene);
  const live = await scene.pickLive(all);
  const { outcomes } = await readStanding(scene);
  const isLost = /its answer with the new one was lost/.test(seen.end?.failure ?? "");
  const isUndone = /did not carry the request out: the old key lives and stays/.test(seen.end?.failure ?? "");
  const faults = [
    ...(seen.signal === "SIGKILL" ? [] : [`not killed: ${seen.signal}`]),
    ...(scene.countLive() === 1 ? [] : [`${scene.countLive()} keys live at the service`]),
    ...(outcomes.filter((outcome) => outcome === "begun").length === 1 ? [] : [`told ${outcomes.join()}`]),
  ];
  if (scene.service?.url !== undefined && isLost && outcomes.at(-1) === "failed") {
    return active === seen.first && live.length === 0 ? faults : [...faults, "lost, and yet something lives"];
  }
  if (seen.between < 1) faults.push("no live value was in the store after the kill");
  if (live.length !== 1 || live[0] !== active) faults.push(`${live.length} stored values live, or not the active one`);
  if (isUndone && active === seen.first) return faults;
  if (seen.end?.phase !== "done") faults.push(`ended ${seen.end?.phase ?? "never"}: ${seen.end?.failure ?? ""}`);
  if (active === seen.first) faults.push("the old value is the active one");
  return faults;
}

function start({ app, ownerUrl, settings, name, manager }: RotationScene, kill: Record<string, string>): ChildProcess {
  const config = JSON.stringify({ platform: app.config.platform, ...settings });
  return spawn(process.execPath, ["--import", killAt, program, app.stateDir, config, name, manager ?? ""], {
    env: {
      STORE_URL: ownerUrl.reveal(),
      PATH: "/usr/bin:/bin",
      KILL_FROM: "insert into aegis_credential_rotation",
      ...kill,
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
}
