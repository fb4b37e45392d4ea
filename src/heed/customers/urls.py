from django.urls import path

from heed.customers import views

app_name = "customers"

urlpatterns = [
    path("customers/revenue/", views.revenue, name="revenue"),
    path("customers/revenue/accounts/", views.cohort, name="cohort"),
    path("customers/revenue/movements/", views.movements, name="movements"),
    path("customers/revenue/rates/", views.rates, name="rates"),
]
