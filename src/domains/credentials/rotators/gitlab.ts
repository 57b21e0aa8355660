/**
 * GitLab access tokens rotate themselves, in place: the old one ends when the new one
 * is made, and an answer that is lost cannot be had again. To ask for a rotation with a
 * token that was rotated already makes GitLab revoke its successor too, so it is asked
 * once. Without an end of our own the new token would live for a week.
 * https://docs.gitlab.com/api/personal_access_tokens/ (read 2026-11-22)
 */
import { z } from "zod";

import { AppError } from "#errors.ts";
import { Secret } from "#secrets/secret.ts";

import { callJson, endLike, type RotationInput, type Rotator, type RotatorTools } from "./rotator.ts";

const defaultBase = "https://gitlab.com";
const Own = z.object({ created_at: z.string(), expires_at: z.string().nullable() });
const Rotated = z.object({ id: z.int(), token: z.string().min(1) });
/** GitLab refuses a longer life: 365 days, 400 where the instance allows them. */
const longestMs = 365 * 86_400_000;

export const gitlab: Rotator = { kind: "in_place", replace };

async function replace(tools: RotatorTools, { fields }: RotationInput) {
  const { token, base_url: base } = fields;
  if (token === undefined) throw new AppError("invalid_input", "the credential has no token");
  const self = `${(base?.reveal() ?? defaultBase).replace(/\/+$/, "")}/api/v4/personal_access_tokens/self`;
  const common = { service: "gitlab", headers: { "private-token": token.reveal() } };
  const own = await callJson(tools, Own, { ...common, method: "GET", url: self });
  const end = endLike({ from: own.created_at, to: own.expires_at }, tools.now());
  const latest = tools.now().getTime() + longestMs;
  const json = end === undefined ? {} : { expires_at: day(Math.min(end.getTime(), latest)) };
  const rotated = await callJson(tools, Rotated, { ...common, method: "POST", url: `${self}/rotate`, json });
  return { fields: { ...fields, token: new Secret(rotated.token) }, handle: String(rotated.id) };
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
