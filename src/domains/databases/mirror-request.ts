/** What a `leveredge mirror …` command line asks for: which databases, and what may happen. */
import { resolve } from "node:path";

import type { App } from "#app.ts";
import type { CommandContext } from "#cli/command.ts";
import { openReference, parseReference } from "#config/references.ts";
import { Hazard } from "#config/schema.ts";
import { AppError } from "#errors.ts";
import { Secret } from "#secrets/secret.ts";
import { runProgram } from "#system/run.ts";

import { configuredMigrations } from "./configured.ts";
import { configuredTarget } from "#postgres/configured-target.ts";
import { currentUser } from "#system/user.ts";
import type { DatabaseTarget } from "#postgres/connection.ts";
import type { MirrorSpec } from "./mirror.ts";

export type MirrorRequest = {
  /** Undefined when both databases are given by URL: then no configuration and no store is needed. */
  app: App | undefined;
  parts: Pick<App, "run" | "now">;
  spec: MirrorSpec;
  /** Reference rows are copied only between the two configured databases. */
  copiesRows: boolean;
};

type Side = { option: "from" | "to"; environment: "dev" | "prod" };

const defaultTable = { schema: "public", name: "schema_migrations" };

/** Reads the options, opens what they name; `invalid_input` for what makes no sense together. */
export async function readMirrorRequest(context: CommandContext): Promise<MirrorRequest> {
  const { options } = context;
  const givenFrom = readText(options["fromUrl"]);
  const givenTo = readText(options["toUrl"]);
  refuseEnvironment(options["from"], givenFrom, { option: "from", environment: "prod" });
  refuseEnvironment(options["to"], givenTo, { option: "to", environment: "dev" });
  const needsConfig = givenFrom === undefined || givenTo === undefined || context.global.config !== undefined;
  const app = needsConfig ? await context.openApp() : undefined;
  const mirror = app?.config.mirror;
  return {
    app,
    parts: app ?? { run: runProgram, now: () => new Date() },
    spec: {
      from: await openSide(app, { option: "from", environment: "prod" }, givenFrom),
      to: await openSide(app, { option: "to", environment: "dev" }, givenTo),
      allow: [...new Set([...(mirror?.allow ?? []), ...readHazards(options["allow"])])],
      devOnly:
        options["devOnly"] === "drop" ? "drop" : options["devOnly"] === "keep" ? "keep" : (mirror?.dev_only ?? "keep"),
      migrations: app === undefined ? { table: defaultTable, directory: undefined } : configuredMigrations(app.config),
      markDev: options["markDev"] === true,
      appliedBy: currentUser(),
    },
    copiesRows: givenFrom === undefined && givenTo === undefined && (mirror?.reference_tables.length ?? 0) > 0,
  };
}

/** `data-loss,lock` or `all`. */
export function readHazards(given: string | boolean | undefined): Hazard[] {
  const words = (readText(given) ?? "").split(",").map((word) => word.trim());
  return words
    .filter((word) => word !== "")
    .flatMap((word) => {
      if (word === "all") return Hazard.options;
      const hazard = Hazard.safeParse(word);
      if (hazard.success) return [hazard.data];
      throw new AppError("invalid_input", `--allow ${JSON.stringify(word)} is not a hazard`, {
        hint: `Use all, or some of ${Hazard.options.join(", ")}.`,
      });
    });
}

/** Only prod → dev exists among the configured: prod is never a target. */
function refuseEnvironment(named: string | boolean | undefined, url: string | undefined, side: Side): void {
  if (named === undefined) return;
  if (url !== undefined) {
    throw new AppError("invalid_input", `--${side.option} and --${side.option}-url name the same end of the mirror`, {
      hint: `Leave out --${side.option} or --${side.option}-url.`,
    });
  }
  if (named === side.environment) return;
  const why = side.option === "to" ? "only dev is ever written by a mirror" : "dev is never a source";
  throw new AppError("invalid_input", `--${side.option} ${String(named)}: ${why}`, {
    hint: `Use --${side.option} ${side.environment}, which is the default.`,
  });
}

async function openSide(app: App | undefined, side: Side, given: string | undefined): Promise<DatabaseTarget> {
  if (given !== undefined) {
    return { label: `--${side.option}-url`, url: await openUrl(app, side.option, given) };
  }
  if (app === undefined) throw new AppError("internal", `no configuration for --${side.option}`);
  return configuredTarget(app, side.environment);
}

/** A reference, or a URL without a password: other users of this host can read a command line. */
async function openUrl(app: App | undefined, option: Side["option"], given: string): Promise<Secret> {
  if (parseReference(given) !== undefined) {
    return app === undefined ? openReference(given, resolve("leveredge.yaml")) : app.openReference(given);
  }
  if (/^[a-z]+:\/\/[^/?]*:[^/?]*@/.test(given) || /[?&]password=/i.test(given)) {
    throw new AppError(
      "invalid_input",
      `--${option}-url has a password in it, which every user of this host can read`,
      {
        hint: `Put the URL into a variable or a file of mode 0600 and pass --${option}-url env:NAME or file:PATH.`,
      },
    );
  }
  return new Secret(given);
}

function readText(given: string | boolean | undefined): string | undefined {
  return typeof given === "string" ? given : undefined;
}
