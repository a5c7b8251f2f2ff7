"""What BI tools are given, as those tools read it: `make test-bi`."""
