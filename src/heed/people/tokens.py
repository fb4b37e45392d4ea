"""Secrets of one-time links: the link carries the token, the database keeps its digest only."""

import hashlib
import secrets


def new_token() -> tuple[str, str]:
    """A token of 256 random bits for the link, and the digest to keep."""
    token = secrets.token_urlsafe(32)
    return token, digest_of(token)


def digest_of(token: str) -> str:
    """The digest that a token is looked up by.

    Looking up a digest tells nothing about the token through the time that it takes: who guesses a token
    cannot steer its SHA-256.
    """
    return hashlib.sha256(token.encode()).hexdigest()
