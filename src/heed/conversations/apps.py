from django.apps import AppConfig


class ConversationsConfig(AppConfig):
    name = "heed.conversations"
    label = "conversations"
