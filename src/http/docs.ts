/** The API described for programs and people: an OpenAPI 3.1 document from the routes' own schemas, and a page at `/docs`. */
import swagger from "@fastify/swagger";
import type { FastifyInstance } from "fastify";
import { jsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import { z } from "zod";

import { ErrorReply } from "./errors.ts";
import type { Route } from "./route.ts";

/** Its page has styles inside, which ours have not; everything else is as strict. */
const docsPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

const logo = `<svg xmlns="http://www.w3.org/2000/svg" width="140" height="40"><text x="0" y="27" fill="#fff" font-family="system-ui,sans-serif" font-size="22" font-weight="700">LeverEdge</text></svg>`;

/** Before any route is added: each is described as it comes. */
export async function addApiDescription(server: FastifyInstance, version: string): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "LeverEdge", version, description: "The control plane's API." },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
      security: [{ token: [] }],
    },
    transform: (input) => {
      const described = jsonSchemaTransform(input);
      const { etag } = input.route.config ?? {};
      return { ...described, schema: { ...described.schema, ...describeTag(etag, described.schema?.response) } };
    },
    transformObject: jsonSchemaTransformObject,
  });
}

/** Headers of the document alone: nothing is parsed by them. */
function describeTag(etag: Route["etag"], response: unknown): Record<string, unknown> {
  if (etag === undefined || typeof response !== "object" || response === null) return {};
  const answered = { etag: { type: "string", description: "The lock of what was answered, for `If-Match`" } };
  const told = Object.entries(response).map(([status, schema]: [string, object]) => [
    status,
    status.startsWith("2") && status !== "204" ? { ...schema, headers: answered } : schema,
  ]);
  const asked = {
    type: "object",
    properties: {
      "if-match": { type: "string", description: "The ETag that was read: when another change came in between, 412" },
    },
  };
  return { response: Object.fromEntries(told), ...(etag === "guards" ? { headers: asked } : {}) };
}

/** What Fastify parses with and the document shows. */
export function describeSchema(route: Route): Record<string, unknown> {
  const response = Object.fromEntries(
    Object.entries(route.response).map(([status, schema]) => [status, schema ?? z.null().describe("no body")]),
  );
  const needs = route.permission === "public" ? "Needs no token." : `Needs \`${route.permission}\`.`;
  return {
    hide: route.raw === "page",
    operationId: nameOperation(route),
    tags: [route.path.split("/")[1] ?? ""],
    summary: route.summary,
    description: [route.description, needs].filter((part) => part !== undefined).join("\n\n"),
    ...(route.permission === "public" ? { security: [] } : {}),
    ...(route.params === undefined ? {} : { params: route.params }),
    ...(route.query === undefined ? {} : { querystring: closeKeys(route.query) }),
    ...(route.body === undefined ? {} : { body: route.body }),
    ...(route.intake === undefined ? {} : { consumes: [...route.intake.types] }),
    ...(route.intake?.shape === undefined ? {} : { body: route.intake.shape }),
    response: route.raw === "page" ? undefined : { ...response, "4xx": ErrorReply, "5xx": ErrorReply },
  };
}

/** A misspelt key of a query would be taken for one that was left out. */
function closeKeys(query: z.ZodType): z.ZodType {
  return query instanceof z.ZodObject ? query.strict() : query;
}

/** `getRunsById`: what generators of clients call it. */
function nameOperation({ method, path }: Pick<Route, "method" | "path">): string {
  const words = path
    .split(/[/-]/)
    .filter((word) => word !== "")
    .map((word) => (word.startsWith(":") ? `By${capitalize(word.slice(1))}` : capitalize(word)));
  return [method.toLowerCase(), ...words].join("");
}

function capitalize(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}

/** After the routes. The page and the document need no token: they tell what the source tells too. */
export async function addDocs(server: FastifyInstance): Promise<void> {
  const { default: swaggerUi } = await import("@fastify/swagger-ui");
  await server.register(async (docs) => {
    docs.addHook("onRoute", (route) => {
      route.config = { ...route.config, permission: "public" };
    });
    await docs.register(swaggerUi, {
      routePrefix: "/docs",
      staticCSP: docsPolicy,
      uiConfig: { validatorUrl: null },
      logo: { type: "image/svg+xml", content: Buffer.from(logo) },
    });
  });
}
