from django.apps import AppConfig


class MeasuresConfig(AppConfig):
    name = "heed.measures"
    label = "measures"
