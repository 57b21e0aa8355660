/** `leveredge credentials`: what there is to be done with a credential. No secret stands on a command line. */
import type { Command, Option } from "#cli/command.ts";

const name = { syntax: "<name>", summary: "the credential" };
const environments = ["dev", "prod", "shared"];

/** How a value reaches the program. */
const valueOptions: Option[] = [
  { flags: "--field <field=value>", summary: "a field that is no secret; may be given again", isList: true },
  { flags: "--from-file <field=path>", summary: "a field from a file; may be given again", isList: true },
  { flags: "--stdin <field>", summary: "a field from stdin, all of it" },
  { flags: "--expires <date>", summary: "when the value ends, where the provider does not tell it" },
];

/** Where the provider's API makes and ends keys. */
const rotationOptions: Option[] = [
  { flags: "--by-provider", summary: "have the provider make the new key, and end the old one; also goes on with it" },
  {
    flags: "--with <credential>",
    summary: "the credential that may make and revoke keys, where the key itself may not",
  },
  { flags: "--grace <time>", summary: "how long the old key lives after the switch: 30m, 24h, 7d (default 24h)" },
  { flags: "--old-unused", summary: "nobody uses the old key any more: revoke it now" },
  { flags: "--give-up", summary: "end a rotation that cannot go on" },
];

export const credentialCommands: Command[] = [
  {
    name: "credentials add",
    summary: "seal a credential; its secrets are asked for, or come from files or stdin",
    arguments: [{ syntax: "<name>", summary: "letters, digits, . _ and -; references say vault:NAME/FIELD" }],
    options: [
      { flags: "--provider <provider>", summary: "whose it is: leveredge providers list" },
      { flags: "--environment <environment>", summary: "where it belongs (default prod)", choices: environments },
      ...valueOptions,
      { flags: "--rotation-days <days>", summary: "remind to replace it after so many days (default 90)" },
      { flags: "--note <text>", summary: "what it is for" },
    ],
    examples: [
      "leveredge credentials add openai-prod --provider openai",
      "leveredge credentials add aws-prod --provider aws --field access_key_id=AKIA… --from-file secret_access_key=key.txt",
      "leveredge credentials add telegram --provider telegram --stdin bot_token < token.txt",
    ],
    run: async (context) => (await import("./write-commands.ts")).runAdd(context),
  },
  {
    name: "credentials list",
    summary: "show the credentials and what their last checks said",
    options: [{ flags: "--provider <provider>", summary: "only those of one provider" }],
    examples: ["leveredge credentials list", "leveredge credentials list --provider openai --json"],
    run: async (context) => (await import("./read-commands.ts")).runList(context),
  },
  {
    name: "credentials show",
    summary: "show a credential's versions, its last checks and who has the same value; never the value",
    arguments: [name],
    examples: ["leveredge credentials show openai-prod"],
    run: async (context) => (await import("./read-commands.ts")).runShow(context),
  },
  {
    name: "credentials reveal",
    summary: "print one field in clear; that it was printed is recorded first",
    arguments: [name, { syntax: "<field>", summary: "the field" }],
    examples: ["leveredge credentials reveal openai-prod api_key"],
    run: async (context) => (await import("./read-commands.ts")).runReveal(context),
  },
  {
    name: "credentials rotate",
    summary: "give a credential a new value, by hand or by its provider's API; the old one can be gone back to",
    arguments: [name],
    options: [...valueOptions, ...rotationOptions],
    examples: [
      "leveredge credentials rotate openai-prod",
      "leveredge credentials rotate openai-prod < new-key.txt",
      "leveredge credentials rotate openrouter-prod --by-provider --with openrouter-management --grace 24h",
    ],
    run: async (context) => {
      const { isByProvider, runRotation } = await import("./rotation-command.ts");
      return isByProvider(context) ? runRotation(context) : (await import("./write-commands.ts")).runRotate(context);
    },
  },
  {
    name: "credentials change",
    summary: "change what is told about a credential: when it ends, when to remind, what it is for",
    arguments: [name],
    options: [
      { flags: "--expires <date>", summary: "when the value ends, where the provider does not tell it; or none" },
      { flags: "--rotation-days <days>", summary: "remind to replace it after so many days" },
      { flags: "--note <text>", summary: "what it is for" },
    ],
    examples: ["leveredge credentials change openai-prod --expires 2027-01-31"],
    run: async (context) => (await import("./change-command.ts")).runChange(context),
  },
  {
    name: "credentials rollback",
    summary: "make an earlier value the current one again",
    arguments: [name],
    options: [{ flags: "--to <version>", summary: "which (default: the one before)" }],
    examples: ["leveredge credentials rollback openai-prod", "leveredge credentials rollback openai-prod --to 3"],
    run: async (context) => (await import("./write-commands.ts")).runRollBack(context),
  },
  {
    name: "credentials rebind",
    summary: "allow a value to be sent where the configuration leads it now",
    arguments: [name],
    options: [{ flags: "--yes", summary: "do not ask" }],
    examples: ["leveredge credentials rebind openai-prod"],
    run: async (context) => (await import("./write-commands.ts")).runRebind(context),
  },
  {
    name: "credentials remove",
    summary: "remove a credential with all of its versions",
    arguments: [name],
    options: [{ flags: "--yes", summary: "do not ask" }],
    examples: ["leveredge credentials remove openai-old --yes"],
    run: async (context) => (await import("./write-commands.ts")).runRemove(context),
  },
  {
    name: "credentials import",
    summary: "seal what a .env file, n8n's decrypted export or a bundle holds; names that are there stay",
    arguments: [{ syntax: "<file>", summary: ".env, n8n export:credentials --all --decrypted, or what export wrote" }],
    options: [
      { flags: "--environment <environment>", summary: "where they belong (default prod)", choices: environments },
      { flags: "--identity <file>", summary: "the age identity that opens a bundle" },
      { flags: "--dry-run", summary: "only say what would be sealed" },
    ],
    examples: [
      "leveredge credentials import .env --dry-run",
      "leveredge credentials import credentials.age --identity identity.txt",
    ],
    run: async (context) => (await import("./import-command.ts")).runImport(context),
  },
  {
    name: "credentials export",
    summary: "write all values as an age file; each is recorded as exported",
    options: [
      { flags: "--recipient <age1>", summary: "who may open it; may be given again", isList: true },
      { flags: "--out <file>", summary: "where it goes; it must not exist" },
    ],
    examples: ["leveredge credentials export --recipient age1… --out credentials.age"],
    run: async (context) => (await import("./export-command.ts")).runExport(context),
  },
  {
    name: "credentials run",
    summary: "run a program with credentials in its environment; its exit code is this one's",
    arguments: [{ syntax: "[command...]", summary: "the program and its arguments, after --" }],
    options: [
      { flags: "--only <names>", summary: "these credentials, by commas (default: all)" },
      { flags: "--env-map <name/field=variable>", summary: "under another name; may be given again", isList: true },
    ],
    examples: [
      "leveredge credentials run --only openai-prod -- node agent.js",
      "leveredge credentials run --env-map openai-prod/api_key=OPENAI_API_KEY -- node agent.js",
    ],
    run: async (context) => (await import("./run-command.ts")).runWithCredentials(context),
  },
];
