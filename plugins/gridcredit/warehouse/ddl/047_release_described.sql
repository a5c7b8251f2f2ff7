-- What readers ask first: which release, and of which day.
comment on column published.release.release is 'number of the release; the highest is in force';
comment on column published.release.as_of_date is 'the day that the release is of';
comment on column published.release.published_at is 'when readers began to see it';
comment on column published.release.rows_opened is 'rows that came with it';
comment on column published.release.rows_closed is 'rows that went with it';
comment on column published.release.chain_hash is 'hash of its rows and of all releases before it';
comment on column published.release.rolled_back_to is 'the release whose rows it shows again, after a rollback';
comment on column published.release.approver is 'who let it through after a gate had blocked it';
comment on column published.release.reason is 'why he did';
comment on column published.release.restated_because is 'why figures of the past are other than before, where they are restated';
