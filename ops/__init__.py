"""Operations: the command line, the embedded stack, measuring, replaying and breaking it."""
