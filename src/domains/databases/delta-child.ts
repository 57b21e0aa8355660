/** The process that compares two schemas: a `DeltaRequest` on stdin, a `DeltaAnswer` on stdout. */
import { text } from "node:stream/consumers";

import { Secret } from "#secrets/secret.ts";

import { connect } from "#postgres/connection.ts";
import { planDifferences } from "./delta.ts";
import { type DeltaAnswer, DeltaRequest } from "./delta-protocol.ts";

const answer = await compare(await text(process.stdin)).catch((cause: unknown): DeltaAnswer => ({
  state: "failed",
  message: cause instanceof Error ? cause.message : String(cause),
}));
process.stdout.write(JSON.stringify(answer));

async function compare(input: string): Promise<DeltaAnswer> {
  const { desired, actual, ...request } = DeltaRequest.parse(JSON.parse(input));
  const sessions = await Promise.all(
    [desired, actual].map(({ label, url }) => connect({ label, url: new Secret(url) }, { readOnly: true })),
  );
  try {
    const [desiredSession, actualSession] = sessions;
    if (desiredSession === undefined || actualSession === undefined) throw new Error("two sessions were asked for");
    return await planDifferences(request, { desired: desiredSession, actual: actualSession });
  } finally {
    await Promise.all(sessions.map((session) => session.end()));
  }
}
