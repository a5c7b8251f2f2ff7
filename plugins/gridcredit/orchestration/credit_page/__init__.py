"""The pages that Airflow's API server shows under Credit."""
