from django.apps import AppConfig


class SegmentsConfig(AppConfig):
    name = "heed.segments"
    label = "segments"
