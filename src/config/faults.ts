/** A fault of the configuration file: what stands where, and what was expected there. */

export type Fault = {
  line: number;
  column: number;
  /** `mirror.reference_tables[0].table`; empty for the file as a whole. */
  path: string;
  /** Completes the path to a sentence, without any secret: `is 7, expected a port`. */
  text: string;
};

/** Segments of a path as people write them: `agents[2].port`. */
export function formatPath(path: readonly PropertyKey[]): string {
  let text = "";
  for (const segment of path) {
    if (typeof segment === "number") text += `[${segment}]`;
    else text += text === "" ? String(segment) : `.${String(segment)}`;
  }
  return text;
}

/** `leveredge.yaml:12:5 agents[2].port is 99999, expected a port: 1 to 65535`. */
export function formatFault(fileName: string, fault: Fault): string {
  const place = `${fileName}:${fault.line}:${fault.column}`;
  return fault.path === "" ? `${place} ${fault.text}` : `${place} ${fault.path} ${fault.text}`;
}

export function sortFaults(faults: Fault[]): Fault[] {
  return faults.toSorted((a, b) => a.line - b.line || a.column - b.column || (a.path < b.path ? -1 : 1));
}
