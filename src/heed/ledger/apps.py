from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "heed.ledger"
    label = "ledger"
