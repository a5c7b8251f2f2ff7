-- Models moved to the schemas of their rooms, and three of a kind became one: what they were made in goes, and the next build makes all of it.
drop schema if exists ratings cascade;
drop schema if exists billing cascade;
drop schema if exists archive cascade;
drop schema if exists features cascade;
drop schema if exists warnings cascade;
