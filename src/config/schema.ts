/**
 * leveredge.yaml as one Zod schema: what is read, the published JSON Schema and
 * the static type. Every object is strict: an unknown key is a fault. Secrets
 * never stand in the file, only references to them.
 *
 * The `error` of each part completes the sentence "expected …": faults are
 * written with it, for a wrong value and for a missing one.
 */
import { z } from "zod";

import { PriceOverride } from "#prices/overrides.ts";
import { Provider } from "#providers/provider.ts";

import { isCron } from "./cron.ts";
import { parseReference } from "./references.ts";
import { parseTableName } from "./table-name.ts";

/** What a fault says where a reference belongs: a value that stands there instead may be a secret and is never shown. */
export const referenceExpected = "a reference: env:NAME, file:PATH or vault:CREDENTIAL/FIELD (never the secret itself)";

/** `env:NAME`, `file:PATH` or `vault:CREDENTIAL/FIELD`. */
const Reference = z
  .string({ error: referenceExpected })
  .regex(/^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|vault:[^/\s]+\/[^/\s]+)$/, { error: referenceExpected, abort: true })
  .refine((text) => parseReference(text) !== undefined, { error: referenceExpected })
  .describe("Where a secret is found: env:NAME, file:PATH or vault:CREDENTIAL/FIELD");

const tableExpected = 'schema.table (lower case, or quoted as in SQL: public."My Table")';

/** `table` or `schema.table`; a name with other characters stands in double quotes as in SQL. */
const TableName = z
  .string({ error: tableExpected })
  .refine((text) => parseTableName(text) !== undefined, { error: tableExpected })
  .describe(
    'schema.table; without a schema, public. Other than lower-case names are quoted as in SQL: public."My Table"',
  );

const text = some("some text");
const name = matching(/^[A-Za-z][A-Za-z0-9_-]{0,62}$/, "a name: a letter, then letters, digits, - or _");
const absolutePath = matching(/^\/(?!.*(^|\/)\.\.(\/|$))[^\x00-\x1f]*$/, "an absolute path without ..");
const duration = matching(/^[1-9][0-9]{0,8}(s|m|h|d)$/, "a duration such as 30m, 24h or 7d");
const email = z.email({ error: "an e-mail address" });
const url = z.url({ protocol: /^https?$/, error: "an http or https URL" });
const environment = z.enum(["dev", "prod", "shared"], { error: "dev, prod or shared" });
const truth = z.boolean({ error: "true or false" });

const cronExpected = "five cron fields (minute hour day month weekday), for example 0 3 * * *";
const cron = matching(/^(\S+\s+){4}\S+$/, cronExpected)
  .refine(isCron, { error: cronExpected })
  .describe("Cron: minute hour day month weekday, in the platform's time zone");

/** What an action on a database may cost; each must be allowed by name. */
export const Hazard = z.enum(
  ["data-loss", "lock", "rewrite", "index-rebuild", "privilege", "endpoint-copied", "ahead"],
  { error: "a hazard: data-loss, lock, rewrite, index-rebuild, privilege, endpoint-copied or ahead" },
);
export type Hazard = z.output<typeof Hazard>;

const Database = z.strictObject({
  database: Reference.describe("Connection URL of the PostgreSQL database"),
  via: text.optional().describe('Prefix for client programs that run in a container: "docker exec -i supabase-db"'),
});

const N8n = z.strictObject({
  name,
  environment,
  url,
  api_key: Reference,
  database: Reference.optional(),
  container: text.optional(),
});

const ReferenceTable = z.strictObject({
  table: TableName,
  omit: z.array(text).default([]).describe("Columns that are not copied; dev keeps its own values"),
  delete: truth.default(false).describe("Also delete rows that are not in the source"),
});
export type ReferenceTable = z.output<typeof ReferenceTable>;

