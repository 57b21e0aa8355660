/** AEGIS over HTTP: providers, what checks said, checks on demand. A value leaves by `reveal` alone. */
import { z } from "zod";

import type { ServerApp } from "#domain.ts";
import { AppError } from "#errors.ts";
import { type Actor, listAllowed } from "#http/permission.ts";
import { type Route, requireActor, route } from "#http/route.ts";
import { Provider } from "#providers/provider.ts";

import { credentialRoutes } from "./credential-routes.ts";
import { findProviderRow, listProviderRows, type ProviderRow } from "./provider-queries.ts";
import { findCredential, findCredentialById, listCredentials, listExpiring } from "./queries.ts";
import { addProvider, requireProvider, seedProviders } from "./registry.ts";
import { type Credential, CredentialName, Environment } from "./schema.ts";
import {
  listReadable,
  ProviderName,
  ProviderReply,
  StatusReply,
  toProviderReply,
  toStatusReply,
  toValidationReply,
  ValidationReply,
} from "./wire.ts";

export function listCredentialRoutes(app: ServerApp): readonly Route[] {
  return [...providerRoutes(app), ...statusRoutes(app), validateRoute(app), ...credentialRoutes(app)];
}

function providerRoutes(app: ServerApp): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/providers",
      summary: "Every provider whose credentials can be kept",
      permission: "providers:read",
      response: { 200: z.array(ProviderReply.pick({ provider_name: true, provider_type: true, docs_url: true })) },
      handle: async () => ({ body: (await listSeeded(app)).map(toProviderReply) }),
    }),
    route({
      method: "GET",
      path: "/providers/:provider_name",
      summary: "A provider and what its credentials need",
      permission: "providers:read",
      params: ProviderName,
      response: { 200: ProviderReply },
      handle: async ({ params }) => {
        await requireProvider(app, params.provider_name);
        await seedProviders(app, registry);
        const row = await findProviderRow(app.db, params.provider_name);
        if (row === undefined) throw new AppError("internal", `provider ${params.provider_name} has no row`);
        return { body: toProviderReply(row) };
      },
    }),
    route({
      method: "POST",
      path: "/providers",
      summary: "Add a provider of your own, or change it",
      description: "In the form of the built-in ones; names of those and of the configuration are taken.",
      permission: "providers:write",
      body: Provider,
      response: { 201: ProviderReply },
      handle: async (request) => {
        await addProvider(app, request.body, requireActor(request));
        const row = await findProviderRow(app.db, request.body.name);
        if (row === undefined) throw new AppError("internal", `provider ${request.body.name} has no row`);
        return { body: toProviderReply(row) };
      },
    }),
  ];
}

function statusRoutes(app: ServerApp): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/credentials/status",
      summary: "What the last checks said of every credential, and how old that is",
      description:
        "With check=true every one that is due, of the environments that the caller may validate, is asked: 202 and a job.",
      permission: "credentials:read",
      environment: "any",
      query: z.object({ check: z.enum(["true", "false"]).default("false") }),
      response: {
        200: z.object({ checked_at: z.string(), credentials: z.array(StatusReply) }),
        202: z.object({ jobId: z.string() }),
      },
      handle: async (request) => {
        if (request.query.check === "true")
          return { status: 202, body: await enqueueSweep(app, requireActor(request)) };
        const environments = listReadable(request);
        const now = app.now();
        const credentials = (await listCredentials(app.db))
          .filter(({ environment }) => environments.includes(environment))
          .map((credential) => toStatusReply(credential, now));
        return { body: { checked_at: now.toISOString(), credentials } };
      },
    }),
    route({
      method: "GET",
      path: "/credentials/expiring",
      summary: "Credentials whose date is less than 30 days away, the nearest first",
      permission: "credentials:read",
      environment: "any",
      response: {
        200: z.array(
          z.object({
            credential_name: z.string(),
            provider: z.string(),
            expires_at: z.string(),
            days_left: z.number(),
          }),
        ),
      },
      handle: async (request) => {
        const environments = listReadable(request);
        const expiring = (await listExpiring(app.db)).filter(({ environment }) => environments.includes(environment));
        return {
          body: expiring.map(({ credentialName, provider, expiresAt, daysLeft }) => ({
            credential_name: credentialName,
            provider,
            expires_at: expiresAt,
            days_left: daysLeft,
          })),
        };
      },
    }),
  ];
}

/** Of the environments that the caller may validate in; two sweeps of other environments are two jobs. */
async function enqueueSweep({ jobs }: ServerApp, { name: actor, scopes }: Actor): Promise<{ jobId: string }> {
  const environments = listAllowed(scopes, "credentials:validate");
  if (environments.length === 0) {
    throw new AppError("forbidden", "check=true needs credentials:validate", {
      hint: "Use a token or a user that holds it.",
    });
  }
  if (environments.length === Environment.options.length) {
    return jobs.enqueue("credentials.sweep", {}, { actor, key: "sweep" });
  }
  return jobs.enqueue("credentials.sweep", { environments }, { actor, key: `sweep:${environments.join(",")}` });
}

type Asked = {
  query?: { credential_id?: string | undefined };
  body?: { credential_id?: string | undefined } | undefined;
};

function validateRoute(app: ServerApp): Route {
  return route({
    method: "POST",
    path: "/credentials/:provider_name/validate",
    summary: "Ask the provider whether a stored credential lives",
    description:
      "credential_id is its id or its name, as a query parameter or in the body. Answers within ten seconds.",
    permission: "credentials:validate",
    environment: ({ query, body }) => findEnvironment(app, { ...(query === undefined ? {} : { query }), body }),
    params: ProviderName,
    query: z.object({ credential_id: CredentialName.optional() }),
    body: z.strictObject({ credential_id: CredentialName.optional() }).optional(),
    response: { 200: ValidationReply },
    handle: async (request) => {
      const { params, query, body, signal } = request;
      const { name: requestedBy } = requireActor(request);
      const credential = await findAsked(app, { query, body });
      if (credential?.provider !== params.provider_name) {
        throw new AppError("not_found", `provider ${params.provider_name} has no credential of that credential_id`, {
          hint: "List them with: GET /credentials",
        });
      }
      const { checkCredential } = await import("./live-check.ts");
      const { withCheckTools } = await import("./sweep.ts");
      const work = { requestedBy, signal, force: true };
      const checked = await withCheckTools(app, (tools) =>
        checkCredential(app, tools, credential.credentialName, work),
      );
      return { body: toValidationReply(checked.credential, app.now(), checked) };
    },
  });
}

/** One that is not there is answered by the route, to those who may see that. */
async function findEnvironment(app: ServerApp, asked: Asked): Promise<Environment> {
  return (await findAsked(app, asked))?.environment ?? "shared";
}

function findAsked(app: ServerApp, { query, body }: Asked): Promise<Credential | undefined> {
  const key = query?.credential_id ?? body?.credential_id;
  if (key === undefined) {
    throw new AppError("invalid_input", "credential_id is missing", {
      hint: "Give the credential's id or name: ?credential_id=12",
    });
  }
  return /^\d{1,9}$/.test(key) ? findCredentialById(app.db, Number(key)) : findCredential(app.db, key);
}

/** A store that nobody has hardened yet has no rows, or those alone that a credential needed. */
async function listSeeded(app: ServerApp): Promise<ProviderRow[]> {
  await seedProviders(app, registry);
  return listProviderRows(app.db);
}

/** Who brings the registry up to date when it is asked for. */
const registry = { name: "registry" };
