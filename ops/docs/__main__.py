"""`python -m ops.docs` (`make docs`) writes the generated pages where they are committed."""

from ops.docs import queries, states


def main() -> None:
    """Write each page."""
    states.PAGE.write_text(states.page(), encoding="utf-8")
    runbook = queries.PAGE.read_text(encoding="utf-8")
    queries.PAGE.write_text(queries.page(runbook), encoding="utf-8")
    guide = states.GUIDE.read_text(encoding="utf-8")
    states.GUIDE.write_text(states.pictures(guide), encoding="utf-8")
    print(states.PAGE, queries.PAGE, states.GUIDE)


if __name__ == "__main__":
    main()