const Mirror = z.strictObject({
  from: name.default("prod"),
  to: name.default("dev"),
  reference_tables: z
    .array(ReferenceTable)
    .default([])
    .describe("Tables whose rows are mirrored; rows of all others never are"),
  never_copy: z
    .array(TableName)
    .default([])
    .describe("Tables whose rows must never travel, even when listed by mistake"),
  allow: z
    .array(Hazard)
    .default([])
    .describe("Hazards that may happen unattended; others block the step and name the flag"),
  dev_only: z
    .enum(["keep", "drop"], { error: "keep or drop" })
    .default("keep")
    .describe("What becomes of whole objects that only dev has"),
  schedule: cron.optional(),
});

const Migrations = z.strictObject({
  directory: absolutePath.describe("Where NNNN_noun.sql files lie"),
  table: TableName.default("public.schema_migrations"),
});

const Backup = z.strictObject({
  name,
  environment,
  directory: absolutePath,
  pattern: text.describe("Which files of the directory are backups: *.dump"),
  max_age: duration.default("24h"),
  schedule: cron.optional(),
  via: text.optional(),
});

const AccessApplication = z.strictObject({
  name: text,
  policy: text,
  domain: text,
  session: duration.default("24h"),
  upstream: text,
  public_paths: z.array(matching(/^\//, "a path that begins with /")).default([]),
  allow: z.strictObject({ emails: z.array(email).default([]), email_domains: z.array(text).default([]) }),
});

const Access = z.strictObject({
  team: text,
  account: Reference.optional(),
  api_token: Reference.optional(),
  container: text.optional().describe("Container that Caddy runs in"),
  applications: z.array(AccessApplication).default([]),
});

const Agent = z.strictObject({
  name,
  dir: text,
  module: text,
  port: z.int({ error: "a port" }).min(1, { error: "a port: 1 to 65535" }).max(65535, { error: "a port: 1 to 65535" }),
  llm: truth.default(false).describe("Whether it calls language models"),
});

const Repository = z.strictObject({
  name: text,
  url: text.describe("As git takes it: git@github.com:owner/name.git"),
  environment,
  purpose: text.optional(),
});

const severity = z.enum(["high", "normal", "low"], { error: "high, normal or low" });
const channelName = z.enum(["telegram", "slack", "discord", "ntfy", "email", "webhook", "file"], {
  error: "a channel: telegram, slack, discord, ntfy, email, webhook or file",
});
const clockTime = matching(/^([01][0-9]|2[0-3]):[0-5][0-9]$/, 'a time of day in quotes, such as "22:00"');

const Notifications = z.strictObject({
  channels: z
    .strictObject({
      telegram: z.strictObject({ bot_token: Reference, chat_id: some('text, in quotes: "12345"') }).optional(),
      slack: z.strictObject({ webhook_url: Reference }).optional(),
      discord: z.strictObject({ webhook_url: Reference }).optional(),
      ntfy: z.strictObject({ url, topic: text, token: Reference.optional() }).optional(),
      email: z.strictObject({ smtp_url: Reference, from: email, to: z.array(email).min(1) }).optional(),
      webhook: z.strictObject({ url, secret: Reference }).optional(),
      file: z.strictObject({ path: absolutePath }).optional(),
    })
    .default({}),
  rules: z
    .array(
      z.strictObject({
        severity: z.array(severity).min(1, { error: "at least one of high, normal, low" }).default(["high", "normal"]),
        sections: z.array(z.int({ error: "a section's number" })).optional(),
        channels: z.array(channelName).min(1, { error: "at least one channel" }),
      }),
    )
    .optional()
    .describe("Which message goes where; without rules, high and normal ones go to every channel"),
  quiet_hours: z
    .strictObject({ from: clockTime, to: clockTime, except: z.array(severity).default(["high"]) })
    .optional()
    .describe("When messages wait, in the platform's time zone; those of the severities in except do not"),
  fallback: channelName
    .optional()
    .describe("Channel that gets what POST /notify addresses to a channel that is not configured"),
  listen: truth
    .default(false)
    .describe("Answer POST http://127.0.0.1:8014/notify without a token; where a HERMES answers there, forward to it"),
});

const Serve = z.strictObject({
  port: z
    .int({ error: "a port" })
    .min(0, { error: "a port: 0 to 65535" })
    .max(65535, { error: "a port: 0 to 65535" })
    .default(8020),
  public_url: url.optional().describe("Where people reach the server through a proxy: links and cookies use it"),
});

const Knowledge = z.strictObject({
  database: Reference.describe("Connection URL of the database that has the platform's own table"),
  table: TableName.default("public.aria_knowledge"),
  columns: z
    .strictObject({
      title: text.default("title"),
      content: text.default("content"),
      category: text.optional(),
      source: text.default("source").describe("Gets leveredge:event:N:STORE, by which a second write is recognised"),
      created_at: text.optional(),
    })
    .default({ title: "title", content: "content", source: "source" }),
});

const Usage = z.strictObject({
  retention: duration.default("400d").describe("How long single calls are kept; sums by day stay"),
  prices: z.array(PriceOverride).default([]).describe("Prices of one's own: they go before those that LeverEdge knows"),
});

/** Base URL of an outside service: a proxy, a self-hosted twin, a test server. Exact scheme://host:port. */
const Outside = z
  .record(
    z.string(),
    z.strictObject({
      url: matching(
        /^(?:https?|postgres|smtp):\/\/(\[[0-9A-Fa-f:.]+\]|[^/:@?#[\]\s]+):[0-9]{1,5}$/,
        "exactly scheme://host:port",
      ).refine((candidate) => URL.canParse(candidate), { error: "exactly scheme://host:port" }),
      allow_private: truth.default(false).describe("Needed when the address is private or loopback"),
    }),
  )
  .default({});

const Platform = z.strictObject({
  name: text,
  root: absolutePath.describe("The platform's checkout: scripts, documents and LOOSE-ENDS.md are written under it"),
  timezone: some("an IANA time zone such as America/Los_Angeles")
    .refine(isTimeZone, { error: "an IANA time zone such as America/Los_Angeles" })
    .default("UTC"),
});

export const Config = z.strictObject({
  platform: Platform,
  environments: z
    .strictObject({ dev: Database.optional(), prod: Database.optional() })
    .default({})
    .describe("The platform's two databases"),
  n8n: z.array(N8n).default([]).describe("n8n instances, any number"),
  mirror: Mirror.optional().describe("Makes dev's schema and reference rows equal to prod's"),
  migrations: Migrations.optional().describe("The platform's own numbered SQL files"),
  backups: z.array(Backup).default([]).describe("Backup sets whose newest file is restored as proof"),
  access: Access.optional().describe("Cloudflare Access in front of the platform"),
  agents: z.array(Agent).default([]).describe("Long-running programs of the platform"),
  repositories: z.array(Repository).default([]).describe("Git repositories of the platform"),
  providers: z
    .array(Provider)
    .default([])
    .describe("Providers of the platform's own, in the form of the built-in ones"),
  notifications: Notifications.optional().describe("Where messages for people go"),
  serve: Serve.prefault({}).describe("The HTTP server, on loopback"),
  knowledge: Knowledge.optional().describe("An aria_knowledge table of the platform's own that entries are added to"),
  usage: Usage.optional().describe("The ledger of calls to language models"),
  harden: z
    .strictObject({ schedule: cron.optional() })
    .optional()
    .describe("When to plan a run and report what came loose"),
  outside: Outside.describe("Base URLs of outside services: a proxy, a self-hosted twin"),
});
export type Config = z.output<typeof Config>;

function some(expected: string): z.ZodString {
  return z.string({ error: expected }).min(1, { error: expected });
}

function matching(pattern: RegExp, expected: string): z.ZodString {
  return z.string({ error: expected }).regex(pattern, { error: expected, abort: true });
}

function isTimeZone(candidate: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: candidate }).resolvedOptions().timeZone !== "";
  } catch {
    // Intl throws RangeError for an unknown zone: that is the answer.
    return false;
  }
}
