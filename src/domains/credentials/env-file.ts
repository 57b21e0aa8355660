/**
 * A .env file, line by line. What shells and libraries read in different ways is a
 * fault of its line and no value: an open quote, a name twice, a reference to another
 * variable. Pure; no fault repeats what stands in the line.
 */
export type EnvFile = {
  variables: { name: string; value: string; line: number }[];
  faults: { line: number; why: string }[];
};

const assignment = /^\s*(?:export\s+)?(?<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?<rest>.*)$/;
/** Begins another variable, also within an open quote. A line of base64 may end with `=`, and is not written like this. */
const nextVariable = /^\s*(?:export\s+)?[A-Z][A-Z0-9_]*\s*=(?!=|\s*$)/;
const reference = /\$(?:\{|[A-Za-z_])/;
const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\" };

/** Names come once: of one that comes twice with two values there is none. */
export function readEnvLines(text: string): EnvFile {
  const lines = text.split(/\r?\n/);
  const file: EnvFile = { variables: [], faults: [] };
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? "";
    if (/^\s*(?:#|$)/.test(line)) continue;
    const { name, rest = "" } = assignment.exec(line)?.groups ?? {};
    const number = index + 1;
    if (name === undefined) {
      file.faults.push({ line: number, why: "it is no NAME=value" });
      continue;
    }
    const read = readValue(rest, lines.slice(index + 1));
    if (typeof read === "string") file.faults.push({ line: number, why: read });
    else {
      file.variables.push({ name, value: read.value, line: number });
      index += read.moreLines;
    }
  }
  return withoutContradictions(file);
}

/** A fault as text; `moreLines`: how many lines it goes on. */
function readValue(rest: string, following: readonly string[]): { value: string; moreLines: number } | string {
  const quote = rest[0];
  if (quote !== '"' && quote !== "'" && quote !== "`") {
    const value = rest.replace(/(?:^|\s)#.*$/, "").trim();
    return reference.test(value)
      ? `it refers to another variable; 'in quotes' it is taken as it is`
      : { value, moreLines: 0 };
  }
  const next = following.findIndex((line) => nextVariable.test(line));
  const open = [rest.slice(1), ...following.slice(0, next === -1 ? following.length : next)].join("\n");
  const closed = (
    quote === '"'
      ? /^(?<value>(?:[^"\\]|\\[^])*)"(?<after>.*)/
      : new RegExp(`^(?<value>[^${quote}]*)${quote}(?<after>.*)`)
  ).exec(open);
  const { value, after = "" } = closed?.groups ?? {};
  if (value === undefined) return "its quote is not closed";
  if (!/^\s*(?:#|$)/.test(after)) return "something stands behind its quote";
  if (quote === '"' && reference.test(value))
    return `it refers to another variable; in single quotes it is taken as it is`;
  const moreLines = value.split("\n").length - 1;
  const unescaped = value.replaceAll(/\\([nrt"\\])/g, (_all, sign: string) => escapes[sign] ?? sign);
  return { value: quote === '"' ? unescaped : value, moreLines };
}

function withoutContradictions({ variables, faults }: EnvFile): EnvFile {
  const values = Map.groupBy(variables, ({ name }) => name);
  const isTold = (name: string): boolean => new Set(values.get(name)?.map(({ value }) => value)).size > 1;
  const twice = variables.filter(({ name }) => isTold(name));
  const others = twice.map(({ name, line }) => {
    const lines = values.get(name)?.filter((other) => other.line !== line) ?? [];
    return { line, why: `line ${lines.map((other) => other.line).join(", ")} gives the same name another value` };
  });
  const single = variables.filter(({ name, line }) => !isTold(name) && values.get(name)?.[0]?.line === line);
  return { variables: single, faults: [...faults, ...others].toSorted((a, b) => a.line - b.line) };
}
