/**
 * A PostgreSQL connection URL, read once, so that our own sessions and the
 * client programs (`pg_dump`, `psql`) reach the same database in the same way.
 * It is read as libpq reads it, but a raw `@` or `#` in a password is understood
 * too. An error never repeats the URL.
 */
import { AppError } from "#errors.ts";
import { Secret } from "#secrets/secret.ts";

const sslModes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;

export type SslMode = (typeof sslModes)[number];

export type ConnectionUrl = {
  /** A host name, an address without brackets, or the directory of a Unix socket. */
  host: string;
  port: number;
  user: string;
  password: Secret | undefined;
  database: string;
  sslMode: SslMode;
  sslRootCert: string | undefined;
  sslCert: string | undefined;
  sslKey: string | undefined;
  channelBinding: string | undefined;
  /** Words for the server, such as `-c search_path=x`. */
  options: string | undefined;
};

const urlPattern = /^postgres(?:ql)?:\/\/(?<authority>[^/?]*)(?:\/(?<database>[^?]*))?(?:\?(?<query>.*))?$/s;

/** `invalid_input` names the label and what is missing or misspelt. */
export function parseConnectionUrl(label: string, url: Secret): ConnectionUrl {
  const groups = urlPattern.exec(url.reveal().trim())?.groups;
  if (groups === undefined) {
    throw new AppError("invalid_input", `${label}: this is not a PostgreSQL connection URL`, {
      hint: "Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with / and ? in the password as %2F and %3F.",
    });
  }
  const authority = splitAuthority(label, groups["authority"] ?? "");
  const query = parseQuery(label, groups["query"] ?? "");
  const read = (name: string, fromUrl: string | undefined): string | undefined => {
    const value = query.get(name) ?? decode(label, fromUrl ?? "");
    return value === "" ? undefined : value;
  };

  const user = required(label, "user", read("user", authority.user));
  const password = read("password", authority.password);
  return {
    host: required(label, "host", read("host", authority.host)),
    port: parsePort(label, read("port", authority.port)),
    user,
    password: password === undefined ? undefined : new Secret(password),
    database: read("dbname", groups["database"]) ?? user,
    sslMode: parseSslMode(label, read("sslmode", undefined)),
    sslRootCert: read("sslrootcert", undefined),
    sslCert: read("sslcert", undefined),
    sslKey: read("sslkey", undefined),
    channelBinding: read("channel_binding", undefined),
    options: read("options", undefined),
  };
}

/** Whether the server is reached through a socket file of this host. */
export function isUnixSocket(url: ConnectionUrl): boolean {
  return url.host.startsWith("/");
}

type Authority = { user: string; password: string; host: string; port: string };

function splitAuthority(label: string, authority: string): Authority {
  const at = authority.lastIndexOf("@");
  const credentials = at === -1 ? "" : authority.slice(0, at);
  const colon = credentials.indexOf(":");
  const place = /^(?<host>\[[^\]]*\]|[^:[\]]*)(?::(?<port>[^:]*))?$/.exec(authority.slice(at + 1))?.groups;
  if (place === undefined || (place["host"] ?? "").includes(",")) {
    throw new AppError("invalid_input", `${label}: the URL must name exactly one host and port`, {
      hint: "Write one host, an IPv6 address in brackets, and percent-encode @ : / ? in the password.",
    });
  }
  return {
    user: colon === -1 ? credentials : credentials.slice(0, colon),
    password: colon === -1 ? "" : credentials.slice(colon + 1),
    host: (place["host"] ?? "").replace(/^\[(.*)\]$/, "$1"),
    port: place["port"] ?? "",
  };
}

function parseQuery(label: string, query: string): Map<string, string> {
  const pairs = query.split("&").filter((pair) => pair !== "");
  return new Map(
    pairs.map((pair) => {
      const equals = pair.indexOf("=");
      const name = equals === -1 ? pair : pair.slice(0, equals);
      return [decode(label, name), equals === -1 ? "" : decode(label, pair.slice(equals + 1))];
    }),
  );
}

function decode(label: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A URIError repeats the text, which may be the password: it is not kept as cause.
    throw new AppError("invalid_input", `${label}: the URL has a % that starts no percent-encoded character`, {
      hint: "Write a % in a password as %25.",
    });
  }
}

function required(label: string, what: string, value: string | undefined): string {
  if (value !== undefined) return value;
  throw new AppError("invalid_input", `${label}: the URL names no ${what}`, {
    hint: "Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE.",
  });
}

function parsePort(label: string, text: string | undefined): number {
  if (text === undefined) return 5432;
  const port = Number(text);
  if (/^[0-9]+$/.test(text) && port >= 1 && port <= 65535) return port;
  throw new AppError("invalid_input", `${label}: the port must be a number from 1 to 65535`);
}

function parseSslMode(label: string, text: string | undefined): SslMode {
  if (text === undefined) return "prefer";
  const mode = sslModes.find((known) => known === text);
  if (mode !== undefined) return mode;
  throw new AppError("invalid_input", `${label}: unknown sslmode`, { hint: `Use one of ${sslModes.join(", ")}.` });
}
