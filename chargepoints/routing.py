from django.urls import re_path

from chargepoints.consumers import ChargePointConsumer

websocket_urlpatterns = [re_path(r"^ocpp/(?P<identity>[^/]+)/?$", ChargePointConsumer.as_asgi())]
