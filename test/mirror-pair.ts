/** Two databases to mirror between, filled from two pieces of SQL, and a mirror over them with every hazard allowed. */
import type { TestContext } from "node:test";

import pg from "pg";

import type { Hazard } from "#config/schema.ts";
import {
  applyMirror,
  type MirrorPlan,
  type MirrorSpec,
  type MirrorWork,
  planMirror,
  verifyMirror,
} from "#domains/databases/mirror.ts";
import type { MirrorOutcome, MirrorVerdict } from "#domains/databases/schema.ts";
import { Secret } from "#secrets/secret.ts";
import { runProgram } from "#system/run.ts";

import { freshDatabase, type Major } from "./database.ts";

export type MirrorPair = {
  spec: MirrorSpec;
  prod: pg.Client;
  dev: pg.Client;
  plan(change?: Partial<MirrorSpec>): Promise<MirrorPlan>;
  apply(plan: MirrorPlan, change?: Partial<MirrorSpec>): Promise<MirrorOutcome>;
  verify(change?: Partial<MirrorSpec>): Promise<MirrorVerdict>;
  /** Plans and applies. */
  mirror(change?: Partial<MirrorSpec>): Promise<MirrorOutcome>;
};

const everything: Hazard[] = ["data-loss", "lock", "rewrite", "index-rebuild", "privilege", "endpoint-copied"];
const work: MirrorWork = { signal: new AbortController().signal, progress: () => undefined };

export async function mirrorPair(
  t: TestContext,
  content: { prod: string; dev: string; major?: Major; devMajor?: Major },
): Promise<MirrorPair> {
  const prod = await openFilled(t, content.major ?? 15, content.prod);
  const dev = await openFilled(t, content.devMajor ?? content.major ?? 15, content.dev);
  return pairOf(prod, dev);
}

type OpenDatabase = { url: string; client: pg.Client };

/** Two databases that are open already. */
export function pairOf(prod: OpenDatabase, dev: OpenDatabase): MirrorPair {
  const spec: MirrorSpec = {
    from: { label: "prod", url: new Secret(prod.url) },
    to: { label: "dev", url: new Secret(dev.url) },
    allow: everything,
    devOnly: "keep",
    migrations: { table: { schema: "public", name: "schema_migrations" }, directory: undefined },
    markDev: true,
    appliedBy: "test",
  };
  const plan: MirrorPair["plan"] = (change) => planMirror({ run: runProgram }, { ...spec, ...change }, work);
  const apply: MirrorPair["apply"] = (made, change) =>
    applyMirror({ run: runProgram, now: () => new Date() }, { ...spec, ...change }, made, work);
  return {
    spec,
    prod: prod.client,
    dev: dev.client,
    plan,
    apply,
    verify: (change) => verifyMirror({ run: runProgram }, { ...spec, ...change }, work),
    mirror: async (change) => apply(await plan(change), change),
  };
}

async function openFilled(t: TestContext, major: Major, content: string): Promise<OpenDatabase> {
  const { url } = await freshDatabase(t, { major });
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  t.after(() => client.end());
  if (content !== "") await client.query(content);
  return { url, client };
}
