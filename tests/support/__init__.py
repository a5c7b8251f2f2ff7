"""What tests share: servers and warehouses, suppliers, oracles, Airflow, waiting, the progress that is printed."""
