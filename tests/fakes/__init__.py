"""Stand-ins for what lies outside, that run for real: processes, sockets, files."""
