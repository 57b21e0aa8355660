import type { Command, CommandContext } from "#cli/command.ts";
import { readPort } from "#config/port.ts";
import type { Domain } from "#domain.ts";
import { outcomeExit } from "#errors.ts";

import type { ServerParts } from "../open-app.ts";

/** `leveredge serve`: the API, the worker that keeps the schedules, and the listener of HERMES. */
export function serveCommand(domains: readonly Domain[]): Command {
  return {
    name: "serve",
    summary: "answer the API on loopback, keep the schedules and deliver messages, until it is stopped",
    options: [{ flags: "--port <port>", summary: "where to listen; else serve.port of the configuration, 8020" }],
    examples: ["leveredge serve", "leveredge serve --port 8021"],
    run: (context) => runServe(context, domains),
  };
}

async function runServe(context: CommandContext, domains: readonly Domain[]): Promise<number> {
  const { openServerApp } = await import("../open-app.ts");
  const port = readPort(context.options["port"], { least: 0 });
  const parts = await openServerApp(context.global, context.signal);
  try {
    await serveUntilStopped(context, domains, { ...parts, port });
    return outcomeExit.ok;
  } finally {
    await parts.app.close();
  }
}

/** Serves and says where; at the first start of a store also the first admin's token, once. */
export async function serveUntilStopped(
  { output, global }: Pick<CommandContext, "output" | "global">,
  domains: readonly Domain[],
  { app, ownerUrl, revive, port }: ServerParts & { port: number | undefined },
): Promise<void> {
  const { ensureFirstAdmin } = await import("#domains/identity/identity.ts");
  const { serve } = await import("#server/serve.ts");
  await serve(app, domains, {
    port: port ?? app.config.serve.port,
    ownerUrl,
    revive,
    logTo: process.stderr,
    onReady: async ({ url, hermes }) => {
      // Where nobody would see it no token is made: a later start makes it.
      const first = global.quiet || global.json ? undefined : await ensureFirstAdmin(app);
      const address = url.replace("127.0.0.1", "localhost");
      output.say("");
      output.say(`LeverEdge serves ${app.config.platform.name} at ${address}; Ctrl-C ends it`);
      output.say(`  the API and how to call it    ${address}/docs`);
      output.say("  a link to sign in             leveredge sign-in");
      if (hermes === "listening") output.say("  HERMES takes messages         POST http://127.0.0.1:8014/notify");
      if (hermes === "forwarding") output.say("  HERMES answers on port 8014   messages go through it");
      if (hermes === "taken")
        output.say("  HERMES is off: another program has port 8014 (looked at again every minute)");
      if (first === undefined) return;
      output.say("  the first admin's API token, shown this once:");
      output.data(undefined, `    ${first.token.reveal()}`);
      output.say("  another one                   leveredge tokens create --user admin --name NAME");
    },
  });
}
