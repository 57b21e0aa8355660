/**
 * What an answer means. The order: a page of HTML proves nothing; the definition's
 * rules, the first that fits; then what holds for every service. What nothing fits is
 * unknown, and nothing here calls a key dead.
 */
import { type Body, holds } from "./conditions.ts";
import type { Rule, Verdict } from "./provider.ts";

/** PostgreSQL's answers have a SQLSTATE or `ok`, the others a number. */
export type Answer = {
  status: number | string;
  headers: Readonly<Record<string, string>>;
  body: Body;
  /** A mail server's numbers: 4xx is a bad moment, 5xx a refusal. */
  isMail?: true;
};

export type Judgement = { verdict: Verdict | "next"; note: string | undefined; retryAfterS: number | null };

export function judge(answer: Answer, rules: readonly Rule[], now: Date): Judgement {
  const retryAfterS = readRetryAfter(answer.headers["retry-after"], now);
  const said = (verdict: Verdict | "next", note?: string): Judgement => ({ verdict, note, retryAfterS });
  if (isPage(answer))
    return said(
      isTooMany(answer) ? "rate_limited" : isDown(answer) ? "provider_down" : "unknown",
      "a page of HTML, not the service's own answer",
    );
  const { rule, couldBeOther } = findRule(answer, rules);
  if (rule !== undefined) {
    return couldBeOther ? said("unknown", "the answer is no complete JSON") : said(rule.verdict, rule.note);
  }
  if (isTooMany(answer)) return said("rate_limited");
  if (isDown(answer)) return said("provider_down");
  return said("unknown");
}

/** The first rule that fits, and whether one before it with another verdict might have: the body does not tell. */
function findRule(
  { status, headers, body }: Answer,
  rules: readonly Rule[],
): { rule: Rule | undefined; couldBeOther: boolean } {
  const untold: Rule[] = [];
  for (const rule of rules) {
    if (!rule.status.some((wanted) => fitsStatus(wanted, status)) || !fitsHeaders(rule, headers)) continue;
    const isFit = rule.body === undefined || holds(rule.body, body);
    if (isFit === true) return { rule, couldBeOther: untold.some(({ verdict }) => verdict !== rule.verdict) };
    if (isFit === undefined) untold.push(rule);
  }
  return { rule: undefined, couldBeOther: false };
}

function fitsHeaders({ header = {} }: Rule, headers: Answer["headers"]): boolean {
  return Object.entries(header).every(([name, text]) => headers[name]?.includes(text) === true);
}

function fitsStatus(wanted: Rule["status"][number], status: Answer["status"]): boolean {
  if (wanted === "2xx" || wanted === "4xx")
    return typeof status === "number" && Math.floor(status / 100) === Number(wanted[0]);
  return wanted === status;
}

const pageType = /^\s*(?:text\/html|application\/xhtml)/i;
// After what may stand before it: an XML declaration, comments.
const pageStart = /^\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--[^>]{0,500}>\s*)?<(?:!doctype\s+html|html)\b/i;

function isPage({ status, headers, body, isMail }: Answer): boolean {
  if (typeof status !== "number" || isMail) return false;
  return pageType.test(headers["content-type"] ?? "") || pageStart.test(body.text);
}

function isTooMany({ status, isMail }: Answer): boolean {
  return status === 429 && !isMail;
}

function isDown({ status, isMail }: Answer): boolean {
  if (typeof status !== "number") return false;
  return isMail ? status < 500 : status === 408 || status === 425 || status >= 500;
}

/** Seconds, or a date (RFC 9110). */
function readRetryAfter(text: string | undefined, now: Date): number | null {
  if (text === undefined) return null;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, Math.ceil((at - now.getTime()) / 1000));
}
