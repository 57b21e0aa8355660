/**
 * What a secret looks like in somebody's table: by the name of its column, and by
 * the shape of its value. Both err towards refusing: a column that is none is
 * listed under `omit` or renamed, a secret that travelled cannot be called back.
 */

const secretWords =
  /(^|_)(pass|passwd|password|passphrase|pwd|secret|token|jwt|bearer|credential|(api|access|private|secret|signing|encryption|service|service_role|anon|auth|ssh|webhook)_?key|service_role|dsn|connection_(string|url|uri)|database_url|webhook_url|totp|otp|salt)s?(_|$)/;

/** Words that say something about a secret without being one: `max_tokens`, `token_count`, `credential_id`. */
const harmlessWords =
  /(^|_)(max|min|num|total|count|counts|used|limit|limits|budget|length|size|usage|cost|costs|price|id|ids|name|type|kind|ref|env|policy|label|description|at|status|expiry|ttl|provider|hint|rotation|format|enabled|required)(_|$)/;

/** Whether a column's name announces a secret. */
export function isSecretName(column: string): boolean {
  const words = column
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .toLowerCase();
  return secretWords.test(words) && !harmlessWords.test(words);
}

/** A PostgreSQL regular expression for the values of one kind of secret, and the strings one of which each such value has. */
type Shape = { marks: readonly string[]; pattern: string };

const shapes: readonly Shape[] = [
  { marks: ["sk-"], pattern: String.raw`\msk-[A-Za-z0-9_-]{16,}` },
  { marks: ["k_live_", "k_test_"], pattern: String.raw`\m[srp]k_(live|test)_[A-Za-z0-9]{10,}` },
  { marks: ["whsec_"], pattern: String.raw`\mwhsec_[A-Za-z0-9+/=]{16,}` },
  { marks: ["sb_secret_"], pattern: String.raw`\msb_secret_[A-Za-z0-9_-]{16,}` },
  { marks: ["sbp_"], pattern: String.raw`\msbp_[a-f0-9]{40}` },
  { marks: ["eyJ"], pattern: String.raw`\meyJ[A-Za-z0-9_-]{16,}` },
  { marks: ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], pattern: String.raw`\mgh[pousr]_[A-Za-z0-9]{20,}` },
  { marks: ["github_pat_"], pattern: String.raw`\mgithub_pat_[A-Za-z0-9_]{20,}` },
  { marks: ["glpat-", "glptt-", "glrt-"], pattern: String.raw`\mgl(pat|ptt|rt)-[A-Za-z0-9_-]{16,}` },
  { marks: ["xox"], pattern: String.raw`\mxox[a-z]-[A-Za-z0-9-]{10,}` },
  { marks: ["xapp-"], pattern: String.raw`\mxapp-[A-Za-z0-9-]{10,}` },
  { marks: ["AKIA", "ASIA"], pattern: String.raw`\mA(KIA|SIA)[A-Z0-9]{16}` },
  { marks: ["AIza"], pattern: String.raw`\mAIza[A-Za-z0-9_-]{35}` },
  { marks: ["ya29."], pattern: String.raw`\mya29[.][A-Za-z0-9_-]{20,}` },
  { marks: ["SG."], pattern: String.raw`\mSG[.][A-Za-z0-9_-]{16,}[.]` },
  { marks: ["hf_", "npm_", "gsk_", "npg_", "ntn_"], pattern: String.raw`\m(hf|npm|gsk|npg|ntn)_[A-Za-z0-9]{20,}` },
  { marks: ["pplx-", "xai-", "tvly-"], pattern: String.raw`\m(pplx|xai|tvly)-[A-Za-z0-9-]{20,}` },
  { marks: ["dop_v1_"], pattern: String.raw`\mdop_v1_[a-f0-9]{40,}` },
  { marks: ["AGE-SECRET-KEY-1"], pattern: "AGE-SECRET-KEY-1[A-Z0-9]{20,}" },
  { marks: [":AA"], pattern: String.raw`\m[0-9]{8,10}:AA[A-Za-z0-9_-]{33}` },
  { marks: ["hooks.slack.com/"], pattern: "hooks[.]slack[.]com/services/[A-Za-z0-9/]{10,}" },
  { marks: ["/api/webhooks/"], pattern: "discord(app)?[.]com/api/webhooks/[0-9]+/[A-Za-z0-9_-]{20,}" },
  { marks: ["://"], pattern: "[a-zA-Z]://[^/ :@]*:[^/ @]+@" },
  { marks: ["PRIVATE KEY"], pattern: "-----BEGIN [A-Z0-9 ]*PRIVATE KEY" },
  {
    marks: ['assword"', 'ecret"', 'oken"', 'pi_key"', 'pikey"', 'piKey"', 'te_key"', 'tekey"', 'teKey"'],
    pattern: String.raw`([pP]assword|[sS]ecret|[tT]oken|[aA]pi_?[kK]ey|[pP]rivate_?[kK]ey)"\s*:\s*"[^"]{8,}`,
  },
];

/** Strings one of which is in every value that `secretValuePattern` matches. */
export const secretMarks: readonly string[] = shapes.flatMap(({ marks }) => marks);

/** Keys with the prefixes of their issuers, JWTs, private keys, URLs with a password, JSON members named like a secret. */
export const secretValuePattern = shapes.map(({ pattern }) => pattern).join("|");
