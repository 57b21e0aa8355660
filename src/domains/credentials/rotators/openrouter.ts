/**
 * OpenRouter API keys, made and deleted by a management key. A handle is a key's hash.
 * https://openrouter.ai/docs/api/api-reference/api-keys (read 2026-11-22)
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

const api = "https://openrouter.ai/api/v1";
const Hash = z.string().regex(/^[A-Za-z0-9_-]+$/);
const Key = z.object({
  hash: Hash,
  name: z.string(),
  label: z.string(),
  limit: z.number().nullable().optional(),
  limit_reset: z.string().nullable().optional(),
  include_byok_in_limit: z.boolean().nullable().optional(),
  created_at: z.string().optional(),
  expires_at: z.string().nullable().optional(),
});
type Key = z.output<typeof Key>;
const Own = z.object({ data: z.object({ label: z.string() }) });
const Listed = z.object({ data: z.array(Key) });
const Found = z.object({ data: Key });
const Made = z.object({ key: z.string().min(1), data: z.object({ hash: Hash }) });
const pageSize = 100;

export const openrouter: Rotator = { kind: "issued", identify, listMarked, issue, revoke };

/** A key does not know its own hash: it is the one with its label, which shows its ends. */
async function identify(tools: RotatorTools, { fields, manager }: RotationInput): Promise<string> {
  const { data: own } = await call(tools, Own, "GET", "/key", fields);
  const same = (await listKeys(tools, manager)).filter(({ label }) => label === own.label);
  const [found] = same;
  if (found !== undefined && same.length === 1) return found.hash;
  throw new AppError("conflict", `the management key sees ${same.length} keys with this key's label`, {
    hint: "Name a management key of the same workspace with --with, or rotate by hand.",
  });
}

async function listMarked(tools: RotatorTools, { manager, mark }: RotationInput): Promise<string[]> {
  const keys = await listKeys(tools, manager);
  return keys.filter(({ name }) => name.endsWith(mark)).map(({ hash }) => hash);
}

async function issue(tools: RotatorTools, { fields, manager, mark }: RotationInput, oldHandle: string) {
  const { data: model } = await call(tools, Found, "GET", `/keys/${oldHandle}`, manager);
  const end = endLike({ from: model.created_at, to: model.expires_at }, tools.now());
  const { limit, limit_reset, include_byok_in_limit } = model;
  const kept = Object.entries({ limit, limit_reset, include_byok_in_limit }).filter(
    ([, value]) => value !== undefined && value !== null,
  );
  const json = {
    name: markName(model.name, mark),
    ...Object.fromEntries(kept),
    ...(end === undefined ? {} : { expires_at: end.toISOString() }),
  };
  const made = await call(tools, Made, "POST", "/keys", manager, { json });
  return { fields: { ...fields, api_key: new Secret(made.key) }, handle: made.data.hash };
}

async function revoke(tools: RotatorTools, { manager }: RotationInput, handle: string): Promise<void> {
  await call(tools, z.unknown(), "DELETE", `/keys/${handle}`, manager, { accept: [404] });
}

function listKeys(tools: RotatorTools, manager: GivenFields): Promise<Key[]> {
  return listParts("openrouter", pageSize, async (part) => {
    return (await call(tools, Listed, "GET", `/keys?offset=${part * pageSize}`, manager)).data;
  });
}

function call<T extends z.ZodType>(
  tools: RotatorTools,
  shape: T,
  method: "GET" | "POST" | "DELETE",
  path: string,
  { api_key: key }: GivenFields,
  extra: { json?: unknown; accept?: readonly number[] } = {},
): Promise<z.output<T>> {
  if (key === undefined) throw new AppError("invalid_input", "the credential that makes keys has no api_key");
  const headers = { authorization: `Bearer ${key.reveal()}` };
  return callJson(tools, shape, { service: "openrouter", method, url: `${api}${path}`, headers, ...extra });
}
