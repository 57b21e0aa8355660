/** Where a credential's value may be sent: every origin that its check would ask, with the configuration's own. */
import { Secret } from "#secrets/secret.ts";

import { readServerUrl } from "./postgres-check.ts";
import type { Provider } from "./provider.ts";
import { baseUrlOf, listApplyingSteps, withDefaults } from "./requests.ts";
import { fill } from "./templates.ts";

type Outside = Readonly<Record<string, { url: string }>>;

/** scheme://host:port of each, sorted, by commas; "" when nothing is asked. A URL that is none has no origin. */
export function effectiveOrigin(
  provider: Provider,
  fields: Readonly<Record<string, string>>,
  outside: Outside,
): string {
  const values = withDefaults(provider, fields);
  const urls = listUrls(provider, values);
  if (urls.length === 0) return "";
  const entry = outside[provider.name];
  // Of servers that are asked over no HTTP an entry allows one address; it leads nowhere else.
  if (entry !== undefined && provider.check.kind === "http") return canonical(entry.url);
  return [...new Set(urls.map(canonical))]
    .filter((origin) => origin !== "")
    .toSorted()
    .join(",");
}

function listUrls(provider: Provider, values: Readonly<Record<string, string>>): string[] {
  const { check } = provider;
  switch (check.kind) {
    case "http":
      return listApplyingSteps(check.steps, values).map((step) => baseUrlOf(provider, step, values));
    case "postgres":
      return [originOfServer(values[check.connection_url] ?? "")];
    case "smtp":
      return [`smtp://${fill(check.host, values) ?? ""}:${fill(check.port, values) ?? ""}`];
    case "none":
      return [];
  }
}

/** Read as the connection itself reads it: two readers could see two hosts. */
function originOfServer(text: string): string {
  if (text === "") return "";
  const { host, port } = readServerUrl(new Secret(text));
  return `postgres://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

const defaultPorts: Readonly<Record<string, string>> = {
  "https:": "443",
  "http:": "80",
  "postgres:": "5432",
  "smtp:": "587",
  "smtps:": "465",
};

function canonical(text: string): string {
  if (!URL.canParse(text)) return "";
  const { protocol, hostname, port } = new URL(text);
  const scheme = protocol === "postgresql:" ? "postgres:" : protocol;
  return `${scheme}//${hostname.toLowerCase()}:${port === "" ? (defaultPorts[scheme] ?? "") : port}`;
}
