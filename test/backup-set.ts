/** A platform with a database and a backup set, for tests of drills. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";

import type { App } from "#app.ts";
import { Config } from "#config/schema.ts";
import { createSetBackup } from "#domains/backups/set-backup.ts";
import { type BackupSet, findSet } from "#domains/backups/sets.ts";
import { Secret } from "#secrets/secret.ts";

import { testApp } from "./app.ts";
import { ownerQuery } from "./database-role.ts";
import { freshDatabase } from "./database.ts";

export type BackupPlatform = {
  app: App;
  set: BackupSet;
  /** The set's directory. */
  directory: string;
  /** Makes a backup as the product does and answers its file. */
  backUp(): Promise<string>;
};

const schema = `
  create table orders (id int primary key, note text);
  insert into orders select i, md5(i::text) from generate_series(1, 400) i;
  create function double(n int) returns int language sql as 'select n * 2'`;

/** The set is called chronos and finds *.dump; `settings` are further parts of the configuration. */
export async function backupPlatform(t: TestContext, settings: Record<string, unknown> = {}): Promise<BackupPlatform> {
  const { url } = await freshDatabase(t, { major: 15 });
  for (const statement of schema.split(";")) await ownerQuery(new Secret(url), statement);
  const bare = await testApp(t);
  const folder = dirname(bare.config.platform.root);
  const directory = join(folder, "backups");
  await mkdir(directory);
  await writeFile(join(folder, "prod.url"), url, { mode: 0o600 });
  const config = Config.parse({
    platform: bare.config.platform,
    environments: { prod: { database: `file:${join(folder, "prod.url")}` } },
    backups: [{ name: "chronos", environment: "prod", directory, pattern: "*.dump", schedule: "0 4 * * *" }],
    ...settings,
  });
  const app = { ...bare, config };
  const set = findSet(config, "chronos");
  return {
    app,
    set,
    directory,
    backUp: async () => {
      const work = { signal: app.signal, progress: () => undefined, requestedBy: "test" };
      return (await createSetBackup(app, set, work)).file;
    },
  };
}

/** Flips a bit in the middle of a file. */
export async function damage(file: string): Promise<void> {
  const bytes = await readFile(file);
  const middle = Math.floor(bytes.length / 2);
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
  await writeFile(file, bytes);
}
