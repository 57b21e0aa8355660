/** Credentials one by one over HTTP. A change may carry the ETag that was read: another one in between is 412. */
import { z } from "zod";

import type { ServerApp } from "#domain.ts";
import { createRecorder } from "#events/recorder.ts";
import { type Route, requireActor, route } from "#http/route.ts";
import { Secret } from "#secrets/secret.ts";

import { listChecks } from "./check-queries.ts";
import { addCredential, changeCredential, rebind, removeCredential, replaceValue, rollBack } from "./credentials.ts";
import { findCredentialById, listCredentialPage, listEqualGroups, listVersions } from "./queries.ts";
import {
  type Credential,
  CredentialCheck,
  EqualGroup,
  type Environment,
  Line,
  NewCredential,
  Note,
  VersionSummary,
} from "./schema.ts";
import { rotationRoutes } from "./rotation-routes.ts";
import { hasNoCredential, revealById } from "./vault.ts";
import { CredentialId, CredentialReply, listReadable, readGuard, tagOf } from "./wire.ts";

const instant = z.iso.datetime({ offset: true });
const Warnings = z.array(z.object({ field: z.string(), warning: z.string() }));
const WrittenReply = z.object({ credential: CredentialReply, warnings: Warnings });

const Change = z.strictObject({
  expires_at: instant.nullable().optional(),
  rotation_reminder_days: NewCredential.shape.rotation_reminder_days.unwrap().optional(),
  note: Note.nullable().optional(),
});

const NewValue = z.strictObject({
  fields: z.record(
    z.string(),
    z.string().transform((text) => new Secret(text)),
  ),
  expires_at: instant.optional(),
});

export function credentialRoutes(app: ServerApp): readonly Route[] {
  return [...collectionRoutes(app), ...itemRoutes(app), ...valueRoutes(app), ...rotationRoutes(app)];
}

function collectionRoutes(app: ServerApp): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/credentials",
      summary: "Credentials by name, without their values",
      description: "Of the environments that the caller may read, as every list of credentials.",
      permission: "credentials:read",
      environment: "any",
      query: z.object({
        provider: Line.max(63).optional(),
        after: Line.max(100).optional().describe("The last name of the page before"),
        limit: z.coerce.number().int().min(1).max(1000).default(100),
      }),
      response: { 200: z.object({ credentials: z.array(CredentialReply) }) },
      handle: async (request) => {
        const environments = listReadable(request);
        const credentials = await listCredentialPage(app.db, { ...request.query, environments });
        return { body: { credentials } };
      },
    }),
    route({
      method: "POST",
      path: "/credentials",
      summary: "Seal a credential",
      etag: "tells",
      permission: "credentials:write",
      environment: ({ body }) => body.environment,
      body: NewCredential,
      response: { 201: WrittenReply },
      handle: async (request) => {
        const written = await addCredential(app, request.body, requireActor(request));
        return { body: written, headers: tagOf(written.credential) };
      },
    }),
    route({
      method: "GET",
      path: "/credentials/equal",
      summary: "Which credentials hold the same value",
      permission: "credentials:read",
      environment: "any",
      response: { 200: z.object({ groups: z.array(EqualGroup) }) },
      handle: async (request) => {
        const environments = listReadable(request);
        const groups = (await listEqualGroups(app.db)).map(({ members }) => ({
          members: members.filter(({ environment }) => environments.includes(environment)),
        }));
        return { body: { groups: groups.filter(({ members }) => members.length > 1) } };
      },
    }),
  ];
}

