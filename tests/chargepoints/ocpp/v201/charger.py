"""The charge point's end of an OCPP 2.0.1 link."""

from chargepoints.ocpp.v201.link import V201Link
from tests.chargepoints.ocpp.v16_charger import Charger as AnyCharger


class Charger(AnyCharger):
    speaks = V201Link
