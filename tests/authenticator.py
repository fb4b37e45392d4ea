"""The authenticator app in a person's hand."""

import time

from allauth.mfa import app_settings
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time

TYPING = 5.0


def current_code(secret: str) -> str:
    """What the app shows; where that ends before it is typed and read, what it shows next."""
    left = app_settings.TOTP_PERIOD - time.time() % app_settings.TOTP_PERIOD
    if left < TYPING:
        time.sleep(left)
    return str(format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time()))))
