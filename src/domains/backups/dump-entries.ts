/** Entries of a dump that a drill does not restore: only a superuser may make them, or they reach out of the server. */
export type DumpEntry = { type: string; name: string; owner: string };

/** `USER MAPPING` holds passwords of other servers; event triggers would fire in the restore itself. */
const leftOutTypes = [
  "DATABASE",
  "DATABASE PROPERTIES",
  "TABLESPACE",
  "EVENT TRIGGER",
  "SUBSCRIPTION",
  "SUBSCRIPTION TABLE",
  "PUBLICATION",
  "PUBLICATION TABLE",
  "PUBLICATION TABLES IN SCHEMA",
  "SECURITY LABEL",
  "FOREIGN DATA WRAPPER",
  "USER MAPPING",
];

/** Settings of a database belong to its surroundings, a comment to what it is about: that they are left out is not worth a word. */
const silentTypes = new Set(["DATABASE", "DATABASE PROPERTIES", "TABLESPACE", "COMMENT"]);

const listed = /^\d+; \d+ \d+ (?<rest>.*)$/;

/** Also a comment on what is left out. */
export function isLeftOut({ type, name }: Pick<DumpEntry, "type" | "name">): boolean {
  return leftOutTypes.includes(type) || (type === "COMMENT" && isOfLeftOutType(name));
}

function isOfLeftOutType(text: string): boolean {
  return leftOutTypes.some((type) => text.startsWith(`${type} `));
}

/** Whether the operator is told that an entry was left out. */
export function isWorthTelling(leftOut: string): boolean {
  return ![...silentTypes].some((type) => leftOut.startsWith(`${type.toLowerCase()} `));
}

/** The lines of `pg_restore --list` that are to be restored, for `--use-list`. */
export function chooseEntries(list: string, madeSchemas: ReadonlySet<string>): string {
  const lines = list.split("\n").filter((line) => {
    const rest = listed.exec(line)?.groups?.["rest"];
    return rest !== undefined && !isMadeOrLeftOut(rest, madeSchemas);
  });
  return `${lines.join("\n")}\n`;
}

/** `rest`: type, schema, name and owner with spaces between. */
function isMadeOrLeftOut(rest: string, madeSchemas: ReadonlySet<string>): boolean {
  if (/^(?:EXTENSION|COMMENT - EXTENSION) /.test(rest)) return true;
  if (isOfLeftOutType(rest.replace(/^COMMENT - /, ""))) return true;
  return [...madeSchemas].some((schema) => rest.startsWith(`SCHEMA - ${schema} `));
}
