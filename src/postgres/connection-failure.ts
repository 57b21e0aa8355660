/**
 * What went wrong when a database could not be reached, in words an operator can
 * act on. The URL and the password are never part of it.
 */
import { AppError, type ErrorCode } from "#errors.ts";

import type { ConnectionUrl } from "./connection-url.ts";

type Rule = {
  /** SQLSTATE or system error code. */
  codes?: readonly string[];
  message?: RegExp;
  code: ErrorCode;
  text: (url: ConnectionUrl) => string;
  hint: string;
};

/** The first rule that fits answers: those that read the message stand before those by code. */
const rules: readonly Rule[] = [
  {
    message: /unsupported startup parameter|prepared statement .* does not exist/,
    code: "precondition_failed",
    text: () => "a connection pooler refused a setting of the session",
    hint: "Use the direct connection, or the pooler's session mode (Supabase: port 5432 instead of 6543).",
  },
  {
    message: /no encryption|SSL off|SSL (connection )?is required|requires? (SSL|TLS)/i,
    code: "precondition_failed",
    text: () => "the server demands TLS",
    hint: "Add sslmode=require to the URL.",
  },
  {
    message: /does not support SSL connections/,
    code: "precondition_failed",
    text: (url) => `sslmode=${url.sslMode} demands TLS and the server offers none`,
    hint: "Turn TLS on in the server, or use sslmode=prefer on a network you trust.",
  },
  {
    codes: [
      "DEPTH_ZERO_SELF_SIGNED_CERT",
      "SELF_SIGNED_CERT_IN_CHAIN",
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
      "CERT_HAS_EXPIRED",
      "ERR_TLS_CERT_ALTNAME_INVALID",
    ],
    code: "precondition_failed",
    text: () => "the server's certificate could not be verified",
    hint: "Name the authority's file with sslrootcert in the URL, and the host as the certificate names it.",
  },
  {
    message: /password must be a( non-empty)? string|no password supplied/,
    code: "precondition_failed",
    text: (url) => `the server asks for a password of user "${url.user}" and the URL has none`,
    hint: "Write the password into the place that the reference in leveredge.yaml names.",
  },
  {
    codes: ["28P01"],
    code: "precondition_failed",
    text: (url) => `wrong password for user "${url.user}"`,
    hint: "Correct the URL in the place that the reference in leveredge.yaml names; percent-encode odd characters.",
  },
  {
    codes: ["28000"],
    code: "precondition_failed",
    text: (url) => `user "${url.user}" may not log in to database "${url.database}" from this host`,
    hint: "Check that the role exists and has LOGIN, and the server's pg_hba.conf.",
  },
  {
    codes: ["42501"],
    code: "precondition_failed",
    text: (url) => `user "${url.user}" may not connect to database "${url.database}"`,
    hint: "Grant it: grant connect on database DATABASE to USER.",
  },
  {
    codes: ["3D000"],
    code: "precondition_failed",
    text: (url) => `there is no database "${url.database}" on that server`,
    hint: "Correct the database's name in the URL, or create the database.",
  },
  {
    codes: ["53300"],
    code: "unavailable",
    text: () => "the server has no connection left",
    hint: "Close idle connections or raise max_connections, then run the command again.",
  },
  {
    codes: ["57P03"],
    code: "unavailable",
    text: () => "the server is starting up or shutting down",
    hint: "Wait until it accepts connections, then run the command again.",
  },
  {
    codes: ["ECONNREFUSED", "ENOENT", "ECONNRESET", "EPIPE"],
    code: "unavailable",
    text: (url) => `nothing answers as PostgreSQL at ${url.host}, port ${url.port}`,
    hint: "Check that the server runs and listens there.",
  },
  {
    codes: ["EACCES"],
    code: "unavailable",
    text: (url) => `this user may not open the socket in ${url.host}`,
    hint: "Give the user that runs leveredge access to the socket's directory.",
  },
  {
    codes: ["ENOTFOUND", "EAI_AGAIN"],
    code: "unavailable",
    text: (url) => `the host name ${url.host} does not resolve`,
    hint: "Correct the host in the URL, or the name resolution of this host.",
  },
  {
    codes: ["ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"],
    code: "upstream_timeout",
    text: (url) => `${url.host}, port ${url.port} cannot be reached`,
    hint: "Check the network and the firewall between the two hosts.",
  },
  {
    message: /timeout expired/,
    code: "upstream_timeout",
    text: (url) => `${url.host}, port ${url.port} did not answer in time`,
    hint: "Check the network and the firewall between the two hosts, and that the server is not overloaded.",
  },
  {
    message: /Connection terminated/,
    code: "unavailable",
    text: () => "the server closed the connection",
    hint: "Read the server's log; run the command again when it is up.",
  },
];

/** The error of a session that could not be opened. */
export function connectFailure(label: string, url: ConnectionUrl, cause: unknown): AppError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const message = cause instanceof Error ? cause.message : "";
  const rule = rules.find(
    (candidate) => candidate.codes?.includes(code) === true || candidate.message?.test(message) === true,
  );
  if (rule === undefined) {
    return new AppError("unavailable", `cannot connect to ${label}: ${withoutPassword(url, message)}`, { cause });
  }
  return new AppError(rule.code, `cannot connect to ${label}: ${rule.text(url)}`, { hint: rule.hint, cause });
}

/** The refusal of a pooler that hands one backend to several sessions. */
export function poolerRefusal(label: string): AppError {
  return new AppError(
    "precondition_failed",
    `${label} is reached through a pooler in transaction mode: locks and settings of a session would land in another`,
    { hint: "Use the direct connection, or the pooler's session mode (Supabase: port 5432 instead of 6543)." },
  );
}

function withoutPassword(url: ConnectionUrl, message: string): string {
  const password = url.password?.reveal();
  return password === undefined ? message : message.replaceAll(password, "[secret]");
}
