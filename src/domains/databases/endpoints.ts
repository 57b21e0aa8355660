/**
 * Addresses and keys inside SQL text: a function that is copied from prod calls
 * prod's endpoints with prod's keys, also when it runs on dev.
 */

const urlHost = /\b[a-z][a-z0-9+.-]*:\/\/(?:[^\s'"/@]*@)?(\[[0-9a-f:]+\]|[^\s'"/:?#\\),;]+)/gi;
const connectionHost = /\bhost(?:addr)?\s*=\s*([^\s'";,)]+)/gi;
const keys: readonly { name: string; pattern: RegExp }[] = [
  { name: "a JWT", pattern: /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/ },
  { name: "an API key", pattern: /\b(?:sk|pk|rk)[-_](?:[A-Za-z0-9]+[-_])*[A-Za-z0-9]{16,}/ },
  { name: "a GitHub token", pattern: /\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})/ },
  { name: "a Slack token", pattern: /\bxox[abeprs]-[A-Za-z0-9-]{10,}/ },
  { name: "an AWS key", pattern: /\bAKIA[0-9A-Z]{16}\b/ },
  { name: "a private key", pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----/ },
  { name: "a bearer token", pattern: /\bBearer\s+[A-Za-z0-9._~+/-]{16,}/ },
];
const thisHost = /^(localhost|127\..*|\[::1\]|0\.0\.0\.0)$/i;

/** What the text reaches or holds, in words that show no secret: `host api.example.com`, `a JWT`. */
export function findEndpoints(sql: string): string[] {
  const hosts = [...sql.matchAll(urlHost), ...sql.matchAll(connectionHost)].map((match) => match[1] ?? "");
  const outside = hosts
    .filter((host) => host !== "" && !thisHost.test(host))
    .map((host) => `host ${host.toLowerCase()}`);
  const held = keys.filter(({ pattern }) => pattern.test(sql)).map(({ name }) => name);
  return [...new Set([...outside, ...held])];
}
