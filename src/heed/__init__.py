"""Heed: the customer-success system that listens, leads and proves it."""

__version__ = "0.1.0"
