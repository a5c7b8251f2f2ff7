-- What each release changed for a customer. A reader who asks for `release > N`, and remembers the highest number seen, misses
-- nothing and sees nothing twice: a release is published whole.
drop view if exists published.change;

create view published.change with (security_invoker = true) as
with
ratings as (
    select
        new.valid_from_release as release,
        new.customer_id,
        'grade' as what,
        old.grade as before,
        new.grade as after
    from published.customer_rating_history as new
    left join published.customer_rating_history as old
        on old.customer_id = new.customer_id and old.valid_to_release = new.valid_from_release
    where old.grade is distinct from new.grade
),
limits as (
    select
        new.valid_from_release as release,
        new.customer_id,
        change.what,
        change.before,
        change.after
    from published.credit_limit_history as new
    left join published.credit_limit_history as old
        on old.customer_id = new.customer_id and old.valid_to_release = new.valid_from_release
    cross join lateral (
        values
        ('credit_limit', old.credit_limit::text, new.credit_limit::text),
        ('payment_mode', old.recommended_payment_mode, new.recommended_payment_mode)
    ) as change (what, before, after)
    where change.before is distinct from change.after
),
warnings_come as (
    select
        new.valid_from_release as release,
        new.customer_id,
        'warning ' || new.rule as what,
        old.level || ' ' || old.status as before,
        new.level || ' ' || new.status as after
    from published.customer_warning_history as new
    left join published.customer_warning_history as old
        on
            old.customer_id = new.customer_id and old.rule = new.rule
            and old.valid_to_release = new.valid_from_release
    -- That it got its first day, or lost it, changes nothing in what stands.
    where
        (old.level, old.status) is distinct from (new.level, new.status)
        or old.opened_on <> new.opened_on
),
warnings_gone as (
    select
        old.valid_to_release as release,
        old.customer_id,
        'warning ' || old.rule as what,
        old.level || ' ' || old.status as before,
        null as after
    from published.customer_warning_history as old
    where
        old.valid_to_release is not null
        and not exists (
            select 1 from published.customer_warning_history as new
            where
                new.customer_id = old.customer_id and new.rule = old.rule
                and new.valid_from_release = old.valid_to_release
        )
)
select * from ratings
union all
select * from limits
union all
select * from warnings_come
union all
select * from warnings_gone;

comment on view published.change is
'Who changed grade, limit, recommended payment mode or warning, by release; `before` is null for what is new, `after` for what is gone.';
comment on column published.change.release is 'the release that brought the change';
comment on column published.change.customer_id is 'the supplier''s customer number';
comment on column published.change.what is 'grade, credit_limit, payment_mode, or warning and its rule';
comment on column published.change.before is 'what the release before showed; null for what is new';
comment on column published.change.after is 'what this release shows; null for what is gone';
create index if not exists customer_rating_history_release on published.customer_rating_history (valid_from_release);
create index if not exists credit_limit_history_release on published.credit_limit_history (valid_from_release);
create index if not exists customer_warning_history_release on published.customer_warning_history (valid_from_release);
create index if not exists customer_warning_history_gone on published.customer_warning_history (valid_to_release);
create index if not exists customer_rating_history_gone on published.customer_rating_history (customer_id, valid_to_release);
create index if not exists credit_limit_history_gone on published.credit_limit_history (customer_id, valid_to_release);
grant select on published.change to bi_reader;
