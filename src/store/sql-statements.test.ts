import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { splitSql } from "./sql-statements.ts";

function texts(sql: string): string[] {
  return splitSql(sql).statements.map(({ text }) => text);
}

test("a semicolon inside quotes, dollar quotes, comments and parentheses ends no statement", () => {
  const statements = [
    "select ';', 'it''s;', \"a;\"\"b;\"",
    "select E'a\\';b', e'\\\\'",
    "select $$;$$, $tag$ $$;$$ $tag2$;$tag2$ $tag$",
    "select 1 /* ; /* nested ; */ ; */ + 2",
    "create rule r as on insert to t do also (delete from a; delete from b)",
    "select a$1$b from c$d$e",
    "prepare p as select $1, $2",
  ];

  assert.deepEqual(texts(statements.join(";\n")), statements);
});

test("the literal after an escape string and a newline inherits its escapes", () => {
  const statements = ["select E'a'\n -- why\n 'b\\';c'", "select 1"];

  assert.deepEqual(texts(statements.join(";")), statements);
});

test("the body of a function in SQL-standard form is part of its statement", () => {
  const statements = [
    "create function f() returns int begin atomic select 1; select case when true then 1 else 2 end; end",
    "create or replace procedure p() language sql begin atomic insert into t values (1); end",
    "select 1",
  ];

  assert.deepEqual(texts(`${statements.join(";\n")};`), statements);
});

test("leading comments and empty statements are no statements, and lines are counted from the first word", () => {
  const split = splitSql("-- one\n\n/* two\n */ select 1;\n;;\n  select\n 2 -- end\n;\n-- nothing\n");

  assert.deepEqual(
    split.statements.map(({ text, line }) => ({ text, line })),
    [
      { text: "select 1", line: 4 },
      { text: "select\n 2", line: 6 },
    ],
  );
});

test("client commands are found outside quotes only, with their line", () => {
  const split = splitSql("select '\\i a', $$\\i b$$;\n-- \\i c\n\\i d.sql\nselect 1 \\gset x_\n;");

  assert.deepEqual(split.metaCommands, [
    { name: "\\i", line: 3 },
    { name: "\\gset", line: 4 },
  ]);
});

test("a headline shows no literal", () => {
  const [statement] = splitSql(
    "create user u\n  password 'hunter2' -- hunter2\n  valid until $x$hunter2$x$",
  ).statements;

  assert.equal(statement?.headline, "create user u password '…' valid until '…'");
});

test("an unterminated quote reaches to the end", () => {
  assert.deepEqual(texts("select 1; select 'a; select 2;"), ["select 1", "select 'a; select 2;"]);
});

const plain = fc.stringMatching(/^[a-z0-9 ,.=+;'"\\\n$-]{0,12}$/);
const fragment = fc.oneof(
  fc.constantFrom("select 1", "x", "<> -5", "(a; b)", "$1", "1e10", "- 1", "E'\\\\'", "E'it\\'s;'"),
  plain.map((text) => `'${text.replaceAll("'", "''")}'`),
  plain.map((text) => `"${text.replaceAll('"', '""')}"`),
  plain.filter((text) => !text.includes("$")).map((text) => `$t$${text}$t$`),
  plain.map((text) => `/* ${text} /* ; */ */`),
  // The word keeps the literals before and after apart: across a newline alone they would be one.
  plain.map((text) => `-- ${text.replaceAll("\n", " ")}\nx`),
);
const statement = fc.array(fragment, { minLength: 1, maxLength: 6 }).map((parts) => ["do", ...parts, "end_"].join(" "));

test("statements that are joined by semicolons come back as they were, where they were", () => {
  fc.assert(
    fc.property(fc.array(statement, { maxLength: 5 }), (statements) => {
      const sql = statements.map((text) => `${text};`).join("\n");

      const split = splitSql(sql);

      assert.deepEqual(
        split.statements.map(({ text }) => text),
        statements,
      );
      for (const { text, start, line } of split.statements) {
        assert.equal(sql.slice(start, start + text.length), text);
        assert.equal(line, sql.slice(0, start).split("\n").length);
      }
    }),
  );
});

test("any text is split into pieces of it, in order, and nothing but space, comments and semicolons is lost", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (sql) => {
      let end = 0;
      for (const { text, start } of splitSql(sql).statements) {
        assert.ok(start >= end);
        assert.equal(sql.slice(start, start + text.length), text);
        end = start + text.length;
      }
    }),
  );
});