function itemRoutes(app: ServerApp): readonly Route[] {
  const environment = environmentOf(app);
  return [
    route({
      method: "GET",
      path: "/credentials/:id",
      summary: "One credential, without its value",
      etag: "tells",
      permission: "credentials:read",
      environment,
      params: CredentialId,
      response: { 200: CredentialReply },
      handle: async ({ params }) => {
        const credential = await requireById(app, params.id);
        return { body: credential, headers: tagOf(credential) };
      },
    }),
    route({
      method: "PATCH",
      path: "/credentials/:id",
      summary: "Change what is told about a credential; its value stays",
      etag: "guards",
      permission: "credentials:write",
      environment,
      params: CredentialId,
      body: Change,
      response: { 200: CredentialReply },
      handle: async (request) => {
        const { expires_at: declaredExpiresAt, rotation_reminder_days: rotationReminderDays, note } = request.body;
        const change = {
          ...(declaredExpiresAt === undefined ? {} : { declaredExpiresAt }),
          ...(rotationReminderDays === undefined ? {} : { rotationReminderDays }),
          ...(note === undefined ? {} : { note }),
        };
        const { credentialName } = await requireById(app, request.params.id);
        const guard = readGuard(request.headers);
        const credential = await changeCredential(app, credentialName, change, requireActor(request), guard);
        return { body: credential, headers: tagOf(credential) };
      },
    }),
    route({
      method: "DELETE",
      path: "/credentials/:id",
      summary: "Remove a credential with all of its versions",
      etag: "guards",
      permission: "credentials:write",
      environment,
      params: CredentialId,
      response: { 204: undefined },
      handle: async (request) => {
        const { credentialName } = await requireById(app, request.params.id);
        await removeCredential(app, credentialName, requireActor(request), readGuard(request.headers));
        return {};
      },
    }),
    route({
      method: "GET",
      path: "/credentials/:id/checks",
      summary: "The checks of a credential, the newest first",
      permission: "credentials:read",
      environment,
      params: CredentialId,
      query: z.object({ limit: z.coerce.number().int().min(1).max(500).default(50) }),
      response: { 200: z.object({ checks: z.array(CredentialCheck) }) },
      handle: async ({ params, query }) => {
        const { id } = await requireById(app, params.id);
        return { body: { checks: await listChecks(app.db, id, query.limit) } };
      },
    }),
    route({
      method: "GET",
      path: "/credentials/:id/versions",
      summary: "The versions of a credential's value, the newest first",
      permission: "credentials:read",
      environment,
      params: CredentialId,
      response: { 200: z.object({ versions: z.array(VersionSummary) }) },
      handle: async ({ params }) => {
        const { id } = await requireById(app, params.id);
        return { body: { versions: await listVersions(app.db, id) } };
      },
    }),
  ];
}

function valueRoutes(app: ServerApp): readonly Route[] {
  const environment = environmentOf(app);
  const record = createRecorder(app);
  return [
    route({
      method: "PUT",
      path: "/credentials/:id/value",
      summary: "Give a credential a new value; fields that are not given keep theirs",
      etag: "guards",
      permission: "credentials:write",
      environment,
      params: CredentialId,
      body: NewValue,
      response: { 200: WrittenReply },
      handle: async (request) => {
        const { credentialName } = await requireById(app, request.params.id);
        const { fields, expires_at: expiresAt } = request.body;
        const options = { ...readGuard(request.headers), expiresAt };
        const written = await replaceValue(app, credentialName, fields, requireActor(request), options);
        return { body: written, headers: tagOf(written.credential) };
      },
    }),
    route({
      method: "POST",
      path: "/credentials/:id/rollback",
      summary: "Make an earlier value the current one again",
      etag: "guards",
      permission: "credentials:write",
      environment,
      params: CredentialId,
      body: z.strictObject({ to: z.int().min(1).optional() }),
      response: { 200: CredentialReply },
      handle: async (request) => {
        const { credentialName } = await requireById(app, request.params.id);
        const options = { ...readGuard(request.headers), to: request.body.to };
        const credential = await rollBack(app, credentialName, requireActor(request), options);
        return { body: credential, headers: tagOf(credential) };
      },
    }),
    route({
      method: "POST",
      path: "/credentials/:id/rebind",
      summary: "Allow the value to be sent where the configuration leads it now",
      etag: "guards",
      permission: "credentials:write",
      environment,
      params: CredentialId,
      response: { 200: CredentialReply },
      handle: async (request) => {
        const { credentialName } = await requireById(app, request.params.id);
        const credential = await rebind(app, credentialName, requireActor(request), readGuard(request.headers));
        return { body: credential, headers: tagOf(credential) };
      },
    }),
    route({
      method: "POST",
      path: "/credentials/:id/reveal",
      summary: "One field in clear",
      description: "That it was revealed, and to whom, is recorded before the value leaves; when it cannot be, 503.",
      permission: "credentials:reveal",
      environment,
      params: CredentialId,
      body: z.strictObject({ field: z.string().max(100) }),
      response: { 200: z.object({ value: z.string() }) },
      handle: async (request) => {
        const { params, body } = request;
        const value = await revealById(app, params.id, body.field, { by: requireActor(request), record });
        return { body: { value: value.reveal() } };
      },
    }),
  ];
}

/** An unknown one is answered by the route, to those who may see that there is none. */
function environmentOf(app: ServerApp): (input: { params: { id: number } }) => Promise<Environment> {
  return async ({ params }) => (await findCredentialById(app.db, params.id))?.environment ?? "shared";
}

async function requireById(app: Pick<ServerApp, "db">, id: number): Promise<Credential> {
  const credential = await findCredentialById(app.db, id);
  if (credential === undefined) throw hasNoCredential(id);
  return credential;
}
