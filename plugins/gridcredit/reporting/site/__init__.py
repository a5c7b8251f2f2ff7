"""The documentation site: the data dictionary, the lineage of models, dbt's own pages and the gates' results, in one
folder.
"""
