"""Files that we write and read: private ones, spreadsheets, YAML without double keys, lines of CSV."""
