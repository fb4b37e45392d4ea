from django.apps import AppConfig


class SourcesConfig(AppConfig):
    name = "heed.sources"
    label = "sources"
