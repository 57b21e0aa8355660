/** Rotations at the provider over HTTP: begun here, carried on by a job. */
import { z } from "zod";

import type { ServerApp } from "#domain.ts";
import { type Route, requireActor, route } from "#http/route.ts";

import { findCredentialById } from "./queries.ts";
import { requestRotation } from "./rotation.ts";
import { listRotations, Rotation } from "./rotation-queries.ts";
import { type Credential, CredentialName, type Environment } from "./schema.ts";
import { hasNoCredential } from "./vault.ts";
import { CredentialId } from "./wire.ts";

const NewRotation = z.strictObject({
  manager: CredentialName.optional().describe(
    "The credential that may make and revoke keys, where the key itself may not",
  ),
  grace_s: z
    .int()
    .min(0)
    .max(31_536_000)
    .optional()
    .describe("How long the old key lives after the switch; 0: nobody uses it. Default a day"),
});

export function rotationRoutes(app: ServerApp): readonly Route[] {
  const environment = async ({ params }: { params: { id: number } }): Promise<Environment> =>
    (await findCredentialById(app.db, params.id))?.environment ?? "shared";
  return [
    route({
      method: "GET",
      path: "/credentials/:id/rotations",
      summary: "The rotations of a credential at its provider, the newest first",
      permission: "credentials:read",
      environment,
      params: CredentialId,
      response: { 200: z.object({ rotations: z.array(Rotation) }) },
      handle: async ({ params }) => {
        const { id } = await requireById(app, params.id);
        return { body: { rotations: await listRotations(app.db, id, 100) } };
      },
    }),
    route({
      method: "POST",
      path: "/credentials/:id/rotations",
      summary: "Have the provider make a new key and end the old one",
      description: "One that is under way is carried on, with what is asked now. 202 and a job.",
      permission: "credentials:write",
      environment,
      params: CredentialId,
      body: NewRotation,
      response: { 202: z.object({ jobId: z.string() }) },
      handle: async (request) => {
        const { credentialName: name } = await requireById(app, request.params.id);
        const { name: actor } = requireActor(request);
        const { manager, grace_s: graceS } = request.body;
        await requestRotation(app, name, { manager, graceS }, { requestedBy: actor });
        const body = await app.jobs.enqueue("credentials.rotate", { name }, { actor, key: `rotate:${name}` });
        return { status: 202, body };
      },
    }),
  ];
}

async function requireById(app: Pick<ServerApp, "db">, id: number): Promise<Credential> {
  const credential = await findCredentialById(app.db, id);
  if (credential === undefined) throw hasNoCredential(id);
  return credential;
}
