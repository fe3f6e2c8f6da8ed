"""One package per outside party, each behind a port of `domain.ports`."""
