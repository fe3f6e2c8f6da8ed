"""Every action at every moment of an order: how it is lived, and how it is read afterwards.

The expected rows stand in docs/matrix.md, where people read them as the policy that they are.
"""
