import { provider } from "./provider.ts";

export const genericSmtp = provider({
  name: "generic_smtp",
  title: "SMTP server",
  category: "generic",
  type: "basic",
  fields: {
    host: { type: "string", required: true },
    port: { type: "string", required: true, shape: "^[0-9]{1,5}$" },
    secure: { type: "string", required: true, shape: "^(?:tls|starttls|none)$" },
    user: { type: "string", required: true },
    password: { type: "secret", required: true },
  },
  base_url: "smtp://{host}:{port}",
  docs_url: "https://nodemailer.com/smtp/#verify-smtp-connection-configuration",
  check: {
    kind: "smtp",
    host: "{host}",
    port: "{port}",
    secure: "{secure}",
    user: "{user}",
    password: "{password}",
    rules: [
      { status: [235], verdict: "valid" },
      // Microsoft has one code for wrong passwords and for mailboxes that take none; the text tells them apart.
      {
        status: [535],
        body: { all: [{ contains: "5.7.139" }, { contains: "credentials were incorrect" }] },
        verdict: "invalid",
      },
      {
        status: [535],
        body: { contains: "5.7.139" },
        verdict: "unknown",
        note: "the mailbox or its organisation takes no passwords over SMTP",
      },
      {
        status: [535],
        body: { any: [{ contains: "password expired" }, { contains: "password has expired" }] },
        verdict: "expired",
      },
      { status: [535], verdict: "invalid" },
      // Google's other 534 asks for a login in the browser and judges nothing.
      {
        status: [534],
        body: { contains: "application-specific password" },
        verdict: "invalid",
        note: "it takes application passwords alone",
      },
      { status: [421, 454], body: { contains: "4.7." }, verdict: "rate_limited" },
    ],
  },
  // Failed logins lock mailboxes.
  min_interval_s: 21_600,
  rotation: { mode: "manual", how: "set a new password with the mail provider, then: leveredge credentials rotate" },
});
