-- A release that changes what earlier ones said although no fact changed is marked, with its reason.
alter table lineage.releases add column restated_because text;
create table ops.restatement (because text primary key);
comment on table ops.restatement is 'Why the next release restates; empty once it is published.';
create table ops.cut_off_before (customer_id text primary key);
comment on table ops.cut_off_before is 'Whose next step was a cut-off before the restatement: any other is held until the release after it.';

insert into ops.restatement (because)
select 'the ledger: credit notes, surplus, returns, refunds, write-offs and payments by others are set against bills as docs/ledger.md says'
where exists (select 1 from lineage.releases);

do $$
begin
    if to_regclass('published.work_list_history') is not null then
        insert into ops.cut_off_before (customer_id)
        select customer_id from published.work_list_history
        where valid_to_release is null and next_step = 'cut_off';
    end if;
end
$$;

create or replace view published.release as
select
    release,
    as_of_date,
    published_at,
    rows_opened,
    rows_closed,
    chain_hash,
    rolled_back_to,
    approver,
    reason,
    restated_because
from lineage.releases;
