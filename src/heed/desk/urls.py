from django.urls import path

from heed.desk import erasing_pages, views

app_name = "desk"

urlpatterns = [
    path("today/", views.today, name="today"),
    path("today/rows/<int:pk>/done/", views.done, name="done"),
    path("today/rows/<int:pk>/snooze/", views.snooze, name="snooze"),
    path("today/rows/<int:pk>/not-useful/", views.not_useful, name="not_useful"),
    path("today/rows/<int:pk>/reopen/", views.reopen, name="reopen"),
    path("customers/accounts/<path:key>/timeline/", views.timeline, name="timeline"),
    path("customers/accounts/<path:key>/trends/", views.trends, name="trends"),
    path("customers/accounts/<path:key>/erase/", erasing_pages.account, name="erase_account"),
    path("customers/contacts/<path:key>/erase/", erasing_pages.contact, name="erase_contact"),
    path("customers/erasures/<str:kind>/<int:pk>/", erasing_pages.erasure, name="erasure"),
    path("customers/accounts/<path:key>/", views.account, name="account"),
    path("search/", views.search, name="search"),
]
