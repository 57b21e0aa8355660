/** What came from outside, looked at one step at a time: a shape that is not there is empty, never an error. */

export function asObject(value: unknown): Record<string, unknown> {
  // An object's keys are text.
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
