from django.apps import AppConfig


class DailyConfig(AppConfig):
    name = "heed.daily"
    label = "daily"
