"""HTTP, the OCPP websocket, and the life of the process that holds the sockets."""

import os
import warnings
from typing import Any, cast

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cpo_backoffice.settings")

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import re_path

# WhiteNoise reads its small files in one go; Django says so at each of them.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")
http = get_asgi_application()

from chargepoints.handshake import no_such_path
from chargepoints.lifespan import Lifespan
from chargepoints.routing import websocket_urlpatterns
from ocpi import inbound_log

websocket = URLRouter([*websocket_urlpatterns, re_path("", cast(Any, no_such_path))])
application = ProtocolTypeRouter({"http": http, "websocket": websocket, "lifespan": Lifespan(inbound_log.flusher)})
