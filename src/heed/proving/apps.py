from django.apps import AppConfig


class ProvingConfig(AppConfig):
    name = "heed.proving"
    label = "proving"
