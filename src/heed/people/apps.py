from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "heed.people"
    label = "people"
