"""The warehouse: connections, migrations, locks, the embedded Postgres, raw and published tables."""
