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

/** What people call the two databases. */
export type Labels = { desired: string; actual: string };

type Wording = Pick<LooseEnd, "severity" | "remedy"> & { text: string };

/** The loose end of one difference; its id is the same in every run. */
export function describeContext(difference: ContextDifference, labels: Labels): LooseEnd {
  const { kind, identity, change, attribute } = difference;
  const subject = `${kind} ${identity}`;
  const wording =
    change === "different" ? wordAttribute(difference, subject, labels) : wordPresence(difference, subject, labels);
  const id = attribute === undefined ? `catalog.${subject}` : `catalog.${subject}.${attribute}`;
  return { id, ...wording };
}

function wordPresence({ kind, change }: ContextDifference, subject: string, labels: Labels): Wording {
  const [has, lacks] = change === "missing" ? [labels.desired, labels.actual] : [labels.actual, labels.desired];
  return {
    severity: kind === "foreign server" ? "medium" : "low",
    text: `${subject} exists on ${has} only: it is bound to its environment and never copied`,
    remedy: `create it on ${lacks} with its own address and password if it is needed there`,
  };
}

function wordAttribute(difference: ContextDifference, subject: string, labels: Labels): Wording {
  const { kind, identity, attribute, desired, actual } = difference;
  switch (attribute) {
    case "version":
      return {
        severity: "low",
        text: `${subject} has version ${show(desired)} on ${labels.desired} and ${show(actual)} on ${labels.actual}`,
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
        text: `${subject} is ${desired === true ? "filled" : "empty"} on ${labels.desired} and ${actual === true ? "filled" : "empty"} on ${labels.actual}`,
        remedy: `refresh materialized view ${identity}`,
      };
    case "tablespace":
      return {
        severity: "low",
        text: `${subject} lies in tablespace ${show(desired)} on ${labels.desired} and ${show(actual)} on ${labels.actual}`,
        remedy: "move it by hand if that tablespace exists on both",
      };
    default:
      return {
        severity: "low",
        text: `${subject} differs in its ${words(attribute)}: that is bound to its environment and never copied`,
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
