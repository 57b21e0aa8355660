/** Health of the credentials by what is stored: reads only, asks no provider. */
import type { App } from "#app.ts";
import { findNearest } from "#config/nearest.ts";
import type { Check } from "#domain.ts";

import { listFindings } from "./findings.ts";
import { listCredentials } from "./queries.ts";
import { findDefinitionFault, type KnownProvider, listProviders } from "./registry.ts";

const states = { high: "failed", medium: "loose", low: "unknown" } as const;

/** Of the names under `outside`, those of the channels; all others are providers. */
const channelServices = ["discord", "ntfy", "slack", "telegram", "webhook"];

/** What is odd in the definitions and in `outside`: nothing is refused for it, and nobody should have to guess. */
export async function checkRegistry(app: Pick<App, "config" | "db">): Promise<Check[]> {
  const known = await listProviders(app);
  const names = [...known.map(({ provider }) => provider.name), ...channelServices];
  const unknown = Object.keys(app.config.outside).filter((name) => !names.includes(name));
  return [
    ...known.flatMap(checkDefinition),
    ...unknown.map((name) => {
      const nearest = findNearest(name, names);
      const words = "no provider and no channel has that name: nothing goes there";
      return {
        subject: `outside ${name}`,
        state: "loose" as const,
        detail: nearest === undefined ? words : `${words}; nearest: ${nearest}`,
        remedy: "mend or take away the entry under outside in leveredge.yaml",
      };
    }),
  ];
}

function checkDefinition({ provider, source, replaces }: KnownProvider): Check[] {
  const subject = `provider ${provider.name}`;
  if (replaces !== undefined) {
    const remedy = "give it another name under providers in leveredge.yaml, unless that is meant";
    return [
      { subject, state: "loose", detail: `the definition in leveredge.yaml replaces the ${replaces} one`, remedy },
    ];
  }
  const fault = source === "api" ? findDefinitionFault(provider) : undefined;
  if (fault === undefined) return [];
  return [
    {
      subject,
      state: "loose",
      detail: `its definition is refused: ${fault}`,
      remedy: "POST /providers with it mended",
    },
  ];
}

/** One answer for each finding, and one for all when there is none. */
export async function checkCredentials(app: Pick<App, "db" | "now">): Promise<Check[]> {
  const credentials = await listCredentials(app.db);
  if (credentials.length === 0) return [];
  const findings = await listFindings(app);
  if (findings.length === 0) {
    return [
      {
        subject: "credentials",
        state: "ok",
        detail: `${credentials.length} credentials, and nothing amiss by their last checks`,
      },
    ];
  }
  return findings.map(({ subject, severity, text, remedy }) => ({
    subject,
    state: states[severity],
    detail: text,
    remedy,
  }));
}
