/** `leveredge backups`: make a backup, list the sets, restore the newest for real. */
import type { Command } from "#cli/command.ts";

export const backupCommands: Command[] = [
  {
    name: "backups create",
    summary: "dump a set's database with a manifest of its content; the database is only read",
    arguments: [{ syntax: "[set]", summary: "configured backup set; may be left out when there is one" }],
    options: [
      { flags: "--from-url <reference>", summary: "another database: env:NAME, file:PATH or a URL without password" },
      { flags: "--out <file>", summary: "where the dump of --from-url goes; it must not exist" },
      { flags: "--via <command>", summary: 'for --from-url, client programs in a container: "docker exec -i NAME"' },
    ],
    examples: [
      "leveredge backups create chronos",
      "leveredge backups create --from-url env:PROD_DATABASE_URL --out /var/backups/prod.dump",
    ],
    run: async (context) => (await import("./create-command.ts")).runCreate(context),
  },
  {
    name: "backups list",
    summary: "show each set's newest file, its age and its last drill",
    examples: ["leveredge backups list", "leveredge backups list --json"],
    run: async (context) => (await import("./list-command.ts")).runList(context),
  },
  {
    name: "backups verify",
    summary: "restore the newest backup into a throw-away cluster and compare it with its manifest",
    arguments: [{ syntax: "[set]", summary: "configured backup set; all of them when left out" }],
    options: [
      { flags: "--file <path>", summary: "a dump of no set; needs no configuration" },
      { flags: "--manifest <path>", summary: "the manifest of --file; else the one beside it" },
      { flags: "--via <command>", summary: 'for --file, client programs in a container: "docker exec -i NAME"' },
      {
        flags: "--no-file-checksum",
        summary: "do not compare the file's SHA-256; its content is compared all the same",
      },
      { flags: "--tick", summary: "for cron: a set whose due time the worker has taken already is left to it" },
    ],
    examples: [
      "leveredge backups verify",
      "leveredge backups verify chronos --json",
      "leveredge backups verify --file /var/backups/prod.dump",
    ],
    run: async (context) => (await import("./verify-command.ts")).runVerify(context),
  },
];
