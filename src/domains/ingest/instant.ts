/**
 * Times without a zone. They are the platform's, except that a client which says now in
 * UTC (`datetime.utcnow().isoformat()`) is understood: where only UTC makes it now.
 */
import { AppError } from "#errors.ts";

const nowMs = 5 * 60_000;
const shape = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?)\s*(Z|UTC|[+-]\d{2}(?::?\d{2})?)?$/i;
const longest = 40;

const formats = new Map<string, Intl.DateTimeFormat>();

/** The instant as ISO in UTC, to the microsecond. Throws `invalid_input` for what is no time. */
export function readInstant(text: string, { timezone, now }: { timezone: string; now: Date }): string {
  const [, date, time = "", offset] = (text.length <= longest ? shape.exec(text.trim()) : null) ?? [];
  if (date === undefined) throw noInstant(text);
  const [clock = "", fraction = ""] = time.replace(",", ".").split(".");
  const wall = Date.parse(`${date}T${clock.length === 5 ? `${clock}:00` : clock}Z`);
  if (Number.isNaN(wall) || !new Date(wall).toISOString().startsWith(date)) throw noInstant(text);
  const ms = offset === undefined ? placeWall(wall, { timezone, now }) : wall - readOffset(offset);
  const seconds = new Date(ms).toISOString().slice(0, 19);
  return `${seconds}.${fraction.slice(0, 6).padEnd(3, "0")}Z`;
}

function placeWall(wall: number, { timezone, now }: { timezone: string; now: Date }): number {
  const placed = placeIn(wall, timezone);
  const isNow = (ms: number): boolean => Math.abs(ms - now.getTime()) <= nowMs;
  return isNow(wall) && !isNow(placed) ? wall : placed;
}

/** Of an hour that there is twice the second, and one that there is not as if the clock had not been changed: as PostgreSQL has it. */
function placeIn(wall: number, timezone: string): number {
  const before = wall - offsetAt(wall - 24 * 3_600_000, timezone);
  const after = wall - offsetAt(wall + 24 * 3_600_000, timezone);
  return [after, before].find((ms) => ms + offsetAt(ms, timezone) === wall) ?? before;
}

/** How far the zone's clock is ahead of UTC. */
function offsetAt(ms: number, timezone: string): number {
  const format =
    formats.get(timezone) ??
    new Intl.DateTimeFormat("en-US", { timeZone: timezone, timeZoneName: "longOffset", hour: "numeric" });
  formats.set(timezone, format);
  const name = format.formatToParts(ms).find(({ type }) => type === "timeZoneName")?.value ?? "GMT";
  return readOffset(name.replace("GMT", "") || "Z");
}

/** `+02:00`, `+0200`, `+02`, `Z`. */
function readOffset(text: string): number {
  const [, sign, hours = "0", minutes = "0"] = /^([+-])(\d{2}):?(\d{2})?/.exec(text) ?? [];
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

function noInstant(text: string): AppError {
  const shown = text.length <= longest ? JSON.stringify(text) : "a text of that length";
  return new AppError("invalid_input", `created_at: ${shown} is no time such as 2026-01-31T16:00:00Z`);
}
