-- The rows of a version leave by this function of the owner alone, after a decision that the same transaction recorded.
create function policy.unload(version text, variadic tables text []) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    one text;
    decided text [];
begin
    select array_agg(decision) into decided
    from lineage.decisions
    where subject = version and decisions.xmin::text = pg_current_xact_id()::xid::text;
    if not coalesce(decided && array['withdraw a policy', 'restore a policy'], false) then
        raise exception 'version % is not unloaded without a decision', version;
    end if;
    if
        not 'restore a policy' = any(decided)
        and exists (select 1 from published.customer_rating_history where policy_version = version)
    then
        raise exception 'version % has rated: it is not withdrawn', version;
    end if;
    foreach one in array tables loop
        if one in ('attributes', 'proposals', 'proposal_files') then
            raise exception 'policy.% is no table of a version', one;
        end if;
        execute format('alter table policy.%I disable trigger append_only', one);
        execute format('delete from policy.%I where policy_version = $1', one) using version;
        execute format('alter table policy.%I enable trigger append_only', one);
    end loop;
end
$$;
revoke all on function policy.unload from public;
