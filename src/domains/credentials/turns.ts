/** What turned with a check, as the event that people read. */
import type { NewEvent } from "#events/schema.ts";

import type { Credential } from "./schema.ts";
import type { Turn } from "./standing.ts";

/** Urgent when a key died or is another account's. */
export function describeTurn(
  credential: Pick<Credential, "credentialName" | "provider" | "environment" | "version">,
  turn: Turn,
  { requestedBy, detail }: { requestedBy: string; detail: string },
): NewEvent {
  const { credentialName: name, provider, environment, version } = credential;
  const { title, text, remedy } = tell(name, turn);
  return {
    actor: requestedBy,
    action: "credentials.check",
    target: `credential ${name}`,
    environment,
    outcome: turn.kind,
    details: { provider, version, turn, detail },
    notice: {
      severity: turn.kind === "dead" || turn.kind === "other account" ? "high" : "normal",
      title,
      text: `${text}\nRemedy: ${remedy}`,
      section: 3,
    },
  };
}

function tell(name: string, turn: Turn): { title: string; text: string; remedy: string } {
  const show = `leveredge credentials show ${name}`;
  switch (turn.kind) {
    case "dead":
      return {
        title: `credential ${name} is ${turn.verdict}`,
        text: `Two checks in a row found it ${turn.verdict}; before it was ${turn.before}.`,
        remedy: `leveredge credentials rotate ${name}`,
      };
    case "live again":
      return {
        title: `credential ${name} works again`,
        text: `It was ${turn.before}; now it is ${turn.verdict}.`,
        remedy: show,
      };
    case "other account":
      return {
        title: `credential ${name} belongs to another account`,
        text: `Its key answers for ${turn.to} and answered for ${turn.from} before.`,
        remedy: show,
      };
    case "other scopes":
      return {
        title: `credential ${name} has other rights`,
        text: `Gained: ${turn.gained.join(", ") || "none"}. Lost: ${turn.lost.join(", ") || "none"}.`,
        remedy: show,
      };
  }
}
