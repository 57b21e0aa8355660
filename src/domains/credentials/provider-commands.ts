/** `leveredge providers list|show|test`. */
import type { Command, CommandContext } from "#cli/command.ts";
import { createPaint } from "#cli/paint.ts";
import { formatTable } from "#cli/table.ts";
import { outcomeExit } from "#errors.ts";

export const providerCommands: Command[] = [
  {
    name: "providers list",
    summary: "show the providers whose credentials can be kept and checked",
    examples: ["leveredge providers list", "leveredge providers list --json"],
    run: runList,
  },
  {
    name: "providers show",
    summary: "show a provider's fields, its check and how its keys are rotated",
    arguments: [{ syntax: "<name>", summary: "the provider" }],
    examples: ["leveredge providers show openai"],
    run: runShow,
  },
  {
    name: "providers test",
    summary: "send made-up keys and see whether the check calls them dead",
    arguments: [{ syntax: "[name]", summary: "only this provider" }],
    examples: ["leveredge providers test openai", "leveredge providers test --json"],
    run: runTest,
  },
];

async function runList(context: CommandContext): Promise<number> {
  const app = await context.openApp();
  const { listProviders } = await import("./registry.ts");
  const { countCredentialsByProvider } = await import("./provider-queries.ts");
  const [known, counts] = await Promise.all([listProviders(app), countCredentialsByProvider(app.db)]);
  const paint = createPaint({ color: context.global.color });
  const listed = known.map(({ provider, source }) => ({
    name: provider.name,
    title: provider.title,
    type: provider.type,
    check: provider.check.kind === "none" ? "none" : provider.unproven ? "unproven" : "documented",
    source,
    credentials: counts.find(({ provider: name }) => name === provider.name)?.credentials ?? 0,
  }));
  const rows = listed.map(({ name, title, type, check, source, credentials }) => [
    name,
    title,
    type,
    check === "documented" ? check : paint.loose(check),
    source,
    credentials === 0 ? "-" : String(credentials),
  ]);
  const header = ["NAME", "SERVICE", "TYPE", "CHECK", "FROM", "CREDENTIALS"].map(paint.faint);
  context.output.data(listed, formatTable(header, rows));
  return outcomeExit.ok;
}

async function runShow(context: CommandContext): Promise<number> {
  const [name = ""] = context.arguments;
  const app = await context.openApp();
  const { requireProvider } = await import("./registry.ts");
  const { provider, source, replaces } = await requireProvider(app, name);
  const paint = createPaint({ color: context.global.color });
  const fields = Object.entries(provider.fields).map(([field, { type, required, note }]) => [
    `  ${field}`,
    type,
    required ? "required" : "optional",
    note ?? "",
  ]);
  const { check } = provider;
  const asked =
    check.kind === "http"
      ? check.steps.map(({ method, path, base_url: base }) => `  ${method} ${base ?? provider.base_url ?? ""}${path}`)
      : [`  ${check.kind === "none" ? `nothing: ${check.why}` : check.kind}`];
  const text = [
    `${paint.strong(provider.title)} (${provider.name}, ${provider.type}, ${source})`,
    ...(replaces === undefined ? [] : [paint.loose(`replaces the ${replaces} one`)]),
    "fields",
    formatTable(["  FIELD", "TYPE", "NEEDED", "NOTE"].map(paint.faint), fields),
    "asks",
    ...asked,
    `rotation: ${provider.rotation.mode}, ${provider.rotation.how}`,
    ...(provider.unproven ? [paint.loose("its check has not been seen answered by the real service yet")] : []),
    ...(provider.docs_url === undefined ? [] : [paint.faint(provider.docs_url)]),
  ];
  context.output.data({ ...provider, source, ...(replaces === undefined ? {} : { replaces }) }, text.join("\n"));
  return outcomeExit.ok;
}

/** Drift when a service did not answer as its definition expects; what could not be reached proves nothing. */
async function runTest(context: CommandContext): Promise<number> {
  const app = await context.openApp();
  const { listProviders, requireProvider } = await import("./registry.ts");
  const { runNegativeControl } = await import("#providers/negative-control.ts");
  const { withCheckTools } = await import("./sweep.ts");
  const [name] = context.arguments;
  const known = name === undefined ? await listProviders(app) : [await requireProvider(app, name)];
  const controls = await withCheckTools(app, async (tools) => {
    const results = [];
    for (const { provider } of known) {
      if (provider.negative_control === undefined) continue;
      if (context.output.live) context.output.say(`… ${provider.name}`);
      results.push(await runNegativeControl(tools, provider, { signal: context.signal }));
    }
    return results;
  });
  const paint = createPaint({ color: context.global.color });
  const rows = controls.map(({ provider, expected, got, agrees, detail }) => [
    provider,
    expected,
    agrees === null ? paint.loose(got) : agrees ? paint.good(got) : paint.bad(got),
    agrees === null ? "not reached" : agrees ? "as expected" : "OTHERWISE",
    detail,
  ]);
  const header = ["PROVIDER", "EXPECTED", "ANSWER", "", "DETAIL"].map(paint.faint);
  context.output.data(controls, controls.length === 0 ? "nothing can be tried" : formatTable(header, rows));
  if (controls.some(({ agrees }) => agrees === false)) return outcomeExit.drift;
  return controls.every(({ agrees }) => agrees === null) ? outcomeExit.blocked : outcomeExit.ok;
}
