from django.urls import URLPattern, URLResolver, include, path

from heed.people import allauth_urls
from heed.site import audit_pages, job_pages, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("settings/", views.settings_index, name="settings"),
    path("settings/style/", views.style, name="style"),
    path("settings/jobs/", job_pages.jobs, name="jobs"),
    path("settings/jobs/retry/", job_pages.retry, name="retry_job"),
    path("settings/audit/", audit_pages.audit, name="audit"),
    *allauth_urls.entrance,
    path("", include("heed.people.urls")),
    path("", include("heed.customers.urls")),
    path("", include("heed.measures.urls")),
    path("", include("heed.segments.urls")),
    path("", include("heed.proving.urls")),
    path("", include("heed.daily.urls")),
    path("", include("heed.sources.urls")),
    path("account/", include(allauth_urls.urlpatterns)),
    # Last, because an account's page takes whatever key follows its prefix.
    path("", include("heed.conversations.urls")),
    path("", include("heed.desk.urls")),
]
