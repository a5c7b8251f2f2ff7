"""Files of each format into batches of rows with line numbers."""
