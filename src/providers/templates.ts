/** Templates of requests: `{field}` and `{field?}`. Errors name the field, never its value. */
import { AppError } from "#errors.ts";

/** Plain values by field, for no longer than the call that fills templates with them. */
export type Values = Readonly<Record<string, string>>;

const placeholder = /\{([a-z][a-z0-9_]*)(\??)\}/g;
// What a header may hold (RFC 9110): visible characters, spaces and tabs.
const headerText = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The text with its fields in place; undefined when an optional field is absent. */
export function fill(template: string, values: Values): string | undefined {
  return replace(template, values, (value) => value);
}

/** For a path and its query: values are encoded, but for a path that is one whole field. */
export function fillPath(template: string, values: Values): string {
  const isWholeField = /^\{[a-z][a-z0-9_]*\??\}$/.test(template);
  return replace(template, values, isWholeField ? (value) => value : encode) ?? "";
}

/** Those items whose fields are there. */
export function fillItems(templates: Readonly<Record<string, string>>, values: Values): Record<string, string> {
  const items = Object.entries(templates).map(([name, template]) => [name, fill(template, values)] as const);
  return Object.fromEntries(items.filter((item): item is [string, string] => item[1] !== undefined));
}

/** The same for headers, whose values must be one line of Latin letters. */
export function fillHeaders(templates: Readonly<Record<string, string>>, values: Values): Record<string, string> {
  refuseUnsendable(templates, values, headerText);
  return fillItems(templates, values);
}

/** For HTTP Basic (RFC 7617): no control characters. */
export function fillBasic(templates: { user: string; password: string }, values: Values): string {
  const pair = { user: templates.user, password: templates.password };
  refuseUnsendable(pair, values, /^\P{Cc}*$/u);
  const { user = "", password = "" } = fillItems(pair, values);
  return `Basic ${Buffer.from(`${user}:${password}`, "utf8").toString("base64")}`;
}

/** A key with a line break would be refused by the service as another key is, and look dead. */
function refuseUnsendable(templates: Readonly<Record<string, string>>, values: Values, sendable: RegExp): void {
  const used = new Set(
    Object.values(templates).flatMap((template) => [...template.matchAll(placeholder)].map(([, name = ""]) => name)),
  );
  const name = [...used].find((field) => !sendable.test(values[field] ?? ""));
  if (name === undefined) return;
  throw new AppError(
    "invalid_input",
    `the field ${name} cannot be sent: it has a line break or a character that no header takes`,
    { hint: "Give it again without what came along from the clipboard." },
  );
}

/** Texts inside of a JSON value. */
export function fillJson(value: unknown, values: Values): unknown {
  if (typeof value === "string") return fill(value, values);
  if (Array.isArray(value)) return value.map((part) => fillJson(part, values));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, fillJson(part, values)]));
}

function replace(template: string, values: Values, write: (value: string, name: string) => string): string | undefined {
  let isAbsent = false;
  const text = template.replaceAll(placeholder, (_all, name: string, mark: string) => {
    const value = values[name];
    if (value !== undefined) return write(value, name);
    if (mark === "")
      throw new AppError("invalid_input", `the field ${name} is needed and absent`, {
        hint: `Give the field ${name}.`,
      });
    isAbsent = true;
    return "";
  });
  return isAbsent ? undefined : text;
}

/** `:` stays: Telegram's tokens have one and are sent in the path. */
function encode(value: string, name: string): string {
  // As a segment of a path they would lead to another address.
  if (value === "." || value === ".." || !value.isWellFormed()) {
    throw new AppError("invalid_input", `the field ${name} cannot stand in an address`, {
      hint: `Give the field ${name} again.`,
    });
  }
  return encodeURIComponent(value).replaceAll("%3A", ":");
}
