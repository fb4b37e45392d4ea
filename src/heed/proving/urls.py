from django.urls import path

from heed.proving import views

app_name = "proving"

urlpatterns = [
    path("prove/", views.predicts, name="predicts"),
    path("prove/metrics/<slug:key>/", views.metric_card, name="metric_card"),
    path("prove/metrics/<slug:key>/rows/", views.metric_rows, name="metric_rows"),
    path("prove/risk/", views.risk, name="risk"),
    path("prove/risk/scores/<path:key>/", views.score, name="score"),
]
