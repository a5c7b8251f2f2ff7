"""The lake: Parquet copies of accepted rows, for engines other than Postgres."""
