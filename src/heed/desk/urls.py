from django.urls import path

from heed.desk import views

app_name = "desk"

urlpatterns = [
    path("today/", views.today, name="today"),
    path("today/rows/<int:pk>/done/", views.done, name="done"),
    path("today/rows/<int:pk>/snooze/", views.snooze, name="snooze"),
    path("today/rows/<int:pk>/not-useful/", views.not_useful, name="not_useful"),
    path("today/rows/<int:pk>/reopen/", views.reopen, name="reopen"),
    path("customers/accounts/<path:key>/timeline/", views.timeline, name="timeline"),
    path("customers/accounts/<path:key>/trends/", views.trends, name="trends"),
    path("customers/accounts/<path:key>/", views.account, name="account"),
    path("search/", views.search, name="search"),
]
