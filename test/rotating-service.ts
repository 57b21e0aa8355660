/**
 * Services whose keys are made, listed, deleted and looked at over their own APIs, with
 * state, on a real socket: Cloudflare, OpenRouter and GitLab as they document it. A trap
 * ends the program that asks, before the service does what it is asked or before it answers.
 */
import { randomBytes, randomUUID } from "node:crypto";
import type { TestContext } from "node:test";

import { type Answer, type AskedRequest, type OutsideServer, startOutsideServer } from "./outside-server.ts";

export type ServiceKey = {
  id: string;
  value: string;
  name: string;
  mayManage: boolean;
  isLive: boolean;
  /** The rest of what it was made with. */
  made: Record<string, unknown>;
};

export type Trap = { at: number; when: "before" | "after"; spring: () => void };

export type RotatingService = {
  url: string;
  asked: OutsideServer["asked"];
  keys: ServiceKey[];
  /** What is played instead of the service, for the requests that it answers. */
  disturb: (request: AskedRequest) => Answer | undefined;
  trap: Trap | undefined;
  add(key: Pick<ServiceKey, "name"> & Partial<ServiceKey>): ServiceKey;
};

export type ServiceName = "cloudflare" | "openrouter" | "gitlab";

type Play = (service: RotatingService, request: AskedRequest, path: string, own: ServiceKey | undefined) => Answer;

const plays: Record<ServiceName, Play> = { cloudflare: playCloudflare, openrouter: playOpenrouter, gitlab: playGitlab };

const values: Record<ServiceName, () => string> = {
  cloudflare: () => `cfut_${randomBytes(24).toString("hex")}`,
  openrouter: () => `sk-or-v1-${randomBytes(32).toString("hex")}`,
  gitlab: () => `glpat-${randomBytes(12).toString("hex")}`,
};

export async function startRotatingService(t: TestContext, name: ServiceName): Promise<RotatingService> {
  const service: RotatingService = {
    url: "",
    asked: [],
    keys: [],
    disturb: () => undefined,
    trap: undefined,
    add: (key) => {
      const added = { id: randomUUID(), value: values[name](), mayManage: false, isLive: true, made: {}, ...key };
      service.keys.push(added);
      return added;
    },
  };
  const server = await startOutsideServer(t, (request) => {
    const disturbed = service.disturb(request);
    if (disturbed !== undefined) return disturbed;
    const { trap } = service;
    const isTrapped = trap?.at === server.asked.length;
    if (isTrapped && trap.when === "before") {
      trap.spring();
      return undefined;
    }
    const answer = plays[name](service, request, new URL(request.url, server.url).pathname, findOwn(service, request));
    if (isTrapped) {
      trap.spring();
      return undefined;
    }
    return answer;
  });
  return Object.assign(service, { url: server.url, asked: server.asked });
}

function findOwn({ keys }: RotatingService, { headers }: AskedRequest): ServiceKey | undefined {
  const given = headers["private-token"] ?? headers.authorization?.replace(/^Bearer /, "");
  return keys.find(({ value }) => value === given);
}

function json(status: number, body: unknown): Answer {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

function playCloudflare(service: RotatingService, request: AskedRequest, path: string, own?: ServiceKey): Answer {
  const fail = (status: number, code: number) => json(status, { success: false, errors: [{ code }], result: null });
  const succeed = (result: unknown) => json(200, { success: true, errors: [], result });
  const show = ({ id, name, made }: ServiceKey) => ({ id, name, status: "active", ...made });
  const [, account, id] = /^\/client\/v4\/(user|accounts\/[^/]+)\/tokens(?:\/([^/]+))?$/.exec(path) ?? [];
  if (own?.isLive !== true || account !== "user") return fail(401, 1000);
  if (id === "verify") return succeed({ id: own.id, status: "active" });
  if (!own.mayManage) return fail(403, 9109);
  if (request.method === "POST") {
    const { name, ...made } = JSON.parse(request.body) as Record<string, unknown>;
    const added = service.add({ name: String(name), made, mayManage: own.mayManage && made["manages"] === true });
    return succeed({ ...show(added), value: added.value });
  }
  if (id === undefined) {
    const query = new URL(request.url, service.url).searchParams;
    const size = Number(query.get("per_page"));
    const first = (Number(query.get("page")) - 1) * size;
    return succeed(
      service.keys
        .filter(({ isLive }) => isLive)
        .slice(first, first + size)
        .map(show),
    );
  }
  const found = service.keys.find((key) => key.id === id && key.isLive);
  if (found === undefined) return fail(404, 1003);
  if (request.method === "DELETE") found.isLive = false;
  return succeed(request.method === "DELETE" ? { id } : show(found));
}

function playOpenrouter(service: RotatingService, request: AskedRequest, path: string, own?: ServiceKey): Answer {
  const fail = (code: number) => json(code, { error: { message: "no", code } });
  const label = ({ value }: ServiceKey) => `${value.slice(0, 12)}...${value.slice(-3)}`;
  const show = (key: ServiceKey) => ({ hash: key.id, name: key.name, label: label(key), disabled: false, ...key.made });
  const [, one, hash] = /^\/api\/v1\/(keys?)(?:\/([^/]+))?$/.exec(path) ?? [];
  if (own?.isLive !== true) return fail(401);
  if (one === "key") return json(200, { data: { label: label(own), creator_user_id: "user_1" } });
  if (!own.mayManage) return fail(401);
  if (request.method === "POST") {
    const { name, ...made } = JSON.parse(request.body) as Record<string, unknown>;
    const added = service.add({ name: String(name), made });
    return json(201, { key: added.value, data: show(added) });
  }
  if (hash === undefined) {
    const offset = Number(new URL(request.url, service.url).searchParams.get("offset"));
    return json(200, {
      data: service.keys
        .filter(({ isLive }) => isLive)
        .slice(offset, offset + 100)
        .map(show),
    });
  }
  const found = service.keys.find((key) => key.id === hash && key.isLive);
  if (found === undefined) return fail(404);
  if (request.method === "DELETE") found.isLive = false;
  return json(200, request.method === "DELETE" ? { deleted: true } : { data: show(found) });
}

/** A rotation that is asked for with a key that was rotated before ends its successor too. */
function playGitlab(service: RotatingService, request: AskedRequest, path: string, own?: ServiceKey): Answer {
  const self = "/api/v4/personal_access_tokens/self";
  if (own === undefined) return json(401, { message: "401 Unauthorized" });
  if (!own.isLive) {
    if (path === `${self}/rotate`) for (const key of service.keys) if (!key.mayManage) key.isLive = false;
    return json(401, { error: "invalid_token", error_description: "Token was revoked. You have to re-authorize." });
  }
  const show = { id: 1, name: own.name, active: true, revoked: false, user_id: 7, scopes: ["api"], ...own.made };
  if (path === self && request.method === "GET") return json(200, show);
  if (path !== `${self}/rotate` || request.method !== "POST") return json(404, { message: "404 Not Found" });
  if (own.name.includes("without a scope")) return json(403, { error: "insufficient_scope" });
  own.isLive = false;
  const added = service.add({ name: own.name, made: { ...own.made, ...(JSON.parse(request.body) as object) } });
  return json(200, { ...show, ...added.made, id: service.keys.length, token: added.value });
}
