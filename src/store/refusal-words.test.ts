import assert from "node:assert/strict";
import { test } from "node:test";

import { freshDatabase } from "#test/database.ts";
import { ownerQuery } from "#test/database-role.ts";
import { Secret } from "#secrets/secret.ts";

import { refusalWords } from "./refusal-words.ts";

test("values of rows that PostgreSQL quotes are left out, names of objects stay", async (t) => {
  const url = new Secret((await freshDatabase(t)).url);
  await ownerQuery(
    url,
    `create table kept (id int primary key, mail text unique, mood text);
     insert into kept values (1, 'hidden@example.com', 'hidden'), (2, 'other@example.com', '99999999999');
     create type mood as enum ('good');
     create function complain() returns int language plpgsql as $$ begin raise exception 'hidden@example.com'; end $$`,
  );
  const cases: [statement: string, words: string][] = [
    ["alter table kept alter mood type int using mood::int", "invalid input syntax for type integer: [value]"],
    ["alter table kept alter mood type mood using mood::mood", "invalid input value for enum mood: [value]"],
    ["select mood::int from kept where id = 2", "value [value]"],
    ["select mail::date from kept", "invalid input syntax for type date: [value]"],
    ["select complain()", "a function of the database raised an exception"],
    [
      "insert into kept values (3, 'hidden@example.com')",
      'duplicate key value violates unique constraint "kept_mail_key"',
    ],
    ["select nothing from kept", 'column "nothing" does not exist'],
  ];
  for (const [statement, words] of cases) {
    const cause: unknown = await ownerQuery(url, statement).then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.equal(refusalWords(cause), words);
  }
});
