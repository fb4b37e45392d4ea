from django.urls import path

from heed.daily import views

app_name = "daily"
urlpatterns = [
    path("settings/round/", views.rounds, name="rounds"),
    path("settings/round/run/", views.run, name="run"),
]
