/**
 * Cloudflare API tokens: a second token with the same policies, then the old one is
 * deleted. Rolling the value in place would end the old one at once.
 * A handle is the token's path: a token is a person's or an account's.
 * https://developers.cloudflare.com/api/resources/user/subresources/tokens/ (read 2026-11-22)
 */
import { z } from "zod";

import { AppError } from "#errors.ts";
import { Secret } from "#secrets/secret.ts";

import type { GivenFields } from "#domains/credentials/schema.ts";
import {
  callJson,
  endLike,
  listParts,
  markName,
  type RotationInput,
  type Rotator,
  type RotatorTools,
} from "./rotator.ts";

const api = "https://api.cloudflare.com/client/v4";
const Id = z.string().regex(/^[A-Za-z0-9_-]+$/);
const Verified = z.object({ result: z.object({ id: Id }) });
const Token = z.object({
  result: z.object({
    name: z.string(),
    policies: z.array(z.record(z.string(), z.unknown())),
    condition: z.record(z.string(), z.unknown()).optional(),
    issued_on: z.string().optional(),
    expires_on: z.string().nullable().optional(),
  }),
});
const Made = z.object({ result: z.object({ id: Id, value: z.string().min(1) }) });
const Listed = z.object({ result: z.array(z.object({ id: Id, name: z.string() })) });
const pageSize = 50;

export const cloudflare: Rotator = { kind: "issued", identify, listMarked, issue, revoke };

/** Older tokens do not show whose they are: at the other place they are unknown. */
async function identify(tools: RotatorTools, { fields }: RotationInput): Promise<string> {
  const homes = listHomes(fields);
  for (const [index, home] of homes.entries()) {
    try {
      const { result } = await call(tools, Verified, "GET", `${home}/verify`, fields);
      return `${home}/${result.id}`;
    } catch (error) {
      const isLast = index === homes.length - 1;
      if (isLast || !(error instanceof AppError) || error.code !== "forbidden") throw error;
    }
  }
  throw new AppError("internal", "a token of cloudflare has a place where it is looked for");
}

async function listMarked(tools: RotatorTools, { manager, mark }: RotationInput, oldHandle: string): Promise<string[]> {
  const home = homeOf(oldHandle);
  const tokens = await listParts("cloudflare", pageSize, async (part) => {
    const page = `${home}?per_page=${pageSize}&page=${part + 1}`;
    return (await call(tools, Listed, "GET", page, manager)).result;
  });
  return tokens.filter(({ name }) => name.endsWith(mark)).map(({ id }) => `${home}/${id}`);
}

async function issue(tools: RotatorTools, { fields, manager, mark }: RotationInput, oldHandle: string) {
  const { result: model } = await call(tools, Token, "GET", oldHandle, manager);
  const end = endLike({ from: model.issued_on, to: model.expires_on }, tools.now());
  const json = {
    name: markName(model.name, mark),
    policies: model.policies,
    ...(model.condition === undefined ? {} : { condition: model.condition }),
    ...(end === undefined ? {} : { expires_on: end.toISOString().replace(/\.\d+Z$/, "Z") }),
  };
  const home = homeOf(oldHandle);
  const { result: made } = await call(tools, Made, "POST", home, manager, { json });
  return { fields: { ...fields, api_token: new Secret(made.value) }, handle: `${home}/${made.id}` };
}

async function revoke(tools: RotatorTools, { manager }: RotationInput, handle: string): Promise<void> {
  await call(tools, z.unknown(), "DELETE", handle, manager, { accept: [404] });
}

function listHomes({ api_token: token, account_id: account }: GivenFields): string[] {
  const user = "/user/tokens";
  const value = token?.reveal() ?? "";
  if (account === undefined || value.startsWith("cfut_")) return [user];
  const ofAccount = `/accounts/${encodeURIComponent(account.reveal())}/tokens`;
  return value.startsWith("cfat_") ? [ofAccount] : [ofAccount, user];
}

function homeOf(handle: string): string {
  return handle.slice(0, handle.lastIndexOf("/"));
}

function call<T extends z.ZodType>(
  tools: RotatorTools,
  shape: T,
  method: "GET" | "POST" | "DELETE",
  path: string,
  { api_token: token }: GivenFields,
  extra: { json?: unknown; accept?: readonly number[] } = {},
): Promise<z.output<T>> {
  if (token === undefined) throw new AppError("invalid_input", "the credential that makes tokens has no api_token");
  const headers = { authorization: `Bearer ${token.reveal()}` };
  return callJson(tools, shape, { service: "cloudflare", method, url: `${api}${path}`, headers, ...extra });
}
