/** What a single text of a definition can have wrong: an address that leads nowhere good, a path, a brace, a sign that no row takes. */
import { findPrivateRefusal, readAddress } from "#outbound/address.ts";

/** Where it stands in the definition, and what was expected there. */
export type DefinitionFault = { path: PropertyKey[]; message: string };

export type Place = { path: PropertyKey[]; name: string };

/** Wider than what is filled in: `{apiKey}` would be sent as it stands, and be refused as a wrong key. */
export const namePattern = /\{([\w-]+)\??\}/g;

const address = "https://HOST, without user, space, backslash or #";

/** Of the URL that requests begin with. Its host may be of plain fields; a private one needs `outside:` when it is asked. */
export function listAddressFaults(template: string, place: Place): DefinitionFault[] {
  const text = template.replace(/^\{\w+\??\}(?=\/|$)/, "https://x").replaceAll(namePattern, "x");
  return isAddress(text) ? [] : [fault(place, address)];
}

function isAddress(text: string): boolean {
  if (!/^https?:\/\/[^/?\s\\#]/i.test(text) || /[\s\p{Cc}\\#]/u.test(text) || !URL.canParse(text)) return false;
  const { username, password, hostname } = new URL(text);
  const literal = readAddress(hostname);
  return username === "" && password === "" && (literal === undefined || findPrivateRefusal(literal) === undefined);
}

/** A path of another beginning would lead to another host: `@evil.example`. */
export function listPathFaults(template: string, place: Place): DefinitionFault[] {
  if (template === "" || /^\{\w+\??\}$/.test(template) || /^\/[^\s\p{Cc}\\#]*$/u.test(template)) return [];
  return [fault(place, "a path that begins with /, without space, backslash or #; or one {field}")];
}

/** Secret fields in what is looked up by name, kept as origin and shown. */
export function listSecretsInAddress(template: string, secrets: ReadonlySet<string>, place: Place): DefinitionFault[] {
  return [...template.matchAll(namePattern)].flatMap(([, name = ""]) =>
    secrets.has(name)
      ? [fault(place, `an address without secret fields: ${name} would be looked up by name and kept in clear`)]
      : [],
  );
}

const broken = "each brace part of {field} or {field?}: any other would be sent as it stands";

/** A good key behind `Bearer {api_key` would be called invalid. */
export function listBrokenBraces(template: string, place: Place): DefinitionFault[] {
  return /[{}]/.test(template.replaceAll(namePattern, "")) ? [fault(place, broken)] : [];
}

/** The same where braces are also the language of the body (GraphQL): only before a name that is known. */
export function listBrokenFields(template: string, known: ReadonlySet<string>, place: Place): DefinitionFault[] {
  const openings = template.replaceAll(namePattern, "").matchAll(/\{\s*(\w+)/g);
  return [...openings].some(([, name = ""]) => known.has(name)) ? [fault(place, broken)] : [];
}

/** A note is shown as it is. */
export function listNoteFaults(note: string | undefined, place: Place): DefinitionFault[] {
  return note !== undefined && /[{}]/.test(note) ? [fault(place, "words without braces: a note is no template")] : [];
}

/** NUL and its like, in the texts and names of a value, however deep. */
export function listControlCharacters(value: unknown, place: Place): DefinitionFault[] {
  return listTexts(value, place).flatMap(({ text, place: at }) =>
    /[^\P{Cc}\t\n]/u.test(`${text}${at.path.join("")}`) ? [fault(at, "text without control characters")] : [],
  );
}

/** Every text of a value, however deep, with its place. */
export function listTexts(value: unknown, place: Place): { text: string; place: Place }[] {
  if (typeof value === "string") return [{ text: value, place }];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) =>
    listTexts(part, { ...place, path: [...place.path, Array.isArray(value) ? Number(key) : key] }),
  );
}

function fault({ path, name }: Place, expected: string): DefinitionFault {
  return { path, message: `${expected} (${name})` };
}
