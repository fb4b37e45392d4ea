from django.urls import path

from heed.people import views

app_name = "people"

urlpatterns = [
    path("sign-in/link/<str:token>/", views.sign_in_by_link, name="link"),
    path("invitations/<str:token>/", views.accept_invitation, name="accept"),
    path("account/", views.security, name="security"),
    path("settings/people/", views.people, name="people"),
    path("settings/people/invite/", views.invite, name="invite"),
    path("settings/people/invitations/<int:pk>/resend/", views.resend, name="resend"),
    path("settings/people/invitations/<int:pk>/withdraw/", views.withdraw, name="withdraw"),
    path("settings/people/<int:pk>/role/", views.change_role, name="role"),
    path("settings/people/<int:pk>/deactivate/", views.deactivate, name="deactivate"),
    path("settings/people/<int:pk>/reactivate/", views.reactivate, name="reactivate"),
]
