"""Accounts, contacts, subscriptions and the ledger of movements derived from them."""
