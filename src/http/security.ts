/**
 * What guards every request before its route: whom the server is asked as, whether
 * a browser was made to ask, and what a browser may do with the answer. The rules
 * follow OWASP ASVS 5.0, chapters 3.3 to 3.5.
 */
import { AppError } from "#errors.ts";

const loopbackNames = new Set(["localhost", "127.0.0.1", "[::1]"]);
const safeMethods = new Set(["GET", "HEAD", "OPTIONS"]);

const yearSeconds = 365 * 24 * 60 * 60;

/** Sent with every answer; pages and the API alike load nothing from elsewhere. */
const constantHeaders: Readonly<Record<string, string>> = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};

/** Browsers that came by https once stay with it for a year. */
export function securityHeaders(publicUrl: string | undefined): Record<string, string> {
  const isSecure = publicUrl?.startsWith("https:") === true;
  return { ...constantHeaders, ...(isSecure ? { "strict-transport-security": `max-age=${yearSeconds}` } : {}) };
}

type Asked = { method: string; host: string | undefined; headers: Record<string, string | string[] | undefined> };

/** By name: what Fastify's request has are getters, which a spread loses. */
export function readAsked({ method, headers }: Omit<Asked, "host">): Asked {
  return { method, host: typeof headers["host"] === "string" ? headers["host"] : undefined, headers };
}

/** `forbidden` for a name that is not ours: a foreign page whose name was made to lead here. */
export function checkHost({ host = "" }: Asked, publicUrl: string | undefined): void {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  if (loopbackNames.has(name)) return;
  if (publicUrl !== undefined && host.toLowerCase() === new URL(publicUrl).host) return;
  throw new AppError("forbidden", "this server does not answer to that name", {
    hint: "Ask for localhost, or set serve.public_url in leveredge.yaml.",
  });
}

/** `forbidden` when a browser says that another site made it ask for a change. */
export function checkOrigin({ method, host, headers }: Asked): void {
  if (safeMethods.has(method)) return;
  const site = headers["sec-fetch-site"];
  const origin = headers["origin"];
  const isForeignSite = site !== undefined && site !== "same-origin" && site !== "none";
  const isForeignOrigin = typeof origin === "string" && (!URL.canParse(origin) || new URL(origin).host !== host);
  if (isForeignSite || isForeignOrigin) throw new AppError("forbidden", "the request comes from another site");
}

/** A session is sent by the browser by itself: a change needs proof that one of our pages asked for it. */
export function checkSessionProof({ method, headers }: Asked): void {
  if (safeMethods.has(method) || headers["x-leveredge"] === "1") return;
  throw new AppError("forbidden", "a change with a session needs the header x-leveredge: 1");
}
