"""dbt: what a build covers, the run, its progress and its events."""
