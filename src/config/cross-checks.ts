/**
 * What no single value of the configuration shows: names that must exist, must
 * differ, must not meet. Checks whatever parts were readable, so that these
 * faults appear together with all others.
 */
import { isIP, isIPv4 } from "node:net";

import { findOverlap } from "#prices/overrides.ts";

import type { Config } from "./schema.ts";
import { parseTableName } from "./table-name.ts";

export type CrossFault = { path: PropertyKey[]; text: string };

export function crossCheck(config: Partial<Config>): CrossFault[] {
  return [
    ...checkEnvironments(config),
    ...checkMirror(config),
    ...checkReferenceTables(config),
    ...checkDoubles(config),
    ...checkNotifications(config),
    ...checkOutside(config),
    ...checkPrices(config),
    ...(config.platform?.root === "/"
      ? [{ path: ["platform", "root"], text: 'is "/", expected the folder of the platform\'s checkout' }]
      : []),
  ];
}

function checkEnvironments({ environments }: Partial<Config>): CrossFault[] {
  const dev = environments?.dev?.database;
  if (dev === undefined || dev !== environments?.prod?.database) return [];
  return [{ path: ["environments", "prod", "database"], text: `is the same as dev's (${dev}), expected another` }];
}

function checkMirror({ mirror, environments }: Partial<Config>): CrossFault[] {
  if (mirror === undefined) return [];
  const faults: CrossFault[] = [];
  if (mirror.to === "prod") {
    faults.push({ path: ["mirror", "to"], text: 'is "prod", expected dev: prod is never written by a mirror' });
  } else if (mirror.from === mirror.to) {
    faults.push({ path: ["mirror", "to"], text: `is "${mirror.to}" as mirror.from is, expected another environment` });
  }
  if (environments === undefined) return faults;
  const configured = Object.keys(environments);
  for (const side of ["from", "to"] as const) {
    if (configured.includes(mirror[side])) continue;
    const known = configured.length === 0 ? "none is configured" : `configured: ${configured.join(", ")}`;
    faults.push({
      path: ["mirror", side],
      text: `names the environment "${mirror[side]}", which environments does not have (${known})`,
    });
  }
  return faults;
}

function checkReferenceTables({ mirror, migrations }: Partial<Config>): CrossFault[] {
  const neverCopy = new Set(mirror?.never_copy.map(normalizeTable));
  const migrationTable = normalizeTable(migrations?.table ?? "public.schema_migrations");
  const seen = new Set<string>();
  return (mirror?.reference_tables ?? []).flatMap(({ table }, index) => {
    const path = ["mirror", "reference_tables", index, "table"];
    const normalized = normalizeTable(table);
    const faults: CrossFault[] = [];
    if (seen.has(normalized)) faults.push({ path, text: `is ${table}, which is listed already` });
    if (neverCopy.has(normalized)) {
      faults.push({ path, text: `is ${table}, which never_copy names: take it off one of the two lists` });
    }
    if (normalized === migrationTable) {
      faults.push({ path, text: `is ${table}, the migrations table: its rows are never mirrored` });
    }
    seen.add(normalized);
    return faults;
  });
}

function checkDoubles(config: Partial<Config>): CrossFault[] {
  const applications = config.access?.applications ?? [];
  return [
    ...findDoubles(
      "n8n",
      "name",
      config.n8n?.map(({ name }) => name),
    ),
    ...findDoubles(
      "backups",
      "name",
      config.backups?.map(({ name }) => name),
    ),
    ...findDoubles(
      "agents",
      "name",
      config.agents?.map(({ name }) => name.toLowerCase()),
    ),
    ...findDoubles(
      "agents",
      "port",
      config.agents?.map(({ port }) => String(port)),
    ),
    ...findDoubles(
      "repositories",
      "name",
      config.repositories?.map(({ name }) => name),
    ),
    ...findDoubles(
      "providers",
      "name",
      config.providers?.map(({ name }) => name),
    ),
    ...["name", "domain"].flatMap((key) =>
      findDoubles(
        "applications",
        key,
        applications.map((application) => (key === "name" ? application.name : application.domain)),
      ).map(({ path, text }) => ({ path: ["access", ...path], text })),
    ),
  ];
}

function findDoubles(list: string, key: string, values: readonly string[] | undefined): CrossFault[] {
  const first = new Map<string, number>();
  return (values ?? []).flatMap((value, index) => {
    const before = first.get(value);
    first.set(value, before ?? index);
    return before === undefined
      ? []
      : [{ path: [list, index, key], text: `is the same as that of ${list}[${before}]` }];
  });
}

/** A rule for a channel that is not there would lose messages without a word. */
function checkNotifications({ notifications }: Partial<Config>): CrossFault[] {
  if (notifications === undefined) return [];
  const configured = Object.keys(notifications.channels);
  const known = configured.length === 0 ? "none is configured" : `configured: ${configured.join(", ")}`;
  const named = [
    ...(notifications.rules ?? []).flatMap(({ channels }, rule) =>
      channels.map((channel, index) => ({ channel, path: ["rules", rule, "channels", index] })),
    ),
    ...(notifications.fallback === undefined ? [] : [{ channel: notifications.fallback, path: ["fallback"] }]),
  ];
  return named
    .filter(({ channel }) => !configured.includes(channel))
    .map(({ channel, path }) => ({
      path: ["notifications", ...path],
      text: `names the channel "${channel}", which notifications.channels does not have (${known})`,
    }));
}

/** Which of the two would hold is nobody's guess. */
function checkPrices({ usage }: Partial<Config>): CrossFault[] {
  const prices = usage?.prices ?? [];
  const overlap = findOverlap(prices);
  if (overlap === undefined) return [];
  const [first, second] = overlap;
  return [
    {
      path: ["usage", "prices", second, "valid_from"],
      text: `holds for ${prices[second]?.model} while usage.prices[${first}] does, expected periods that do not meet`,
    },
  ];
}

function checkOutside({ outside }: Partial<Config>): CrossFault[] {
  return Object.entries(outside ?? {}).flatMap(([service, { url, allow_private: isAllowed }]) =>
    isAllowed || !isPrivateHost(new URL(url).hostname)
      ? []
      : [
          {
            path: ["outside", service, "url"],
            text: `is ${url}, a private or loopback address: say allow_private: true if that is meant`,
          },
        ],
  );
}

/** By the name alone; what a public name resolves to is checked when it is called. */
function isPrivateHost(hostname: string): boolean {
  const host = hostname
    .replace(/^\[|\]$/g, "")
    .toLowerCase()
    .replace(/\.$/, "");
  if (isIP(host) === 0) return !host.includes(".") || /\.(localhost|local|internal|lan|home\.arpa)$/.test(host);
  if (isIPv4(host)) return isPrivateIpv4(host);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(host);
  if (mapped !== null) {
    const [high, low] = [Number.parseInt(mapped[1] ?? "0", 16), Number.parseInt(mapped[2] ?? "0", 16)];
    return isPrivateIpv4(`${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`);
  }
  return host === "::" || host === "::1" || /^(f[cd]|fe[89ab])/.test(host);
}

function isPrivateIpv4(address: string): boolean {
  return /^(0|10|127)\.|^192\.168\.|^169\.254\.|^172\.(1[6-9]|2[0-9]|3[01])\.|^100\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\./.test(
    address,
  );
}

function normalizeTable(text: string): string {
  return JSON.stringify(parseTableName(text));
}
