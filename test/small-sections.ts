/**
 * Small sections with real effects: rows in two databases, files in a checkout,
 * one need that nobody meets and one failure. `harden` over them is what the
 * resume tests kill.
 */
import { readFile } from "node:fs/promises";

import pg from "pg";

import type { App } from "#app.ts";
import type { Config } from "#config/schema.ts";
import type { Domain, Environment, ReadyPlan, Section, Step, StepVerdict } from "#domain.ts";
import { AppError } from "#errors.ts";
import { findOwner } from "#system/owner.ts";
import { writeFileAtomically } from "#system/write-file.ts";

export const smallDomain: Domain = {
  name: "small",
  sections: [
    section(
      1,
      "Ledger",
      [rowsStep("dev"), fileStep("shared/scripts/ledger.sh", 0o755), rowsStep("prod")],
      ["shared/scripts/ledger.sh"],
    ),
    section(2, "Documents", [fileStep("docs/B.md", 0o644), blockedStep(), rowsStep("prod")], ["docs/B.md"]),
    section(3, "Failure", [failingStep()], []),
  ],
  checks: () =>
    Promise.resolve([
      { subject: "ledger", state: "ok", detail: "answers" },
      { subject: "archive", state: "loose", detail: "is nearly full", remedy: "make room" },
    ]),
};

function section(number: number, title: string, steps: Step[], files: string[]): Section {
  return { number, title, wanted: () => true, steps: () => steps, files: () => files };
}

function ready(changes: string[]): ReadyPlan {
  return {
    state: "ready",
    summary: `${changes.length} changes`,
    changes,
    fingerprint: changes.join("\n"),
    looseEnds:
      changes.length > 0
        ? [{ id: `had:${changes[0]}`, severity: "low", text: `there was ${changes[0]}`, remedy: "look" }]
        : [],
  };
}

const wantedRows = [1, 2, 3];

/** One transaction for the table, one for each row: a kill leaves some of it. */
function rowsStep(environment: Exclude<Environment, "shared">): Step {
  return {
    environment,
    action: "rows",
    title: "write the rows",
    plan: (app) =>
      withDatabase(app, environment, async (client) => {
        const present = await listRows(client);
        return ready(wantedRows.filter((id) => !present.includes(id)).map((id) => `row ${id}`));
      }),
    apply: (app, plan, { signal }) =>
      withDatabase(app, environment, async (client) => {
        await client.query(
          "create table if not exists ledger (id integer primary key, applied integer not null default 1)",
        );
        for (const change of plan.changes) {
          signal.throwIfAborted();
          await client.query("begin");
          await client.query("insert into ledger (id) values ($1)", [Number(change.slice(4))]);
          await client.query("commit");
        }
        return { state: "applied", notes: [`${plan.changes.length} rows`] };
      }),
    verify: (app) =>
      withDatabase(app, environment, async (client): Promise<StepVerdict> => {
        const present = await listRows(client);
        const verified = present.join() === wantedRows.join();
        return { verified, summary: `rows ${present.join()}`, evidence: { rows: present }, looseEnds: [] };
      }),
  };
}

async function listRows(client: pg.Client): Promise<number[]> {
  const table = await client.query("select 1 from pg_class where relname = 'ledger'");
  if (table.rows.length === 0) return [];
  const { rows } = await client.query<{ id: number }>("select id from ledger order by id");
  return rows.map((row) => row.id);
}

async function withDatabase<T>(
  app: App,
  environment: "dev" | "prod",
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const reference = app.config.environments[environment]?.database;
  if (reference === undefined) throw new AppError("not_found", `no database ${environment}`);
  const client = new pg.Client({ connectionString: (await app.openReference(reference)).reveal() });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function fileStep(path: string, mode: number): Step {
  const content = `content of ${path}\n`;
  const read = (config: Config): Promise<string | undefined> =>
    readFile(`${config.platform.root}/${path}`, "utf8").catch(() => undefined);
  return {
    environment: "shared",
    action: "file",
    title: `write ${path}`,
    plan: async ({ config }) => ready((await read(config)) === content ? [] : [`write ${path}`]),
    apply: async ({ config }) => {
      const { root } = config.platform;
      await writeFileAtomically({ root, path, content, mode, owner: await findOwner(root) });
      return { state: "applied", notes: [] };
    },
    verify: async ({ config }) => {
      const verified = (await read(config)) === content;
      return {
        verified,
        summary: verified ? `${path} is there` : `${path} differs`,
        evidence: { path },
        looseEnds: [],
      };
    },
  };
}

function blockedStep(): Step {
  return {
    ...rowsStep("dev"),
    action: "token",
    title: "use a token",
    plan: () =>
      Promise.resolve({ state: "blocked", summary: "no token", needs: ["a token"], changes: [], looseEnds: [] }),
  };
}

function failingStep(): Step {
  return {
    ...rowsStep("dev"),
    action: "fail",
    title: "fail",
    plan: () => Promise.resolve(ready(["the impossible"])),
    apply: () => Promise.reject(new AppError("internal", "it is impossible", { hint: "Give it up." })),
  };
}
