-- After how many days a step lapses (none: as its kind does), and whether steps are taken on working days only.
alter table policy.dunning_steps add column lapse_days integer check (lapse_days > 0);

alter table policy.policies
    -- The best grade of a customer in default; none: the policy's worst.
    add column default_grade text not null default '',
    add column steps_on_working_days boolean not null default false,
    -- Which step a bill must have come to before it is proposed to be written off for its age; none: any.
    add column write_off_after_step text not null default '',
    -- A debt is barred so many years after its due date, or after the last act that interrupted that time.
    add column limitation_years integer not null default 3 check (limitation_years > 0),
    -- What a disputed bill counts in, although it is disputed.
    add column dispute_counts_in_rating boolean not null default false,
    add column dispute_counts_in_charges boolean not null default false;
