"""Five roles. A permission that comes later is given by a later migration, with `roles.extend`."""

from django.db import migrations

from cpo_backoffice import roles

RECORDS = [
    "chargepoints.auditentry", "chargepoints.chargepointcommand", "chargepoints.chargingprofile",
    "chargepoints.chargingsession",
    "chargepoints.metervalue", "chargepoints.ocppmessage", "chargepoints.operatorlimit", "chargepoints.serverprocess",
    "chargepoints.smartchargingtest",
    "ocpi.deliveryattempt", "ocpi.inboundrequest", "ocpi.outboxmessage", "ocpi.profilerequest", "ocpi.requestbucket",
]  # fmt: skip
PLACES = [
    "chargepoints.chargepoint", "chargepoints.connector", "chargepoints.drivertoken", "chargepoints.evse",
    "chargepoints.location",
]  # fmt: skip
PARTNERS = ["ocpi.credentials", "ocpi.partnerendpoint", "ocpi.party"]
PEOPLE = ["auth.group", "auth.user"]


def each(verbs, models):
    return [f"{app}.{verb}_{model}" for app, model in (label.split(".") for label in models) for verb in verbs.split()]


VIEWER = each("view", RECORDS + PLACES + PARTNERS)
SUPPORT = [*VIEWER, "chargepoints.steer_session", "ocpi.send_to_party"]
OPERATOR = [*SUPPORT, "chargepoints.operate_chargepoint"]
PARTNER_MANAGER = [
    *VIEWER, "ocpi.send_to_party", "ocpi.manage_credentials", *each("add change", PARTNERS),
    "ocpi.delete_partnerendpoint",
]  # fmt: skip
ADMINISTRATOR = sorted(
    {*OPERATOR, *PARTNER_MANAGER, *each("add change delete", PLACES + PARTNERS),
     *each("view add change delete", PEOPLE)}
)  # fmt: skip
ROLES = {
    "Viewer": VIEWER,
    "Support": SUPPORT,
    "Operator": OPERATOR,
    "Partner manager": PARTNER_MANAGER,
    "Administrator": ADMINISTRATOR,
}


def create(apps, _):
    roles.create(apps, ROLES)


class Migration(migrations.Migration):
    dependencies = [
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("chargepoints", "0013_roles_and_audit"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("ocpi", "0011_manage_credentials"),
    ]
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
