from django.urls import path

from heed.measures import views

app_name = "measures"

urlpatterns = [
    path("settings/metrics/", views.metrics, name="metrics"),
    path("settings/metrics/<slug:key>/", views.metric, name="metric"),
    path("customers/accounts/<path:key>/risk/", views.risk, name="risk"),
    path("customers/accounts/<path:key>/metrics/<slug:metric>/", views.behind, name="behind"),
]
