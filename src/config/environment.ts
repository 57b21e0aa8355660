/**
 * The environment this program was started with. No other module reads
 * `process.env`, so that what it depends on can be found by its callers.
 */

/** The variable's value; one that is empty counts as not set, as in most shells' habits. */
export function readVariable(name: string): string | undefined {
  const value = process.env[name];
  return value === undefined || value === "" ? undefined : value;
}

/** What a program that is run for the user gets of it: all but what is this program's own, its unseal key above all. */
export function inheritedEnvironment(): Record<string, string> {
  const [, keyVariable] = /^env:(.+)$/.exec(readVariable("LEVEREDGE_UNSEAL_KEY") ?? "") ?? [];
  const isOwn = (name: string): boolean =>
    name.startsWith("LEVEREDGE_") || name === "DATABASE_URL" || name === keyVariable;
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined || isOwn(name) ? [] : [[name, value]])),
  );
}
