/** A database whose rows lie in one table, large enough to be loaded over several sessions. */
import { type Run, runProgram } from "#system/run.ts";

export const largeRows = 101_000;
export const largeSql = `
  create table visit (id int, page text, note text);
  insert into visit select i, 'p' || i % 7, case i % 3 when 0 then E'tab\\tbreak\\nslash\\\\. end' when 1 then '' end
    from generate_series(1, ${largeRows}) i;
  insert into visit values (0, E'\\\\.', null);
  alter table visit add primary key (id);
  create table page (name text primary key);
  insert into page select 'p' || i from generate_series(0, 6) i;
  create view visits as select page, count(*) from visit group by page;
`;

/** The real programs, and what pg_restore was asked for. */
export function watchRestore(): { run: Run; asked: string[] } {
  const asked: string[] = [];
  const run: Run = (program, args, options) => {
    if (args.some((word) => word.startsWith("--use-list"))) {
      asked.push(args.filter((word) => /^--(section|file)=/.test(word)).join(" "));
    }
    return runProgram(program, args, options);
  };
  return { run, asked };
}
