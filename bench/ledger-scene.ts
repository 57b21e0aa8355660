/** A store on this machine's disk, durable as in production, with an empty ledger, for a benchmark. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import pg from "pg";

import type { App } from "#app.ts";
import { storeSchema } from "#store/session.ts";

import { openServerApp } from "../bin/open-app.ts";
import { withState } from "./server-under-load.ts";

export type Scene = {
  app: App;
  /** As the owner of the tables. */
  owner: pg.Client;
};

/** Gives the work a ledger; everything is gone afterwards. */
export async function withLedgerScene(work: (scene: Scene) => Promise<void>): Promise<void> {
  await withState(async (state) => {
    const config = join(state, "bench.yaml");
    const root = join(state, "platform");
    await mkdir(root);
    // As JSON it is YAML, too.
    await writeFile(config, JSON.stringify({ platform: { name: "Bench", root } }));
    const global = { state, config, json: false, color: false, quiet: true };
    const { app, ownerUrl } = await openServerApp(global, new AbortController().signal);
    const owner = new pg.Client({ connectionString: ownerUrl.reveal() });
    try {
      await owner.connect();
      await owner.query(`set search_path = ${storeSchema}`);
      await work({ app, owner });
    } finally {
      await owner.end();
      await app.close();
    }
  });
}

/** Waits for what an earlier measurement left to be written. */
export async function emptyLedger(owner: pg.Client): Promise<void> {
  await owner.query("truncate llm_usage, llm_usage_key, llm_usage_daily, llm_usage_breakdown");
  await owner.query("checkpoint");
}
