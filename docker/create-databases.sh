#!/bin/bash
# Run once by the Postgres image on an empty volume: our roles and their databases.
set -euo pipefail
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set warehouse_password="$WAREHOUSE_PASSWORD" --set owner_password="$WAREHOUSE_OWNER_PASSWORD" --set airflow_password="$AIRFLOW_DATABASE_PASSWORD" \
  --set superset_password="$SUPERSET_DATABASE_PASSWORD" <<'SQL'
create role gridcredit login password :'warehouse_password';
create role gridcredit_owner login createrole in role gridcredit password :'owner_password';
create role airflow login password :'airflow_password';
create role superset login password :'superset_password';
create database warehouse owner gridcredit_owner;
create database airflow owner airflow;
create database superset owner superset;
revoke all on database warehouse, airflow, superset from public;
revoke connect, temporary on database postgres, template1 from public;
SQL
