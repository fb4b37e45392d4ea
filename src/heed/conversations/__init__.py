"""Interactions and cases: what was said between a customer and us."""
