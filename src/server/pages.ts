/**
 * The pages there are until the dashboard exists: plain HTML of this server,
 * without a script but the one that signs in. Every value is escaped.
 */
import type { App } from "#app.ts";
import type { Check } from "#domain.ts";
import type { RunSummary } from "#domains/hardening/run-view.ts";
import type { Actor } from "#http/permission.ts";

export const stylesheet = `
:root { color-scheme: light dark; --ink: #1a1f2b; --faint: #5a6474; --ground: #fbfbfd; --card: #fff; --line: #dfe3ea; --good: #17703a; --loose: #8a5a00; --bad: #b3261e; --link: #1d4ed8 }
@media (prefers-color-scheme: dark) { :root { --ink: #e7eaf0; --faint: #9aa4b5; --ground: #12151c; --card: #1a1e28; --line: #2d3340; --good: #6ed391; --loose: #e9b44c; --bad: #ff8f87; --link: #8ab4ff } }
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 4rem }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .25rem }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
p { margin: .25rem 0 .75rem }
a { color: var(--link) }
.faint { color: var(--faint) }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem }
ul.checks { list-style: none; margin: 0; padding: 0 1rem }
ul.checks li { display: grid; grid-template-columns: 5.2rem 1fr; padding: .6rem 0; border-top: 1px solid var(--line); overflow-wrap: anywhere }
ul.checks li:first-child { border-top: 0 }
.state { font-weight: 600 }
@media (max-width: 36rem) { ul.checks li { grid-template-columns: 1fr } }
.ok { color: var(--good) } .loose, .unknown { color: var(--loose) } .failed { color: var(--bad) }
code { font: .9em ui-monospace, monospace; background: var(--ground); border: 1px solid var(--line); border-radius: .25rem; padding: .05rem .3rem }
nav { display: flex; gap: 1rem; flex-wrap: wrap; margin-top: 1.5rem }
`;

/** Takes the token from behind #, where no server sees it, and gives it away once. */
export const signInScript = `
const say = (text) => { document.getElementById("state").textContent = text };
const token = location.hash.slice(1);
history.replaceState(null, "", "/sign-in");
const signIn = async () => {
  if (token === "") return say("This page needs a one-time link. Make one on the server: leveredge sign-in");
  const answer = await fetch("/sign-in", { method: "POST", headers: { "content-type": "application/json", "x-leveredge": "1" }, body: JSON.stringify({ token }) });
  if (!answer.ok) {
    const body = await answer.json().catch(() => ({}));
    const error = body.error ?? { message: "the server did not answer as expected" };
    return say("Not signed in: " + error.message + (error.hint ? ". " + error.hint : ""));
  }
  const me = await fetch("/me");
  if (me.ok) return location.replace("/");
  say("This browser keeps no secure cookie over plain HTTP. Use another browser, or https through serve.public_url.");
};
signIn().catch(() => say("The server cannot be reached."));
`;

export function renderSignInPage(platform: string): string {
  return renderPage(
    `Sign in – ${platform}`,
    `<h1>${escapeHtml(platform)}</h1><p id="state" role="status">Signing in…</p>
<noscript><p>Signing in needs JavaScript: the token stands behind # and is sent by a script.</p></noscript>`,
    ["/assets/sign-in.js"],
  );
}

export type StartPage = {
  askedAt: string;
  checks: readonly Check[];
  lastRun: RunSummary | undefined;
  actor: Actor | undefined;
};

/** What is loose, what the last run came to, and where to go on. */
export function renderStartPage(
  app: Pick<App, "config" | "programVersion">,
  { askedAt, checks, lastRun, actor }: StartPage,
): string {
  const open = checks.filter(({ state }) => state !== "ok");
  const summary =
    open.length === 0 ? "Everything answers as it should." : `${open.length} of ${checks.length} checks want a look.`;
  const body = `<h1>${escapeHtml(app.config.platform.name)}</h1>
<p class="faint">LeverEdge ${escapeHtml(app.programVersion)}, signed in as ${escapeHtml(actor?.name ?? "")}</p>
<h2>Last run</h2>${renderRun(lastRun)}
<h2>Health</h2><p>${summary} <span class="faint">Asked ${renderInstant(askedAt)}.</span></p>
<ul class="checks card">${[...open, ...checks.filter(({ state }) => state === "ok")].map(renderCheck).join("")}</ul>
<nav><a href="/docs">API</a><a href="/status">Status as JSON</a><a href="/runs">Runs as JSON</a></nav>`;
  return renderPage(app.config.platform.name, body, []);
}

function renderRun(run: RunSummary | undefined): string {
  if (run === undefined) return `<p>None yet: <code>leveredge harden</code></p>`;
  const ends = run.looseEnds === 1 ? "1 loose end" : `${run.looseEnds} loose ends`;
  const isBad = run.state === "failed" || run.state === "abandoned";
  const state = run.state === "verified" ? "ok" : isBad ? "failed" : "loose";
  return `<p><span class="${state}"><strong>${run.state}</strong></span>, begun ${renderInstant(run.startedAt)}, ${ends}: <a href="/runs/${encodeURIComponent(run.id)}">what it did</a></p>`;
}

function renderInstant(instant: string): string {
  return `<time datetime="${escapeHtml(instant)}">${escapeHtml(instant.slice(0, 16).replace("T", " "))} UTC</time>`;
}

function renderCheck({ state, subject, detail, remedy }: Check): string {
  const mend = remedy === undefined ? "" : `<br><span class="faint">→ ${renderRemedy(remedy)}</span>`;
  return `<li><span class="state ${state}">${state}</span><div><strong>${escapeHtml(subject)}</strong> ${escapeHtml(detail)}${mend}</div></li>`;
}

function renderRemedy(remedy: string): string {
  return remedy.startsWith("leveredge ") ? `<code>${escapeHtml(remedy)}</code>` : escapeHtml(remedy);
}

function renderPage(title: string, body: string, scripts: readonly string[]): string {
  const tags = scripts.map((path) => `<script src="${path}" defer></script>`).join("");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title><link rel="stylesheet" href="/assets/style.css"><link rel="icon" href="data:,">${tags}</head>
<body><main>${body}</main></body></html>
`;
}

/** Safe as text and inside a double-quoted attribute. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}
