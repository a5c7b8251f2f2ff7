"""The bundle for Apache Superset, in its own import format: datasets from the models, dashboards from
bi/dashboards.yml.
"""
