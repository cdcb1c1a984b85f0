"""Orders from the files shops export: sheets are read, columns found, rows stored or rejected."""
