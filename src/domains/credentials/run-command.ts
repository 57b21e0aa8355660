/** `leveredge credentials run -- CMD`: a program with credentials in its environment, and nowhere else. */
import { spawn } from "node:child_process";
import { constants } from "node:os";

import type { App } from "#app.ts";
import type { CommandContext } from "#cli/command.ts";
import { inheritedEnvironment } from "#config/environment.ts";
import { AppError, readErrorCode } from "#errors.ts";

import { requester, textOf } from "./command-input.ts";
import { requireCredential } from "./credentials.ts";
import { listCredentials } from "./queries.ts";
import type { Credential } from "./schema.ts";
import { openForUse, recordUse } from "./vault.ts";

/** What goes into the environment under which name. */
type Injected = { variable: string; credential: Credential; field: string; value: string };
type Mapping = { name: string; field: string; variable: string };

const forbiddenVariables =
  /^(?:PATH|IFS|ENV|SHELL|HOME|LD_.*|DYLD_.*|NODE_.*|BASH_.*|PYTHON.*|PERL5?(?:LIB|OPT)|RUBY(?:LIB|OPT)|GIT_.*)$/;
const passedOn = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const;
const notExecutable = 126;
const notFound = 127;

export async function runWithCredentials(context: CommandContext): Promise<number> {
  const [program, ...args] = context.arguments;
  if (program === undefined) {
    throw new AppError("invalid_input", "there is no program to run", {
      hint: "Write it after --: leveredge credentials run --only openai-prod -- node agent.js",
    });
  }
  const mappings = readMappings(context.lists?.["envMap"] ?? []);
  const only = textOf(context, "only")
    ?.split(",")
    .map((name) => name.trim());
  const app = await context.openApp();
  const chosen = await choose(app, { only, mappings }, context);
  const injected = (await Promise.all(chosen.map((credential) => inject(app, credential, mappings)))).flat();
  refuseDoubles(injected);
  refuseUnmapped(mappings, injected);
  for (const credential of chosen) {
    const used = injected.filter((item) => item.credential === credential).map(({ field }) => field);
    if (used.length === 0) continue;
    const use = { action: "credentials.run", outcome: "injected", field: used.join(", "), by: requester() };
    await recordUse(app, credential, use);
  }
  const values = Object.fromEntries(injected.map(({ variable, value }) => [variable, value]));
  return start(program, args, { ...inheritedEnvironment(), ...values });
}

/** Those that are named; without a name, all that can be used. */
async function choose(
  app: App,
  { only, mappings }: { only: string[] | undefined; mappings: readonly Mapping[] },
  context: CommandContext,
): Promise<Credential[]> {
  const named = only ?? (mappings.length === 0 ? undefined : [...new Set(mappings.map(({ name }) => name))]);
  if (named !== undefined) {
    const names = [...new Set([...named, ...mappings.map(({ name }) => name)])].filter((name) => name !== "");
    return Promise.all(names.map((name) => requireCredential(app, name)));
  }
  const usable: Credential[] = [];
  for (const credential of await listCredentials(app.db)) {
    if (credential.version > 0 && credential.quarantineReason === null) usable.push(credential);
    else context.output.say(`left out: ${credential.credentialName} has no value that may be used`);
  }
  return usable;
}

/** By the map where it names the field, else all fields as CREDENTIAL_FIELD. */
async function inject(app: App, credential: Credential, mappings: readonly Mapping[]): Promise<Injected[]> {
  const { fields } = await openForUse(app, credential, requester());
  const own = mappings.filter(({ name }) => name === credential.credentialName);
  return Object.entries(fields).flatMap(([field, value]) => {
    const mapped = own.filter((mapping) => mapping.field === field).map(({ variable }) => variable);
    const variables = own.length > 0 ? mapped : [variableOf(credential.credentialName, field)];
    return variables.map((variable) => ({ variable, credential, field, value: value.reveal() }));
  });
}

function variableOf(name: string, field: string): string {
  const variable = `${name}_${field}`.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_");
  return /^\d/.test(variable) ? `_${variable}` : variable;
}

function readMappings(texts: readonly string[]): Mapping[] {
  return texts
    .flatMap((text) => text.split(","))
    .map((text) => {
      const [, name, field, variable] = /^([^/=\s]+)\/([^/=\s]+)=([A-Za-z_][A-Za-z0-9_]*)$/.exec(text.trim()) ?? [];
      if (variable !== undefined && forbiddenVariables.test(variable)) {
        throw new AppError("invalid_input", `${variable} tells programs what to load: no credential goes there`);
      }
      if (name !== undefined && field !== undefined && variable !== undefined) return { name, field, variable };
      throw new AppError("invalid_input", "--env-map wants NAME/FIELD=VARIABLE", {
        hint: "For example: --env-map openai-prod/api_key=OPENAI_API_KEY",
      });
    });
}

function refuseDoubles(injected: readonly Injected[]): void {
  for (const [variable, items] of Map.groupBy(injected, (item) => item.variable)) {
    if (items.length < 2) continue;
    const which = items.map(({ credential, field }) => `${credential.credentialName}/${field}`).join(" and ");
    throw new AppError("invalid_input", `${which} would both be ${variable}`, {
      hint: "Choose with --only, or name them with --env-map NAME/FIELD=VARIABLE.",
    });
  }
}

function refuseUnmapped(mappings: readonly Mapping[], injected: readonly Injected[]): void {
  const lost = mappings.find(({ variable }) => !injected.some((item) => item.variable === variable));
  if (lost === undefined) return;
  throw new AppError("not_found", `credential ${lost.name} has no field ${lost.field} for ${lost.variable}`, {
    hint: `See its fields with: leveredge credentials show ${lost.name}`,
  });
}

/** Its exit code is ours, and 128 and the signal's number when a signal ended it, as shells have it. */
function start(program: string, args: readonly string[], env: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit", env });
    const forwards = passedOn.map((name) => {
      // A terminal sends Ctrl-C to both of us by itself.
      const forward = (): void => void ((name !== "SIGINT" || !process.stdin.isTTY) && child.kill(name));
      process.on(name, forward);
      return () => process.off(name, forward);
    });
    const end = (finish: () => void): void => {
      for (const stop of forwards) stop();
      finish();
    };
    child.on("error", (cause) => {
      const code = readErrorCode(cause);
      end(() => {
        if (code === "ENOENT" || code === "EACCES") {
          process.stderr.write(
            `cannot run ${program}: ${code === "ENOENT" ? "there is no such program" : "not allowed"}\n`,
          );
          resolve(code === "ENOENT" ? notFound : notExecutable);
        } else reject(new AppError("upstream_failed", `cannot run ${program}: ${code ?? "unknown"}`, { cause }));
      });
    });
    child.on("exit", (code, signal) => {
      end(() => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
  });
}
