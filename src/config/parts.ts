/**
 * Parts of the configuration that this version reads and checks, but acts on only
 * once their section is built. They are said, so that nobody takes a configured
 * part for a working one.
 */
import type { Config } from "./schema.ts";

export type UnbuiltPart = {
  /** The key in leveredge.yaml: `backups`. */
  part: string;
  /** What will act on it, to be read after "this version has no": `section 2, Cloudflare Access`. */
  feature: string;
};

const unbuilt: (UnbuiltPart & { isConfigured: (config: Config) => boolean })[] = [
  { part: "n8n", feature: "section 6, dev credentials", isConfigured: ({ n8n }) => n8n.length > 0 },
  { part: "access", feature: "section 2, Cloudflare Access", isConfigured: ({ access }) => access !== undefined },
  { part: "agents", feature: "section 7, systemd services", isConfigured: ({ agents }) => agents.length > 0 },
  { part: "repositories", feature: "section 4, GitHub", isConfigured: ({ repositories }) => repositories.length > 0 },
];

/** The configured parts that nothing acts on yet, in the order of the schema. */
export function listUnbuiltParts(config: Config): UnbuiltPart[] {
  return unbuilt.filter(({ isConfigured }) => isConfigured(config)).map(({ part, feature }) => ({ part, feature }));
}
