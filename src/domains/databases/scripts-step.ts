/** Section 1, shared: the script that the platform's cron line calls. */
import { join } from "node:path";

import type { App } from "#app.ts";
import { listUnbuiltParts } from "#config/parts.ts";
import type { LooseEnd, ReadyPlan, StepApplied, StepVerdict } from "#domain.ts";

import {
  digestScript,
  inspectSyncSchema,
  installSyncSchema,
  programPath,
  renderSyncSchema,
} from "./install-scripts.ts";
import { type StepBody, syncSchemaPath } from "./section.ts";

const helpTimeoutMs = 60_000;
/** All that cron gives a script. */
const cronEnvironment = { PATH: "/usr/bin:/bin" };

export const installScripts = {
  plan: planScripts,
  apply: async (app: App): Promise<StepApplied> => {
    await installSyncSchema(app);
    return { state: "applied", notes: [] };
  },
  verify: verifyScripts,
} satisfies StepBody;

async function planScripts(app: App): Promise<ReadyPlan> {
  const script = await inspectSyncSchema(app);
  const changes = {
    current: [],
    absent: [`write ${script.path}`],
    outdated: [`write ${script.path} anew`],
    foreign: [
      ...(script.keepAs === undefined ? [] : [`keep the ${script.path} that is there as ${script.keepAs}`]),
      `write ${script.path}`,
    ],
  }[script.state];
  return {
    state: "ready",
    summary: changes.length === 0 ? `${script.path} is in place` : changes.join(", "),
    changes,
    fingerprint: digestScript(script.content),
    looseEnds: [],
  };
}

/**
 * Reads the file again, and starts what it names as cron would. Not the file itself:
 * root must not run what somebody else may write.
 */
async function verifyScripts(app: App, { signal }: { signal: AbortSignal }): Promise<StepVerdict> {
  const script = await inspectSyncSchema(app);
  const path = join(app.config.platform.root, syncSchemaPath);
  const looseEnds = [...looseSchedule(app), ...unbuiltParts(app)];
  const evidence = { path, mode: "0755", sha256: digestScript(await renderSyncSchema(app)) };
  if (script.state !== "current") {
    return { verified: false, summary: `${path} is ${script.state}`, evidence, looseEnds };
  }
  const started = await app.run(process.execPath, [programPath, "--help"], {
    timeoutMs: helpTimeoutMs,
    env: cronEnvironment,
    accept: Array.from({ length: 256 }, (_, code) => code),
    signal,
  });
  const runs = started.exitCode === 0;
  const summary = runs
    ? `${path} is in place and its program starts`
    : `what ${path} names ends with exit code ${started.exitCode}`;
  return { verified: runs, summary, evidence, looseEnds };
}

/** A cron line has none of the variables of the shell that somebody set them in. */
function looseSchedule(app: App): LooseEnd[] {
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
