/**
 * A check of an SMTP account: greeting, EHLO, AUTH, QUIT; nothing is ever sent. The
 * connection is encrypted before the password goes, unless the configuration allows
 * that very server to be private.
 */
import SMTPConnection from "nodemailer/lib/smtp-connection";

import { AppError, readErrorCode } from "#errors.ts";
import { tlsNameOf } from "#outbound/address.ts";

import type { CheckTools } from "./ask.ts";
import { readBody } from "./conditions.ts";
import { type Asked, describeSilence } from "./decided.ts";
import type { Check, Provider } from "./provider.ts";
import { fill, type Values } from "./templates.ts";

const timeoutMs = 8_000;
/** Ports that mail servers have; on others a stranger's service would be talked to. */
const mailPorts: ReadonlySet<number> = new Set([25, 465, 587, 2525]);

/** The answer's status is the reply code of AUTH, 235 for a login. */
export async function askSmtp(
  tools: Pick<CheckTools, "outbound">,
  provider: Pick<Provider, "name">,
  check: Extract<Check, { kind: "smtp" }>,
  values: Values,
  signal: AbortSignal,
): Promise<Asked> {
  const host = fill(check.host, values) ?? "";
  const port = Number(fill(check.port, values));
  try {
    const { address, isPrivate } = await tools.outbound.resolve({ service: provider.name, scheme: "smtp", host, port });
    if (!isPrivate && !mailPorts.has(port)) {
      throw new AppError("invalid_input", `port ${port} is no port of a mail server`, {
        hint: "Use 465, 587, 25 or 2525.",
      });
    }
    const secure = fill(check.secure, values) === "tls" || port === 465;
    const connection = new SMTPConnection({
      host: address,
      port,
      secure,
      requireTLS: !secure && !isPrivate,
      ignoreTLS: isPrivate && !secure,
      tls: { ...tlsNameOf(host), rejectUnauthorized: !isPrivate },
      connectionTimeout: timeoutMs,
      greetingTimeout: timeoutMs,
      socketTimeout: timeoutMs,
    });
    signal.throwIfAborted();
    const stop = (): void => connection.close();
    signal.addEventListener("abort", stop, { once: true });
    try {
      return await signIn(connection, fill(check.user, values) ?? "", fill(check.password, values) ?? "");
    } finally {
      signal.removeEventListener("abort", stop);
      connection.close();
    }
  } catch (error) {
    return describeRefusal(error);
  }
}

async function signIn(connection: SMTPConnection, user: string, pass: string): Promise<Asked> {
  await new Promise<void>((done, fail) => {
    connection.once("error", fail);
    connection.connect((error) => (error instanceof Error ? fail(error) : done()));
  });
  if (!connection.allowsAuth) {
    return { state: "silent", verdict: "unknown", why: "the server offers no way to sign in" };
  }
  await new Promise<void>((done, fail) => {
    connection.once("error", fail);
    connection.login({ user, credentials: { user, pass } }, (error) => (error instanceof Error ? fail(error) : done()));
  });
  connection.quit();
  return answered(235, "");
}

function describeRefusal(error: unknown): Asked {
  if (error instanceof AppError) return describeSilence(error);
  const reply = error instanceof Error && "responseCode" in error ? error.responseCode : undefined;
  const text =
    error instanceof Error && "response" in error && typeof error.response === "string" ? error.response : "";
  if (typeof reply === "number") return answered(reply, text);
  const code = readErrorCode(error) ?? "the connection broke";
  if (code === "EAUTH")
    return { state: "silent", verdict: "unknown", why: "the server offers no way to sign in that is known here" };
  return { state: "silent", verdict: "provider_down", why: `the mail server cannot be reached: ${code}` };
}

function answered(status: number, text: string): Asked {
  return { state: "answered", answer: { status, headers: {}, body: readBody(text, true), isMail: true } };
}
