"""Exchange rates that a person states; Heed guesses none."""

from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from heed.customers.models import ExchangeRate
from heed.ledger import clock
from heed.ledger.actions import Change, record

MOST = Decimal(10) ** 9


class RateError(ValueError):
    """A rate that cannot be stated, with what to do."""


@transaction.atomic
def state_rate(currency: str, rate: Decimal, *, by: str) -> ExchangeRate:
    """State what one unit of `currency` is worth in the reporting currency; the trail keeps the last."""
    code = currency.strip().upper()
    if len(code) != 3 or not code.isascii() or not code.isalpha():
        raise RateError(_("'%(code)s' is not a currency. Give its three letters.") % {"code": currency})
    if code == settings.HEED_CURRENCY:
        raise RateError(_("%(code)s is the reporting currency itself, so its rate is 1.") % {"code": code})
    if not rate.is_finite() or not 0 < rate < MOST:
        raise RateError(_("A rate is a number above 0."))
    rate = rate.quantize(Decimal("0.00000001"))
    if not rate:
        raise RateError(_("The rate is too small to be kept with eight decimals."))
    before = ExchangeRate.objects.select_for_update().filter(currency=code).first()
    if before is not None and before.rate == rate:
        return before
    stated, _made = ExchangeRate.objects.update_or_create(
        currency=code, defaults={"rate": rate, "stated_by": by, "stated_at": clock.now()}
    )
    told = {"rate": str(before.rate)} if before is not None else None
    record(Change("state rate", "exchange rate", code, told, {"rate": str(rate)}), by=by)
    return stated
