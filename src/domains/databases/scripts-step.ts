/** Section 1, shared: the scripts that the platform's cron lines call. */
import { join } from "node:path";

import type { App } from "#app.ts";
import { listUnbuiltParts } from "#config/parts.ts";
import type { LooseEnd, ReadyPlan, StepApplied, StepVerdict } from "#domain.ts";
import { describeWriting, digestContent, type ManagedFile } from "#system/managed-file.ts";

import { inspectScripts, programPath, writeScripts } from "./install-scripts.ts";
import { type StepBody, syncSchemaPath } from "./section.ts";

const helpTimeoutMs = 60_000;
/** All that cron gives a script. */
const cronEnvironment = { PATH: "/usr/bin:/bin" };

export const installScripts = {
  plan: planScripts,
  apply: async (app: App): Promise<StepApplied> => {
    await writeScripts(app);
    return { state: "applied", notes: [] };
  },
  verify: verifyScripts,
} satisfies StepBody;

async function planScripts(app: App): Promise<ReadyPlan> {
  const scripts = await inspectScripts(app);
  const changes = scripts.flatMap(describeWriting);
  const names = scripts.map(({ path }) => path).join(", ");
  return {
    state: "ready",
    summary: changes.length === 0 ? `${names} in place` : changes.join(", "),
    changes,
    fingerprint: digestContent(scripts.map(({ content }) => content).join("\0")),
    looseEnds: [],
  };
}

/**
 * Reads the files again, and starts what they name as cron would. Not the files
 * themselves: root must not run what somebody else may write.
 */
async function verifyScripts(app: App, { signal }: { signal: AbortSignal }): Promise<StepVerdict> {
  const scripts = await inspectScripts(app);
  const { root } = app.config.platform;
  const looseEnds = [...looseSchedule(app, scripts), ...unbuiltParts(app)];
  const evidence = {
    scripts: scripts.map(({ path, content }) => ({
      path: join(root, path),
      mode: "0755",
      sha256: digestContent(content),
    })),
  };
  const wrong = scripts.filter(({ state }) => state !== "current");
  if (wrong.length > 0) {
    const summary = wrong.map(({ path, state }) => `${join(root, path)} is ${state}`).join(", ");
    return { verified: false, summary, evidence, looseEnds };
  }
  const started = await app.run(process.execPath, [programPath, "--help"], {
    timeoutMs: helpTimeoutMs,
    env: cronEnvironment,
    accept: Array.from({ length: 256 }, (_, code) => code),
    signal,
  });
  const runs = started.exitCode === 0;
  const names = scripts.map(({ path }) => path).join(" and ");
  const summary = runs
    ? `${names} ${scripts.length === 1 ? "is" : "are"} in place and the program starts`
    : `what ${names} names ends with exit code ${started.exitCode}`;
  return { verified: runs, summary, evidence, looseEnds };
}

/** A cron line has none of the variables of the shell that somebody set them in. */
function looseSchedule(app: App, scripts: readonly ManagedFile[]): LooseEnd[] {
  // Verifying backups opens no database of the platform.
  if (!scripts.some(({ path }) => path === syncSchemaPath)) return [];
  const { dev, prod } = app.config.environments;
  const variables = [dev, prod].flatMap((database) => {
    const name = database?.database.startsWith("env:") ? database.database : undefined;
    return name === undefined ? [] : [name];
  });
  if (variables.length === 0) return [];
  return [
    {
      id: "sync-schema:variables",
      severity: "low",
      text: `${syncSchemaPath} reads ${variables.join(" and ")}, which cron does not set`,
      remedy: "Use file:PATH for these databases in leveredge.yaml, or set the variables in the crontab",
    },
  ];
}

function unbuiltParts(app: App): LooseEnd[] {
  return listUnbuiltParts(app.config).map(({ part, feature }) => ({
    id: `not-built:${part}`,
    severity: "low",
    text: `${part} is configured, but this version has no ${feature} yet`,
    remedy: `Leave ${part} in leveredge.yaml; a later version acts on it`,
  }));
}
