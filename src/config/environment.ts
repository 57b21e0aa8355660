/**
 * The environment this program was started with. No other module reads
 * `process.env`, so that what it depends on can be found by its callers.
 */

/** The variable's value; one that is empty counts as not set, as in most shells' habits. */
export function readVariable(name: string): string | undefined {
  const value = process.env[name];
  return value === undefined || value === "" ? undefined : value;
}
