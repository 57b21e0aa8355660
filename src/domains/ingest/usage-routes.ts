/** `POST /usage`: one call or many, each with its receipt. */
import { z } from "zod";

import type { App } from "#app.ts";
import { type Ledger, type Origin, type Receipt, UsageEnvironment } from "#domains/usage/usage.ts";
import { AppError } from "#errors.ts";
import { requireActor, type Route, route } from "#http/route.ts";

import { asObject } from "./json.ts";
import { chooseEnvironment, findForbidden, parseJson, readCall, type ReadCall, SentCall } from "./read-calls.ts";

const limitBytes = 8 * 1024 * 1024;
const mostCalls = 10_000;

const Body = z.union([z.strictObject({ calls: z.array(SentCall).max(mostCalls) }), SentCall]);
const Reply = z
  .object({
    receipts: z.array(
      z.object({
        index: z.int(),
        state: z.enum(["recorded", "duplicate", "rejected"]),
        id: z.int().optional().describe("Of a duplicate that of the first"),
        reason: z.string().optional(),
        notes: z.array(z.string()).optional(),
      }),
    ),
  })
  .meta({ id: "UsageReceipts", description: "What came of each call, in the order in which they were sent" });

export function listUsageRoutes(app: Pick<App, "config" | "now">, ledger: Ledger): readonly Route[] {
  return [
    route({
      method: "POST",
      path: "/usage",
      summary: "record calls of language models",
      description:
        "Answered once they are durable. A call that is told twice under one id is booked once. Each item has its receipt; the status is 422 only when none was taken. A time without an offset is the platform's.",
      permission: "usage:write",
      environment: "any",
      query: z.strictObject({ environment: UsageEnvironment.optional() }),
      intake: { types: ["application/json"], limitBytes, shape: Body },
      response: { 200: Reply, 422: Reply },
      handle: async (request) => {
        const actor = requireActor(request);
        const environment = chooseEnvironment(actor, request.query.environment);
        const reading = { timezone: app.config.platform.timezone, now: app.now(), environment };
        const read = listValues(parseJson(request.bytes)).map((value): ReadCall => {
          const one = readCall(value, reading);
          return "call" in one ? (findForbidden(actor, one.call) ?? one) : one;
        });
        const receipts = await recordRead(ledger, read, { source: "api", environment });
        const isRefused = receipts.length > 0 && receipts.every(({ state }) => state === "rejected");
        return {
          status: isRefused ? 422 : 200,
          body: { receipts: receipts.map((receipt, index) => ({ index, ...receipt })) },
        };
      },
    }),
  ];
}

/** Records those that are calls; the receipts are in the order of all. */
export async function recordRead(
  ledger: Pick<Ledger, "record" | "reject">,
  read: readonly ReadCall[],
  about: Origin,
): Promise<Receipt[]> {
  const calls = read.flatMap((one) => ("call" in one ? [one.call] : []));
  ledger.reject(read.length - calls.length, about);
  const taken = (calls.length === 0 ? [] : await ledger.record(calls, about)).values();
  return read.map((one): Receipt => {
    if (!("call" in one)) return { state: "rejected", reason: one.reason };
    const { value } = taken.next();
    if (value === undefined) throw new AppError("internal", "the ledger answered with fewer receipts than calls");
    return value;
  });
}

function listValues(body: unknown): readonly unknown[] {
  if (Array.isArray(body)) throw tooLoose("a list");
  const { calls, ...others } = asObject(body);
  if (calls === undefined) return [body];
  if (!Array.isArray(calls) || Object.keys(others).length > 0) throw tooLoose("of another form");
  if (calls.length <= mostCalls) return calls;
  throw new AppError("invalid_input", `the body has ${calls.length} calls, at most ${mostCalls} are taken at once`, {
    hint: "Send them in parts.",
  });
}

function tooLoose(what: string): AppError {
  return new AppError("invalid_input", `the body is ${what}`, { hint: 'Send {"calls": […]}, or one call.' });
}
