"""Running it: runs, services, status, maintenance, erasure, the demo."""
