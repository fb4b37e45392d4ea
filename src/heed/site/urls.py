from django.urls import URLPattern, URLResolver, path

from heed.site import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("settings/", views.settings_index, name="settings"),
    path("settings/style/", views.style, name="style"),
]
