/** Five-field cron lines: only what every cron understands, so that a schedule means the same everywhere. */

const monthNames = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");
const dayNames = "sun mon tue wed thu fri sat".split(" ");

const fields: { min: number; max: number; names: string[] }[] = [
  { min: 0, max: 59, names: [] },
  { min: 0, max: 23, names: [] },
  { min: 1, max: 31, names: [] },
  { min: 1, max: 12, names: monthNames },
  { min: 0, max: 7, names: dayNames },
];

/** Whether the text is minute, hour, day, month and weekday, each within its range. */
export function isCron(text: string): boolean {
  const parts = text.trim().split(/\s+/);
  if (parts.length !== fields.length) return false;
  return fields.every((field, index) => (parts[index] ?? "").split(",").every((item) => isItem(item, field)));
}

function isItem(item: string, field: { min: number; max: number; names: string[] }): boolean {
  const [, range = "", step] = /^([^/]+)(?:\/([1-9][0-9]{0,2}))?$/.exec(item) ?? [];
  if (range === "*") return true;
  const [, first, last] = /^([a-z0-9]+)(?:-([a-z0-9]+))?$/.exec(range.toLowerCase()) ?? [];
  if (first === undefined || (step !== undefined && last === undefined)) return false;
  const low = readNumber(first, field);
  const high = last === undefined ? low : readNumber(last, field);
  return low >= field.min && high <= field.max && low <= high;
}

function readNumber(text: string, field: { min: number; names: string[] }): number {
  const name = field.names.indexOf(text);
  if (name !== -1) return name + field.min;
  return /^[0-9]{1,2}$/.test(text) ? Number(text) : Number.NaN;
}
