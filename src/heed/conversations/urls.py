from django.urls import path

from heed.conversations import views

app_name = "conversations"

urlpatterns = [
    path("customers/accounts/<path:key>/conversations/new/", views.new, name="new"),
    path("customers/accounts/<path:key>/conversations/plan/", views.plan, name="plan"),
    path("customers/accounts/<path:key>/conversations/note/", views.note, name="note"),
    path("customers/accounts/<path:key>/conversations/<int:pk>/held/", views.held, name="held"),
    path("customers/accounts/<path:key>/conversations/<int:pk>/not-held/", views.not_held, name="not_held"),
]
