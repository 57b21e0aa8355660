/** How the keys of one provider are made and revoked by its own API. */
import type { z } from "zod";

import { AppError } from "#errors.ts";
import type { Outbound, OutboundRequest } from "#outbound/outbound.ts";

import type { GivenFields } from "#domains/credentials/schema.ts";

export type RotatorTools = { outbound: Outbound; signal: AbortSignal; now: () => Date };

export type RotationInput = {
  /** The value in use. */
  fields: GivenFields;
  /** The fields of the credential that may make keys: another one's, or the same. */
  manager: GivenFields;
  /** Names the new key at the provider: what a killed program left is found by it. */
  mark: string;
};

/**
 * - `issued`: the provider makes a second key beside the first. A handle is what it
 *   calls a key, and no secret.
 * - `in_place`: the provider ends the key by making its successor; an answer that is
 *   lost on the way cannot be had again.
 * - `chosen`: we make the value, keep it, then set it; setting it twice is the same as once.
 */
export type Rotator =
  | {
      kind: "issued";
      /** The handle of the key in use. */
      identify(tools: RotatorTools, input: RotationInput): Promise<string>;
      /** Keys that bear the mark, beside the old one. */
      listMarked(tools: RotatorTools, input: RotationInput, oldHandle: string): Promise<string[]>;
      /** A key with the rights of the old one, named by the mark. */
      issue(
        tools: RotatorTools,
        input: RotationInput,
        oldHandle: string,
      ): Promise<{ fields: GivenFields; handle: string }>;
      /** One that is revoked already is revoked. */
      revoke(tools: RotatorTools, input: RotationInput, handle: string): Promise<void>;
    }
  | {
      kind: "in_place";
      replace(tools: RotatorTools, input: RotationInput): Promise<{ fields: GivenFields; handle: string }>;
    }
  | {
      kind: "chosen";
      choose(tools: RotatorTools, input: RotationInput): Promise<GivenFields>;
      apply(tools: RotatorTools, input: RotationInput, chosen: GivenFields): Promise<void>;
    };

/** Lists of keys with all their rights are longer than the answers to checks. */
const maxBodyBytes = 4 * 1024 * 1024;

/** Asked again it may be answered: all other answers of 4xx are the provider's no. */
const passing: readonly number[] = [408, 425, 429];

/**
 * A JSON answer of status 2xx, read by the schema. `forbidden` when the provider says no
 * and nothing happened; `upstream_failed` when it is unknown what happened. Errors have
 * the status and nothing of the body.
 */
export async function callJson<T extends z.ZodType>(
  { outbound, signal }: RotatorTools,
  shape: T,
  request: Omit<OutboundRequest, "signal" | "body" | "maxBodyBytes"> & { json?: unknown; accept?: readonly number[] },
): Promise<z.output<T>> {
  const { json, accept = [], headers, ...rest } = request;
  const { status, body } = await outbound.request({
    ...rest,
    headers: {
      accept: "application/json",
      ...(json === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    maxBodyBytes,
    signal,
  });
  const isGood = (status >= 200 && status < 300) || accept.includes(status);
  if (!isGood) throw refuse(request.service, request.method, status);
  const read = shape.safeParse(readJson(body));
  if (read.success) return read.data;
  throw new AppError(
    "upstream_failed",
    `${request.service} answered ${status} to ${request.method} with something else than its documentation says`,
    { hint: "Go on with the same command; when it stays so, rotate by hand." },
  );
}

/** Every item of a list that comes in parts; a list without an end is an error and no loop. */
export async function listParts<T>(service: string, size: number, read: (part: number) => Promise<T[]>): Promise<T[]> {
  const found: T[] = [];
  for (let part = 0; part < mostParts; part += 1) {
    const items = await read(part);
    found.push(...items);
    if (items.length < size) return found;
  }
  throw new AppError("upstream_failed", `${service} lists keys without an end`, { hint: "Rotate by hand." });
}

const mostParts = 200;

/** The end of a key that lives as long from now as its model did from its making; undefined when that has no end. */
export function endLike(
  model: { from: string | undefined; to: string | null | undefined },
  now: Date,
): Date | undefined {
  if (model.to === null || model.to === undefined) return undefined;
  const lifeMs = Date.parse(model.to) - Date.parse(model.from ?? "");
  // Without a beginning: what is usual for reminders here.
  return new Date(now.getTime() + (Number.isFinite(lifeMs) && lifeMs > 0 ? lifeMs : 90 * 86_400_000));
}

/** A key's name with the mark of this rotation in place of an earlier one's. */
export function markName(name: string, mark: string): string {
  return `${name.replace(/ leveredge:[0-9a-f-]+$/, "").slice(0, 60)} ${mark}`;
}

function refuse(service: string, method: string, status: number): AppError {
  const isNo = status >= 400 && status < 500 && !passing.includes(status);
  if (!isNo) {
    return new AppError("upstream_failed", `${service} answered ${status} to ${method} during a rotation`, {
      hint: "Go on with the same command.",
    });
  }
  return new AppError("forbidden", `${service} refused ${method} with ${status} during a rotation`, {
    hint: "Name a credential that may make and revoke keys with --with.",
  });
}

function readJson(text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    // No JSON where JSON is documented: the schema says so. The error itself would quote the text.
    return undefined;
  }
}
