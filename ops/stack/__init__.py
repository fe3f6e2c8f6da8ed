"""PostgreSQL, Temporal and Kervan's own processes as children of one supervisor."""
