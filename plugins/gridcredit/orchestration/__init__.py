"""What the DAG files wire: operators, the sensor of the landing folder, callbacks, assets."""
