import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";

import { type Major, testCluster } from "#test/database.ts";
import { openSession } from "#test/rich-database.ts";

/** System catalogues that hold no part of a database's schema. */
const outsideTables: Readonly<Record<string, string>> = {
  pg_auth_members: "roles belong to the cluster",
  pg_authid: "roles belong to the cluster",
  pg_largeobject: "data",
  pg_largeobject_metadata: "data",
  pg_parameter_acl: "belongs to the cluster",
  pg_replication_origin: "state of replication",
  pg_shdepend: "follows from the objects",
  pg_shdescription: "read through shobj_description",
  pg_shseclabel: "belongs to the cluster",
  pg_statistic: "data",
  pg_statistic_ext_data: "data",
  pg_subscription_rel: "state of replication",
  pg_partitioned_table: "read through pg_get_partkeydef",
};

/** Columns that are not read, with the reason. */
const outsideColumns: Readonly<Record<string, string>> = {
  "pg_attribute.attlen attbyval attalign attndims attcacheoff": "follow from the type",
  "pg_attribute.atthasdef atthasmissing attmissingval": "storage of a default that is read",
  "pg_attribute.attinhcount": "follows from the parents",
  "pg_amop.amoplefttype amoprighttype amopmethod amoppurpose": "follow from the operator and the families",
  "pg_class.reltype relfilenode relpages reltuples relallvisible relallfrozen relfrozenxid relminmxid relrewrite":
    "storage",
  "pg_class.relhasindex relhasrules relhastriggers relhassubclass relnatts relchecks relisshared":
    "follow from other rows",
  "pg_constraint.connamespace coninhcount": "follow from the table",
  "pg_constraint.confrelid confupdtype confdeltype confmatchtype conkey confkey confdelsetcols":
    "in pg_get_constraintdef",
  "pg_constraint.conpfeqop conppeqop conffeqop conexclop conbin conperiod": "in pg_get_constraintdef",
  "pg_conversion.conname": "identity",
  "pg_database.oid datistemplate datallowconn datconnlimit dathasloginevt datfrozenxid datminmxid dattablespace":
    "of the database, not its schema",
  "pg_extension.extowner": "nothing can change it",
  "pg_extension.extrelocatable extconfig extcondition": "follow from the version",
  "pg_index.indnatts indnkeyatts indisunique indnullsnotdistinct indkey indcollation indclass indoption indpred":
    "in pg_get_indexdef",
  "pg_index.indisprimary indisexclusion indimmediate": "in the constraint",
  "pg_index.indcheckxmin": "state of one build",
  "pg_init_privs.privtype": "who recorded them",
  "pg_language.lanispl": "follows from the handler",
  "pg_operator.oprname oprkind oprleft oprright": "identity",
  "pg_proc.proname provariadic prosupport pronargs pronargdefaults prorettype proargtypes proallargtypes":
    "identity and arguments",
  "pg_proc.proargmodes proargnames proargdefaults proretset": "in pg_get_function_arguments and pg_get_function_result",
  "pg_proc.prosqlbody": "in pg_get_function_sqlbody",
  "pg_publication_rel.oid": "identity",
  "pg_rewrite.ev_type ev_qual ev_action is_instead": "in pg_get_ruledef and pg_get_viewdef",
  "pg_statistic_ext.stxkeys stxkind stxexprs": "in pg_get_statisticsobjdef",
  "pg_subscription.subskiplsn subconninfo subpasswordrequired subrunasowner subfailover suborigin":
    "of one environment",
  "pg_tablespace.spcowner spcacl spcoptions": "belongs to the cluster",
  "pg_trigger.tgfoid tgtype tgconstrrelid tgconstrindid tgdeferrable tginitdeferred tgnargs tgattr tgargs":
    "in pg_get_triggerdef",
  "pg_trigger.tgqual tgoldtable tgnewtable": "in pg_get_triggerdef",
  "pg_type.typndims": "PostgreSQL does not enforce it",
  "pg_user_mapping.umid umuser umserver umoptions": "read through pg_user_mappings",
};

for (const major of [15, 18] satisfies Major[]) {
  test(`every system column of PostgreSQL ${major} is read or left out for a reason`, async (t) => {
    const here = new URL("./", import.meta.url);
    const names = (await readdir(here)).filter((name) => /^catalog-.*queries\.ts$/.test(name));
    const sql = (await Promise.all(names.map((name) => readFile(new URL(name, here), "utf8")))).join("\n");
    const read = new Set(sql.match(/\w+/g));
    const left = new Set(
      Object.keys(outsideColumns).flatMap((key) => {
        const [table, columns = ""] = key.split(".");
        return columns.split(" ").map((column) => `${table}.${column}`);
      }),
    );
    const client = await openSession(t, (await testCluster({ major })).url());

    const { rows } = await client.query<{ table: string; column: string }>(
      `select c.relname as table, a.attname as column
      from pg_class c
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
      where c.relnamespace = 'pg_catalog'::regnamespace and c.relkind = 'r'`,
    );

    const unread = rows
      .filter(({ table }) => outsideTables[table] === undefined)
      .filter(({ table, column }) => column !== "oid" && !read.has(column) && !left.has(`${table}.${column}`))
      .map(({ table, column }) => `${table}.${column}`);
    assert.deepEqual(unread, []);
  });
}
