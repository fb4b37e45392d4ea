from django.urls import path

from heed.sources import views

app_name = "sources"

urlpatterns = [
    path("settings/sources/", views.sources, name="sources"),
    path("settings/sources/upload/", views.upload, name="upload"),
    path("settings/sources/imports/<int:pk>/", views.import_page, name="import"),
    path("settings/sources/imports/<int:pk>/progress/", views.progress, name="progress"),
    path("settings/sources/imports/<int:pk>/confirm/", views.confirm, name="confirm"),
    path("settings/sources/imports/<int:pk>/discard/", views.discard, name="discard"),
    path("settings/sources/imports/<int:pk>/<entity>/<became>/", views.rows, name="rows"),
    path("settings/sources/imports/<int:pk>/undo/", views.undo, name="undo"),
    path("settings/rejected/", views.rejected, name="rejected"),
    path("settings/rejected/dismiss/", views.dismiss, name="dismiss"),
    path("settings/rejected/<int:pk>/", views.rejected_row, name="rejected_row"),
    path("settings/rejected/<int:pk>/replay/", views.replay, name="replay"),
]
