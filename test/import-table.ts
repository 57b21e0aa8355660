/**
 * Who may import whom: the one table, and what breaks it. A module is a folder of
 * `src/`, a file directly in it, or a domain.
 */
import { basename, dirname } from "node:path";

import { isTest, listImports, type SourceFile } from "./source-files.ts";

const ground = ["errors", "secrets"];
const services = ["config", "system", "outbound", "cli", "http", "store", "postgres", "jobs", "events"];

const table: Record<string, readonly string[]> = {
  errors: [],
  secrets: ["errors"],
  prices: [],
  config: [...ground, "providers", "prices"],
  system: ground,
  outbound: ground,
  cli: ground,
  http: ground,
  store: [...ground, "system"],
  postgres: ground,
  jobs: [...ground, "store", "config", "events"],
  events: [...ground, "store"],
  app: [...ground, ...services],
  domain: [...ground, ...services, "app"],
  providers: [...ground, "outbound", "postgres"],
  mcp: ["errors", "cli"],
  server: [...ground, ...services, "app", "domain", "domains/hardening", "domains/identity", "domains/notifications"],
};

const forDomains = [...ground, ...services, "app", "domain", "providers", "prices"];

/** `from → to`: a domain may import the face of another along these edges alone. */
export const domainEdges: readonly (readonly [string, string])[] = [
  ["databases", "backups"],
  ["ingest", "usage"],
  ["insight", "usage"],
];

/** Their types say what a program, a domain and a command are: anyone may name them. */
const freeTypes = new Set(["src/app.ts", "src/domain.ts", "src/cli/command.ts"]);

/** Each import that the table does not allow, as `importer imports target`. Tests may import anything. */
export function findForbiddenImports(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => /^(src|sdk)\//.test(file.path) && !isTest(file) && file.path !== "src/domains.ts")
    .flatMap((file) =>
      listImports(file)
        .filter(({ target, isTypeOnly }) => !isAllowed(file.path, target, isTypeOnly))
        .map(({ target }) => `${file.path} imports ${target}`),
    );
}

/** Modules of `src/` that the table does not know. */
export function findUnknownModules(files: readonly SourceFile[]): string[] {
  const modules = files.filter(({ path }) => path.startsWith("src/")).map(({ path }) => moduleOf(path));
  return [...new Set(modules)].filter((name) => !(name in table) && !name.startsWith("domains/") && name !== "domains");
}

/** The first circle that the edges make, as its nodes; undefined when there is none. */
export function findCircle(edges: readonly (readonly [string, string])[]): string[] | undefined {
  const walk = (node: string, path: string[]): string[] | undefined => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    for (const [, next] of edges.filter(([from]) => from === node)) {
      const circle = walk(next, [...path, node]);
      if (circle !== undefined) return circle;
    }
    return undefined;
  };
  return edges.map(([from]) => walk(from, [])).find((circle) => circle !== undefined);
}

function isAllowed(importer: string, target: string, isTypeOnly: boolean): boolean {
  // A package of its own without dependencies: its own files and Node's modules.
  if (importer.startsWith("sdk/")) return target.startsWith("sdk/src/") || target.startsWith("node:");
  if (!target.includes("/") || !target.endsWith(".ts")) return true;
  if (!target.startsWith("src/")) return false;
  const [from, to] = [moduleOf(importer), moduleOf(target)];
  if (from === to || (isTypeOnly && freeTypes.has(target))) return true;
  if (from === "domain" && !isTypeOnly) return false;
  if (!from.startsWith("domains/")) return table[from]?.includes(to) ?? false;
  if (!to.startsWith("domains/")) return forDomains.includes(to);
  const isEdge = domainEdges.some(([one, other]) => `domains/${one}` === from && `domains/${other}` === to);
  return isEdge && basename(target) === `${basename(dirname(target))}.ts`;
}

/** `src/config/load.ts` → `config`, `src/app.ts` → `app`, `src/domains/backups/x.ts` → `domains/backups`. */
function moduleOf(path: string): string {
  const [, first = "", second, third] = path.split("/");
  if (second === undefined) return first.replace(/\.ts$/, "");
  return first === "domains" && third !== undefined ? `${first}/${second}` : first;
}
