"""A tiny CPO over HTTP: says what a test tells it to say, and keeps what it was asked."""

import base64
import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import requests

IDS = ("X-Request-ID", "X-Correlation-ID")
SESSION_ID = "S-1"
TOKEN_FOR_CPO = "cpo-calls-the-scsp-with-this"
TOKEN_FOR_SCSP = "scsp-calls-the-cpo-with-this"
TOKEN_C = "token-c-of-the-registration"


class FakeCpo(ThreadingHTTPServer):
    """`response` answers the profile requests; `before_answering` runs between a request and its answer."""

    daemon_threads = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked = []
        self.response = {"result": "ACCEPTED", "timeout": 30}
        self.http_status, self.status_code = 200, 1000
        self.lists = {}
        self.headers = {}
        self.envelope = {}
        self.versions = ["2.1.1", "2.2.1"]
        self.modules = [("credentials", "SENDER"), ("chargingprofiles", "RECEIVER")]
        self.before_answering = lambda asked: None
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,))

    @property
    def root(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def versions_url(self):
        return f"{self.root}/ocpi/versions"

    def credentials(self, token):
        role = {"role": "CPO", "party_id": "CPO", "country_code": "NL", "business_details": {"name": "Example"}}
        return {"token": token, "url": self.versions_url, "roles": [role]}

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    def serve(self):
        cpo, url = self.server, urlsplit(self.path)
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        token = base64.b64decode(self.headers["Authorization"].removeprefix("Token ")).decode()
        asked = {
            "method": self.command,
            "path": url.path,
            "query": {name: values[0] for name, values in parse_qs(url.query).items()},
            "headers": dict(self.headers.items()),
            "token": token,
            "body": json.loads(text) if text else None,
        }
        cpo.asked.append(asked)
        cpo.before_answering(asked)
        envelope = {"data": self._data(url), "status_code": cpo.status_code, "timestamp": "2024-05-01T10:00:00Z"}
        content = json.dumps(envelope | cpo.envelope).encode()
        self.send_response(cpo.http_status)
        headers = {"Content-Type": "application/json", **{name: self.headers[name] for name in IDS}, **self._page(url)}
        for name, value in (headers | cpo.headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = serve

    def _page(self, url):
        """Of the lists: one object a page."""
        items = self.server.lists.get(url.path.rpartition("/")[2])
        if items is None:
            return {}
        offset = int(parse_qs(url.query).get("offset", ["0"])[0])
        more = offset + 1 < len(items)
        link = {"Link": f'<{self.server.root}{url.path}?offset={offset + 1}>; rel="next"'} if more else {}
        return {"X-Total-Count": str(len(items)), "X-Limit": "1", **link}

    def _data(self, url):
        cpo, path = self.server, url.path
        if (items := cpo.lists.get(path.rpartition("/")[2])) is not None:
            offset = int(parse_qs(url.query).get("offset", ["0"])[0])
            return items[offset : offset + 1]
        if path == "/ocpi/versions":
            return [{"version": version, "url": f"{cpo.root}/ocpi/{version}"} for version in cpo.versions]
        if path == "/ocpi/2.2.1":
            endpoints = [{"identifier": i, "role": r, "url": f"{cpo.root}/ocpi/2.2.1/{i}"} for i, r in cpo.modules]
            return {"version": "2.2.1", "endpoints": endpoints}
        return cpo.credentials(TOKEN_C) if path.endswith("/credentials") else cpo.response

    def log_message(self, *_):
        pass


def send(method, url, *, body=None, token=TOKEN_FOR_CPO, headers=None, timeout=5, **options):
    """One request of the CPO to the SCSP."""
    all_headers = {
        "Authorization": f"Token {base64.b64encode(token.encode()).decode()}",
        "X-Request-ID": str(uuid.uuid4()),
        "X-Correlation-ID": "correlation-1",
        **(headers or {}),
    }
    with requests.Session() as client:
        client.trust_env = False
        return client.request(method, url, json=body, headers=all_headers, timeout=timeout, **options)


def session(**changes):
    return {
        "country_code": "NL", "party_id": "CPO", "id": SESSION_ID, "start_date_time": "2024-05-01T10:00:00Z",
        "kwh": 0.0, "auth_method": "WHITELIST",
        "cdr_token": {"country_code": "NL", "party_id": "TST", "uid": "TAG", "type": "RFID", "contract_id": "C"},
        "location_id": "L", "evse_uid": "E", "connector_id": "1", "currency": "EUR", "status": "ACTIVE",
        "last_updated": "2024-05-01T10:00:00Z", **changes,
    }  # fmt: skip


def session_url(scsp, session_id=SESSION_ID):
    return f"{scsp.sessions_url}/NL/CPO/{session_id}"


def evse(**changes):
    connector = {
        "id": "1", "standard": "IEC_62196_T2", "format": "SOCKET", "power_type": "AC_3_PHASE", "max_voltage": 230,
        "max_amperage": 32, "last_updated": "2024-05-01T09:00:00Z",
    }  # fmt: skip
    return {
        "uid": "E", "status": "AVAILABLE", "capabilities": ["CHARGING_PROFILE_CAPABLE"], "connectors": [connector],
        "last_updated": "2024-05-01T09:00:00Z", **changes,
    }  # fmt: skip


def location(**changes):
    return {
        "country_code": "NL", "party_id": "CPO", "id": "L", "publish": True, "address": "Street 1", "city": "Utrecht",
        "country": "NLD", "coordinates": {"latitude": "52.08650", "longitude": "5.10640"}, "evses": [evse()],
        "time_zone": "Europe/Amsterdam", "last_updated": "2024-05-01T09:00:00Z", **changes,
    }  # fmt: skip


def found(scsp):
    """The violations without their passages."""
    return [f"{violation.where}: {violation.what}" for violation in scsp.violations]
