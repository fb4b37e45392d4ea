from django.urls import path

from heed.segments import views

app_name = "segments"

urlpatterns = [
    path("customers/", views.accounts, name="accounts"),
    path("customers/export.csv", views.export, name="export"),
    path("customers/segments/save/", views.save, name="save"),
    path("customers/segments/<int:pk>/", views.segment, name="segment"),
    path("customers/segments/<int:pk>/change/", views.change, name="change"),
    path("customers/segments/<int:pk>/delete/", views.delete, name="delete"),
]
