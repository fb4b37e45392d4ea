"""Keeps the secrets in one-time links out of the logs."""

import logging
import re

SECRET_PATH = re.compile(r"(/(?:sign-in/link|invitations|account/password/reset/key)/)[^/\s?\"']+")


class NoSecrets(logging.Filter):
    """Replaces the secret part of sign-in, invitation and password links in what is about to be logged."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = SECRET_PATH.sub(r"\1…", record.getMessage())
        record.args = ()
        return True
