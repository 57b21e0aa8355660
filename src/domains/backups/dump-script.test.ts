import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";

import fc from "fast-check";

import { dumpEntry, plainDump } from "#test/drills.ts";

import { readScriptNeeds, restorableScript } from "./dump-script.ts";

const rows =
  "COPY public.a (v) FROM stdin;\n-- Name: x; Type: EVENT TRIGGER; Schema: -; Owner: y\n\\\\.\n\\restrict x\n\\.\n";
const empty = "COPY public.b (v) FROM stdin;\n\\.\n";
const kept = [
  dumpEntry("TABLE", "a", 'CREATE TABLE public.a (v text);\n\n\nALTER TABLE public.a OWNER TO "Odd ""owner";'),
  dumpEntry("TABLE DATA", "a", rows),
  dumpEntry("TABLE DATA", "b", empty),
  dumpEntry("FUNCTION", "f()", "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$\nSET default_tablespace = x;\n$$;"),
  dumpEntry(
    "ACL",
    "TABLE a",
    'GRANT SELECT ON TABLE public.a TO reader;\nGRANT ALL ON TABLE public.a TO "w r" WITH GRANT OPTION;',
  ),
  dumpEntry("POLICY", "a p", "CREATE POLICY p ON public.a FOR SELECT TO one, two USING (true);"),
];
const dropped = [
  dumpEntry("EXTENSION", "citext", "CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA extensions;"),
  dumpEntry("COMMENT", "EXTENSION citext", "COMMENT ON EXTENSION citext IS 'x';"),
  dumpEntry("SCHEMA", "extensions", "CREATE SCHEMA extensions;"),
  dumpEntry("EVENT TRIGGER", "watch", "CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION f();"),
  dumpEntry("USER MAPPING", "USER MAPPING a SERVER s", "CREATE USER MAPPING FOR a SERVER s OPTIONS (password 'x');"),
];

function inChunks(script: string, sizes: readonly number[]): Readable {
  const bytes = Buffer.from(script);
  const chunks: Buffer[] = [];
  for (let at = 0, n = 0; at < bytes.length; n += 1) {
    const size = sizes[n % sizes.length] ?? bytes.length;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return Readable.from(chunks);
}

const anySizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 8 });

test("what a script needs is read from it, whatever the chunks", async () => {
  const script = plainDump([...dropped, ...kept].join(""));

  await fc.assert(
    fc.asyncProperty(anySizes, async (sizes) => {
      assert.deepEqual(await readScriptNeeds(inChunks(script, sizes)), {
        roles: ['Odd "owner', "one", "postgres", "reader", "two", "w r"],
        extensions: [{ name: "citext", schema: "extensions" }],
        encoding: "UTF8",
        leftOut: ["event trigger watch", "user mapping USER MAPPING a SERVER s"],
        isComplete: true,
      });
    }),
    { numRuns: 30 },
  );
});

test("a script without its last line is not complete, also when one like it stands before", async () => {
  const whole = plainDump(kept.join(""));
  const cut = whole.slice(0, whole.lastIndexOf("-- PostgreSQL database dump complete"));

  assert.equal((await readScriptNeeds(inChunks(cut, [64]))).isComplete, false);
  assert.equal((await readScriptNeeds(inChunks(whole + dumpEntry("TABLE", "z", ""), [64]))).isComplete, false);
});

test("the script for psql lacks what a drill makes itself or leaves out, and nothing else", async () => {
  const schemas = new Set(["public", "extensions"]);
  const own = "\\restrict token\n";
  const script = plainDump([...dropped, ...kept].join("")).replace("\nSET client", "\n\\restrict abc\nSET client");

  await fc.assert(
    fc.asyncProperty(anySizes, async (sizes) => {
      const restorable = inChunks(`${script}\\unrestrict abc\n`, sizes).pipe(restorableScript("token", schemas));

      assert.equal(withoutRules(await text(restorable)), withoutRules(own + plainDump(kept.join(""))));
    }),
    { numRuns: 30 },
  );
});

test("tablespaces and session users of the dump's host are replaced outside of functions", async () => {
  const acl = "SET SESSION AUTHORIZATION a;\nGRANT SELECT ON x TO b;\nRESET SESSION AUTHORIZATION;";
  const script = plainDump(`SET default_tablespace = fast;\n${dumpEntry("ACL", "TABLE x", acl)}`);

  const restorable = await text(inChunks(script, [100]).pipe(restorableScript("token", new Set())));

  assert.doesNotMatch(restorable, /tablespace|SESSION/);
  assert.match(restorable, /SET ROLE a;\nGRANT SELECT ON x TO b;\nRESET ROLE;/);
});

/** The dashes before an entry's header come while the entry before is still open. */
function withoutRules(script: string): string {
  return script.replaceAll(/^--\n/gm, "").replaceAll(/\n+/g, "\n");
}
