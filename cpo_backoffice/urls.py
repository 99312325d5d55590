from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from cpo_backoffice import health

urlpatterns = [
    path("", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
    re_path(r"^ocpi", include("ocpi.urls")),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
]
