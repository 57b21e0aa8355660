/**
 * E-mail over SMTP. A connection is encrypted (`smtps:`, or `smtp:` with
 * STARTTLS) unless the server is on this host. The Message-ID is made of the
 * delivery's id, so that a mail that arrives twice can be told. 4xx is tried
 * again, 5xx is final (RFC 5321, 4.2.1).
 */
import { isIP } from "node:net";

import { createTransport } from "nodemailer";

import type { Config } from "#config/schema.ts";
import { AppError, readErrorCode } from "#errors.ts";
import type { Secret } from "#secrets/secret.ts";

import { type ChannelTools, type Message, type Sender, type SendResult } from "./channel.ts";
import { describeBody } from "./http-answer.ts";

type Email = NonNullable<NonNullable<Config["notifications"]>["channels"]["email"]>;
type Server = { host: string; port: number; secure: boolean; isLocal: boolean; user: string; password: string };

const timeoutMs = 20_000;

export async function openEmail(config: Email, tools: Pick<ChannelTools, "openReference">): Promise<Sender> {
  const server = readServer(await tools.openReference(config.smtp_url));
  return { send: (message, { signal }) => sendMail(config, server, message, signal) };
}

async function sendMail(config: Email, server: Server, message: Message, signal: AbortSignal): Promise<SendResult> {
  const transport = createTransport({
    host: server.host,
    port: server.port,
    secure: server.secure,
    requireTLS: !server.secure && !server.isLocal,
    ignoreTLS: server.isLocal && !server.secure,
    ...(server.user === "" ? {} : { auth: { user: server.user, pass: server.password } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const stop = (): void => transport.close();
  signal.addEventListener("abort", stop, { once: true });
  try {
    const { response } = await transport.sendMail({
      from: config.from,
      to: config.to,
      subject: subjectOf(message),
      text: message.text,
      date: new Date(message.at),
      messageId: `<${message.id}@${config.from.split("@")[1] ?? "localhost"}>`,
      headers: { "Auto-Submitted": "auto-generated" },
      ...(message.severity === "high" ? { priority: "high" as const } : {}),
    });
    return { state: "sent", remoteId: describeBody(response, [server.password]) };
  } catch (error) {
    return describeFailure(error, server);
  } finally {
    signal.removeEventListener("abort", stop);
    transport.close();
  }
}

function subjectOf({ title, text }: Message): string {
  const line = title === "" ? (text.split("\n").find((part) => part.trim() !== "") ?? "LeverEdge") : title;
  return line.trim().slice(0, 200);
}

function describeFailure(error: unknown, server: Server): SendResult {
  const reply = error instanceof Error && "responseCode" in error ? Number(error.responseCode) : Number.NaN;
  const said = error instanceof Error ? describeBody(error.message, [server.password]) : "no reason was given";
  const why = `e-mail server ${server.host}: ${said}`;
  // 530, 534, 535: who we are is refused, not the mail (RFC 4954, 6).
  if (reply === 530 || reply === 534 || reply === 535) return { state: "blocked", why };
  if (reply >= 500) return { state: "permanent", why };
  // Without TLS the password and the mail would travel in clear: no later try may do that either.
  const isWithoutTls = readErrorCode(error) === "ETLS" && /STARTTLS/i.test(said);
  return isWithoutTls
    ? { state: "blocked", why: `${why}; use smtps: or a server with STARTTLS` }
    : { state: "retry", why };
}

/** `smtp://USER:PASSWORD@HOST:PORT` or `smtps:`; an error never repeats it. */
function readServer(secret: Secret): Server {
  const text = secret.reveal();
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^smtps?:$/.test(url.protocol) || url.hostname === "") {
    throw new AppError("invalid_input", "smtp_url is not an SMTP address", {
      hint: "Write smtps://USER:PASSWORD@HOST:465 or smtp://USER:PASSWORD@HOST:587.",
    });
  }
  const secure = url.protocol === "smtps:";
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return {
    host,
    port: url.port === "" ? (secure ? 465 : 587) : Number(url.port),
    secure,
    isLocal: host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127.")),
    user: decode(url.username),
    password: decode(url.password),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A raw % in a password: it means itself.
    return text;
  }
}
