"""What people do on the operators' site, in a real browser before a real demo."""

import json

import pytest

pytestmark = pytest.mark.once
PAGES = [
    "/admin/", "/admin/chargepoints/chargingsession/", "/admin/chargepoints/chargepoint/1/change/",
    "/admin/ocpi/party/1/change/", "/admin/dry-run/", "/admin/chargepoints/ocppmessage/",
]  # fmt: skip
PROFILE = {"charging_rate_unit": "W", "charging_profile_period": [{"start_period": 0, "limit": 22000}]}


def test_from_the_first_page_to_what_is_going_on_with_a_car(open_site):
    """The ten-second story: the figure, the list behind it, the session, and its sentence."""
    site = open_site()
    site.page.locator(".cpo-tile a", has_text="active").first.click()
    site.page.locator("#result_list a[href*='/chargingsession/']").first.click()
    story = site.page.locator(".cpo-story", has_text="was sent and accepted")
    story.wait_for()
    assert "NL*JED asked" in story.inner_text()
    site.page.locator("svg:visible").first.wait_for()
    site.page.get_by_text("SetChargingProfile").first.wait_for()


def test_an_open_page_brings_what_changed_without_being_loaded_again(open_site):
    page = open_site().session()
    page.evaluate("window.sameDocument = true")
    before = page.locator("[data-part=summary]").inner_text()
    page.wait_for_function("before => document.querySelector('[data-part=summary]').innerText !== before", arg=before)
    assert page.evaluate("window.sameDocument") is True


def test_a_raw_body_opens_and_stays_open_through_a_refresh(open_site):
    page = open_site().session()
    raw = page.locator("summary", has_text="Raw").first
    raw.click()
    page.wait_for_selector("pre:visible")
    with page.expect_response(lambda response: "live=1" in response.url):
        pass
    page.wait_for_selector("pre:visible")


def test_a_profile_is_cleared_and_pushed_again_with_a_reason(open_site):
    site = open_site()
    page = site.session()
    for button, confirm in (("Clear profile", "Yes, clear it"), ("Push profile again", "Yes, push again")):
        page.get_by_role("button", name=button, exact=True).first.click()
        page.get_by_label("Why (optional)").fill("a customer called")
        page.get_by_role("button", name=confirm).click()
        page.wait_for_url("**/change/**")
    site.go("/admin/chargepoints/auditentry/")
    site.page.get_by_text("a customer called").nth(1).wait_for()


def test_asking_for_the_plan_needs_no_second_click(open_site):
    page = open_site().session()
    page.get_by_role("button", name="Fetch active profile").click()
    page.get_by_text("GetCompositeSchedule queued").first.wait_for()


def test_a_dry_run_shows_the_message_and_sends_nothing(open_site):
    page = open_site().session()
    page.get_by_role("button", name="Dry run of a profile").click()
    page.locator("textarea").fill(json.dumps(PROFILE))
    page.locator("form:has(textarea) button[type=submit]").click()
    page.get_by_text("chargingSchedulePeriod").first.wait_for()


def test_a_viewer_sees_everything_and_changes_nothing(open_site):
    page = open_site("viewer").session()
    page.locator(".cpo-story").wait_for()
    assert page.locator("form.cpo-button button").all_inner_texts() == ["Dry run of a profile"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_pages_fit_their_window_in_both_looks(open_site, scheme, width):
    site = open_site(color_scheme=scheme, viewport={"width": width, "height": 900})
    site.session()
    fits = {"session": not site.overflows()}
    for path in PAGES:
        site.go(path)
        fits[path] = not site.overflows()
    assert fits == dict.fromkeys(["session", *PAGES], True)
    assert site.page.evaluate("document.documentElement.classList.contains('dark')") is (scheme == "dark")


def test_the_first_button_is_reached_and_pressed_by_keyboard(open_site):
    page = open_site().session()
    button = page.get_by_role("button", name="Clear profile", exact=True).first
    button.focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="No, take me back").wait_for()
