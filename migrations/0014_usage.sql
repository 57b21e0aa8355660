-- Which of these ids are known, and of which calls. Always by the index: a session keeps the
-- plan of the ledger's statement, and one that was made while there were few ids would read
-- them all for every batch until statistics are made again.
create function llm_usage_find_keys(wanted uuid[]) returns table (key uuid, usage_id bigint)
language sql stable rows 10
set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off as $$
  select known.key, known.usage_id from leveredge.llm_usage_key as known where known.key = any (wanted)
$$;

revoke all on function llm_usage_find_keys(uuid[]) from public;
grant execute on function llm_usage_find_keys(uuid[]) to leveredge_app;
