/**
 * Takes secrets out of text that is kept or shown: SQL, program output, messages.
 * It knows a secret by its shape or by the name before it, and rather takes too
 * much than too little. A secret with neither cannot be told from other text: this
 * is a net under the rule that no secret gets there, not a replacement for it.
 */

const mark = "[secret]";

const scheme = /\b[a-z][a-z0-9+.-]{0,30}:\/\//.source;

/** A secret by its own shape, or by what stands directly before it (`$1`). */
const shapes: { pattern: RegExp; replacement: string }[] = [
  // A private key in PEM; when its end is cut off, up to the end of the text.
  {
    pattern: /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----|$)/g,
    replacement: mark,
  },
  // A URL's user:password@; people also write passwords with / and @ in it.
  { pattern: new RegExp(`(${scheme}[^\\s:@/?#'"]{0,256}:)[^\\s'"]{1,1024}@`, "gi"), replacement: `$1${mark}@` },
  // A URL's token@, longer than the user names people have.
  { pattern: new RegExp(`(${scheme})[^\\s:@/?#'"]{20,1024}@`, "gi"), replacement: `$1${mark}@` },
  { pattern: /\b((?:bearer|basic)\s{1,20})[a-z0-9._~+/-]{8,}=*/gi, replacement: `$1${mark}` },
  // JSON Web Tokens.
  { pattern: /eyJ[\w-]{6,}\.[\w-]{2,}(?:\.[\w-]*)?/g, replacement: mark },
  // What providers put before their keys.
  {
    pattern:
      /\b(?:sk|rk|pk|gsk|xai|pplx|hf|r8|whsec|sbp|sb_secret|npm|pypi|dop_v1|shpat|glpat|github_pat|gh[opsur]|xox[abeoprs]|aegis_(?:pat|gw|svc))[_-][\w-]{16,}/g,
    replacement: mark,
  },
  { pattern: /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, replacement: mark },
  { pattern: /\bAIza[\w-]{35}/g, replacement: mark },
  { pattern: /\bSG\.[\w-]{16,}\.[\w-]{16,}/g, replacement: mark },
  { pattern: /\bAGE-SECRET-KEY-1[0-9A-Z]{20,}/g, replacement: mark },
  // Telegram bots.
  { pattern: /\b\d{8,10}:[\w-]{35}/g, replacement: mark },
  // What PostgreSQL stores of a password.
  { pattern: /\bSCRAM-SHA-256\$[\w+/=:$]{20,}/g, replacement: mark },
  { pattern: /\bmd5[0-9a-f]{32}\b/g, replacement: mark },
];

/** Names whose value is a secret, as they end: `password`, `DB_PASSWORD`, `x-api-key`, `clientSecret`. */
const name =
  /(?:pass(?:word|wd|phrase)|pwd|secret|token|authorization|(?:api|access|private|secret|service|signing|encryption|auth|account|role)[_-]?key)(?:s|\d{1,2})?(?:_(?:hash|value|text))?/
    .source;

/** Between name and value: the name's own closing quote and cast, then what joins them in SQL, JSON, YAML and headers. */
const joint =
  /(?:\\?["'])?(?:::\w{1,63})?(?:\s{0,20}(?:=>|:=|=|:(?!:)|,)\s{0,20}|\s{1,20}|\s[\w\s().]{0,80}?\bdefault\s{1,20})/
    .source;

/** How a value is quoted, and what stands in its place. One that is cut off ends with the text. */
const quotedValues = [
  { value: /E'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)/.source, replacement: `$1E'${mark}'` },
  { value: /'(?:[^']|'')*(?:'|$)/.source, replacement: `$1'${mark}'` },
  { value: String.raw`(\$\w{0,63}\$)[\s\S]*?(?:\2|$)`, replacement: `$1$2${mark}$2` },
  { value: /\\"(?:[^"\\]|\\[^"])*(?:\\"|$)/.source, replacement: `$1\\"${mark}\\"` },
  { value: /"(?:[^"\\]|\\[\s\S])*(?:"|$)/.source, replacement: `$1"${mark}"` },
].map(({ value, replacement }) => ({ pattern: new RegExp(`(${name}${joint})${value}`, "gi"), replacement }));

/** What follows `tokens:` in a scope: `tokens:write:dev` says who may do what. */
const scopeRest = /(?:read|write|\*):(?:dev|prod|shared|\*)(?=$|[\s,;)\]"'])/.source;

/** What follows the name of a file: `passwd:12:5`. */
const placeRest = /:\d{1,7}:\d{1,7}(?=$|[\s:,;)\]"'])/.source;

/**
 * `password=value` and `x-api-key: value`. A cast (`token::text`) is none, nor is a place in
 * a file, and what is replaced already stays.
 */
const bareValues = {
  pattern: new RegExp(
    `(${name}(?!${placeRest})(?:=|:(?!:)[ \\t]?))(?!\\[secret\\]|${scopeRest})[^\\s'"&;,:=$\\\\][^\\s'"&;,]*`,
    "gi",
  ),
  replacement: `$1${mark}`,
};

const rules = [...shapes, ...quotedValues, bareValues];

/** The text with `[secret]` in place of every secret it recognises. */
export function redact(text: string): string {
  return rules.reduce((redacted, { pattern, replacement }) => redacted.replaceAll(pattern, replacement), text);
}
