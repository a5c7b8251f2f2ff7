"""Where figures come from: column by column, as OpenLineage events, and row by row back to file and line."""
