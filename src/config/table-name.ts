/** Table names as an operator writes them in the configuration. */

export type QualifiedName = { schema: string; name: string };

/** The part of a name as SQL writes it: lower case, or quoted with `""` for a quote. */
const part = /("(?:[^"\0]|"")+"|[a-z_][a-z0-9_$]*)/.source;

const pattern = new RegExp(`^${part}(?:\\.${part})?$`);

/** `table` or `schema.table` → its two parts, unquoted; undefined when it is neither. Without a schema it is public's. */
export function parseTableName(text: string): QualifiedName | undefined {
  const [, first, second] = pattern.exec(text) ?? [];
  if (first === undefined) return undefined;
  const [schema, name] = second === undefined ? ["public", unquote(first)] : [unquote(first), unquote(second)];
  return Buffer.byteLength(schema) <= 63 && Buffer.byteLength(name) <= 63 ? { schema, name } : undefined;
}

/** The same notation, always with its schema; quoted where SQL needs it. */
export function formatTableName({ schema, name }: QualifiedName): string {
  return [schema, name]
    .map((text) => (/^[a-z_][a-z0-9_$]*$/.test(text) ? text : `"${text.replaceAll('"', '""')}"`))
    .join(".");
}

function unquote(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text;
}
