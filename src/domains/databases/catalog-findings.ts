/** What differs between two environments by design, in the words of a loose end. Values of options never appear. */
import type { LooseEnd } from "#domain.ts";

export type ContextDifference = {
  kind: string;
  identity: string;
  change: "missing" | "extra" | "different";
  attribute?: string;
  desired?: unknown;
  actual?: unknown;
};

type Wording = Pick<LooseEnd, "severity" | "remedy"> & { text: string };

/** The loose end of one difference; its id is the same in every run. */
export function describeContext(difference: ContextDifference): LooseEnd {
  const { kind, identity, change, attribute } = difference;
  const subject = `${kind} ${identity}`;
  const wording = change === "different" ? wordAttribute(difference, subject) : wordPresence(subject, change);
  const id = attribute === undefined ? `catalog.${subject}` : `catalog.${subject}.${attribute}`;
  return { id, ...wording };
}

function wordPresence(subject: string, change: "missing" | "extra"): Wording {
  return {
    severity: "low",
    text: `${subject} exists only in the ${change === "missing" ? "source" : "target"}: it belongs to one environment and is never copied`,
    remedy: "create or drop it by hand if both should have it",
  };
}

function wordAttribute({ kind, identity, attribute, desired, actual }: ContextDifference, subject: string): Wording {
  switch (attribute) {
    case "version":
      return {
        severity: "low",
        text: `${subject} has version ${show(desired)} in the source and ${show(actual)} in the target`,
        remedy:
          kind === "extension"
            ? `alter extension ${identity} update`
            : `alter ${kind} ${identity} refresh version, after a reindex`,
      };
    case "columnOrder":
      return {
        severity: "low",
        text: `${subject} has its columns in another order: a column that is added later stands at the end`,
        remedy: "name the columns in queries, or rebuild the table if the order matters",
      };
    case "populated":
      return {
        severity: "medium",
        text: `${subject} is ${desired === true ? "filled in the source and empty" : "empty in the source and filled"} in the target`,
        remedy: `refresh materialized view ${identity}`,
      };
    case "tablespace":
      return {
        severity: "low",
        text: `${subject} lies in tablespace ${show(desired)} in the source and ${show(actual)} in the target`,
        remedy: "move it by hand if the target has that tablespace",
      };
    default:
      return {
        severity: "low",
        text: `${subject} differs in its ${words(attribute)}: that belongs to one environment and is never copied`,
        remedy: "compare the two by hand",
      };
  }
}

function show(value: unknown): string {
  return typeof value === "string" ? value : "the default";
}

/** `collationVersion` as `collation version`. */
function words(name = "settings"): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
