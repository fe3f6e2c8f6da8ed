"""`python -m ops.docs` (`make docs`) writes the generated pages where they are committed."""

from ops.docs import states


def main() -> None:
    """Write each page."""
    states.PAGE.write_text(states.page(), encoding="utf-8")
    print(states.PAGE)


if __name__ == "__main__":
    main()
