"""HTTP, the OCPP websocket, and the life of the process that holds the sockets."""

import os
import warnings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cpo_backoffice.settings")

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

# WhiteNoise reads its small files in one go; Django says so at each of them.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")
http = get_asgi_application()

from chargepoints.lifespan import Lifespan
from chargepoints.routing import websocket_urlpatterns

application = ProtocolTypeRouter({"http": http, "websocket": URLRouter(websocket_urlpatterns), "lifespan": Lifespan()})
