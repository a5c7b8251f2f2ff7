-- An approved policy that has rated nothing can be taken back; who did, and why, stays with the proposal.
alter table policy.proposals
    add column withdrawn_by text,
    add column withdrawn_reason text,
    add column withdrawn_at timestamptz,
    add check ((withdrawn_at is null) = (withdrawn_by is null)),
    add check (withdrawn_at is null or is_approved);
