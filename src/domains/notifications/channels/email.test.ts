import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { inspect } from "node:util";

import { SMTPServer, type SMTPServerOptions } from "smtp-server";

import { AppError } from "#errors.ts";
import { Secret } from "#secrets/secret.ts";

import type { Message, SendContext, SendResult } from "./channel.ts";
import { openEmail } from "./email.ts";

const message: Message = {
  id: "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
  severity: "high",
  title: "backup set chronos is damaged",
  text: "Look at it: leveredge backups list",
  at: "2026-11-22T03:00:00.000Z",
};
const context: SendContext = { signal: AbortSignal.timeout(20_000), sentParts: 0, onPart: () => Promise.resolve() };

type Mail = { text: string; user: string | undefined };

async function startMailServer(
  t: TestContext,
  options: SMTPServerOptions = {},
): Promise<{ port: number; mails: Mail[] }> {
  const mails: Mail[] = [];
  const server = new SMTPServer({
    disabledCommands: ["STARTTLS"],
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _session, answer) =>
      password === "hunter2" ? answer(null, { user: username ?? "" }) : answer(new Error("bad credentials")),
    onData: (stream, session, done) => {
      let text = "";
      stream.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
      stream.on("end", () => {
        mails.push({ text, user: typeof session.user === "string" ? session.user : undefined });
        done();
      });
    },
    ...options,
  });
  server.on("error", () => undefined);
  const listening = server.listen(0, "127.0.0.1");
  await once(listening, "listening");
  t.after(() => new Promise<void>((resolve) => server.close(resolve)));
  const address = listening.address();
  assert.ok(typeof address === "object" && address !== null);
  return { port: address.port, mails };
}

async function send(url: string): Promise<SendResult> {
  const config = { smtp_url: "env:SMTP", from: "leveredge@example.com", to: ["damon@example.com"] };
  const sender = await openEmail(config, { openReference: () => Promise.resolve(new Secret(url)) });
  return sender.send(message, context);
}

test("a mail has the subject, the text and the delivery's id", async (t) => {
  const { port, mails } = await startMailServer(t);

  const result = await send(`smtp://ops:hunter2@127.0.0.1:${port}`);

  assert.equal(result.state, "sent");
  assert.equal(mails[0]?.user, "ops");
  assert.match(mails[0]?.text ?? "", /^Subject: backup set chronos is damaged\r$/m);
  assert.match(mails[0]?.text ?? "", /^Message-ID: <6f9619ff-8b86-4d01-b42d-00cf4fc964ff@example.com>\r$/m);
  assert.match(mails[0]?.text ?? "", /^Date: Sun, 22 Nov 2026 03:00:00 \+0000\r$/m);
  assert.match(mails[0]?.text ?? "", /Look at it: leveredge backups list/);
});

test("a wrong password blocks the channel and is not repeated, 4xx is tried again, 5xx is final", async (t) => {
  const refuse = (responseCode: number): SMTPServerOptions => ({
    onRcptTo: (_address, _session, answer) => answer(Object.assign(new Error("not now"), { responseCode })),
  });
  const wrong = await startMailServer(t, { authOptional: true });
  const busy = await startMailServer(t, { ...refuse(451), authOptional: true });
  const unknown = await startMailServer(t, { ...refuse(550), authOptional: true });

  const password = await send(`smtp://ops:wrongwrong@127.0.0.1:${wrong.port}`);
  const later = await send(`smtp://127.0.0.1:${busy.port}`);
  const never = await send(`smtp://127.0.0.1:${unknown.port}`);

  assert.equal(password.state, "blocked");
  assert.ok(!inspect(password).includes("wrongwrong"));
  assert.deepEqual([later.state, never.state], ["retry", "permanent"]);
});

test("a server that is down is tried again", async () => {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  assert.ok(typeof address === "object" && address !== null);
  probe.close();
  await once(probe, "close");

  const result = await send(`smtp://ops:hunter2@127.0.0.1:${address.port}`);

  assert.equal(result.state, "retry");
});

test("what is not an SMTP address is refused without repeating it", async () => {
  await assert.rejects(send("https://user:hunter2@example.com"), (error) => {
    assert.ok(!inspect(error).includes("hunter2"));
    return error instanceof AppError && error.code === "invalid_input";
  });
});
