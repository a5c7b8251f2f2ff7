"""Pages and files for people: dashboard, customer report, documentation site, mail, journal."""
