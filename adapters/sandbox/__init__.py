"""The sandbox providers: a payment provider and a carrier that behave like real ones.

`payments` and `carrier` are the adapters, as thin as those of a real provider. `service` is the
other side, a process of its own (`python -m adapters.sandbox`) with its own ledger; the two share
nothing but HTTP and `signature`. docs/sandbox.md is the guide.
"""
