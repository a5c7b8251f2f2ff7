-- What a run computes is decided once, before its first layer, and holds for all of them.
alter table lineage.runs add column build_plan jsonb;

-- The layers that a run has built. Empty after a crash, as are the tables of the layers: then the run builds all of them again.
create unlogged table ops.built_layer (
    run_id text not null,
    layer text not null,
    primary key (run_id, layer)
);

-- Which stage it is that counts.
alter table ops.build_progress add column stage text not null default 'build_models';
