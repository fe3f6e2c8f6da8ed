"""Histories of orders as they were lived, replayed against the workflow of today."""
