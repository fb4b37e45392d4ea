"""The activity store: append-only Delta tables, read as Ibis expressions, run by an exchangeable engine."""
