"""Metric definitions, and the standing of each account that they give."""
