/** What a restore complained about, and whom it accuses: the file, this host, or neither for certain. */

/**
 * `archive`: the file cannot be read to its end. `statement`: the server refused
 * what the file says. `host`: something is missing here or is not allowed in a
 * drill; `minor`: the same, where no row depends on it.
 */
export type RestoreFailure = { kind: "archive" | "statement" | "host" | "disk" | "minor"; text: string };

const disk = /no space left on device|disk quota exceeded|could not (?:extend|write)[^\n]*: wrote only/i;

const host = [
  /permission denied/,
  /row-level security/,
  /must be (?:superuser|owner|able|a superuser|member)/i,
  /only superuser/i,
  /extension "[^"]*" (?:is not available|does not exist|has no)/,
  /could not (?:access file|open extension control file|load library)/,
  /language "[^"]*" does not exist/,
  /access method "[^"]*" does not exist/,
  /collation "[^"]*" for encoding "[^"]*" does not exist/,
  /could not (?:create locale|open collator)/,
  /ICU (?:locale|is not supported)/,
  /compression method \S+ not supported/,
  /not supported by this build/,
  /this build does not support compression/,
  /unrecognized configuration parameter/,
  /role "[^"]*" does not exist/,
  /tablespace "[^"]*" does not exist/,
  /has no handler/,
  /must be loaded via "?shared_preload_libraries/,
  /out of (?:shared )?memory/i,
  /server closed the connection unexpectedly|the database system is|connection to server|terminating connection/,
  /unsupported version/,
  /invalid command \\/,
];

/** Told beside a failure, or no failure at all. */
const passing =
  /^(?:while |from TOC entry|warning:|hint:|info:|creating |processing |(?:NOTICE|WARNING|INFO|DEBUG|LOG):)/;

/** No row depends on these; pg_restore comes to them when its parallel processes, whose lines may mix, have ended. */
const minorEntry = /^\d+; \d+ \d+ (?:ACL|DEFAULT ACL|MATERIALIZED VIEW DATA) /;

/** In the order in which they were told. Of a message its first line is kept, and no value of a row. */
export function readFailures(stderr: string): RestoreFailure[] {
  const failures: RestoreFailure[] = [];
  let entry = "";
  for (const line of stderr.split("\n")) {
    const message = /^(?:\S*pg_restore|psql(?::[^:]*:\d+)?): (?:error: |fatal: |detail: )?(.*)$/.exec(line)?.[1];
    entry = /^from TOC entry (.*)$/.exec(message ?? "")?.[1] ?? entry;
    if (message === undefined || passing.test(message)) continue;
    failures.push(classify(message, minorEntry.test(entry)));
  }
  return failures;
}

function classify(message: string, isMinor: boolean): RestoreFailure {
  const text = withoutValues(message.replace(/^could not execute query: /, "").replace(/^ERROR: +/, ""));
  if (disk.test(message)) return { kind: "disk", text };
  if (host.some((pattern) => pattern.test(message))) return { kind: isMinor ? "minor" : "host", text };
  const isServers = /ERROR: |COPY failed for table|could not execute query/.test(message);
  return { kind: isServers ? "statement" : "archive", text };
}

/** PostgreSQL quotes the value that it could not read. */
function withoutValues(text: string): string {
  return text
    .replace(/((?:invalid input|invalid byte|malformed|out of range)[^"\n]*?): ".*$/, "$1")
    .replace(/value ".*" is out of range/, "a value is out of range")
    .slice(0, 300);
}
