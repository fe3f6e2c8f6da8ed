"""The sandbox's own side: ledger, books, clockwork, courier and the HTTP app over them.

SQLite is called from the event loop itself: a transaction takes some fifty microseconds, and
since no handler awaits inside one, requests with the same key cannot interleave.
"""
