"""The page in a real browser: quiet, usable by keyboard, and within 375 px."""

import itertools
import pathlib
import shutil

import pytest

SIZES = {"phone": (375, 812), "desk": (1280, 900)}


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def look(browser, tmp_path):
    contexts, complaints = (
        [],
        [],
    )  # the test fails at its end if a page complained or asked for anything

    def open_page(report, size="desk", scheme="light"):
        report.save(tmp_path)
        url = pathlib.Path(tmp_path / "index.html").as_uri()
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: complaints.append(request.url) if own(request.url, url) else None,
        )
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def own(requested, url):
    return not requested.startswith("data:") and requested.partition("#")[0] != url


def test_a_claim_has_one_card_with_a_row_for_each_problem(look, make_report, make_verdict):
    shared = [make_verdict(problem=problem) for problem in ("gaussian", "diabetes")]
    other = make_verdict(id="kunin_2024/other")
    page = look(make_report(shared[0], other, shared[1]))
    assert page.locator(".card").count() == 2
    assert page.locator(".card math").count() == 2
    assert page.locator(".claim > summary").count() == 3
    assert page.locator(".strip a").count() == 3
    page.get_by_text("Show only some claims").click()
    page.get_by_role("checkbox", name="gaussian").uncheck()
    assert [card.is_visible() for card in page.locator(".card").all()] == [True, False]
    assert [row.is_visible() for row in page.locator(".claim").all()] == [False, True, False]
    page.get_by_role("checkbox", name="diabetes").uncheck()
    assert not any(card.is_visible() for card in page.locator(".card").all())


@pytest.mark.cases(1)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows_a_phone_even_with_everything_open(look, every_kind, scheme):
    page = look(every_kind, "phone", scheme)
    for summary in page.locator("summary").all():
        summary.click()
    assert page.locator("details[open]").count() == len(every_kind.claims) + 2
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_a_claim_with_a_long_word_does_not_overflow_a_phone(look, make_report, make_verdict):
    long = "a_very_long_name_without_any_space_" * 6
    page = look(
        make_report(make_verdict(id=f"linsgd/{long}", statement=long, regime=long, command=long)),
        "phone",
    )
    page.locator(".claim > summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_the_keyboard_reaches_and_opens_a_claim(look, every_kind):
    page = look(every_kind)
    claim = page.locator(".claim").first
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.claim > summary')"):
            break
    assert claim.get_attribute("open") is None
    page.keyboard.press("Enter")
    assert claim.get_attribute("open") is not None
    assert claim.locator("img.light").is_visible()
    assert claim.locator("img.light").evaluate("image => image.naturalWidth") > 0


def test_the_first_stop_of_the_keyboard_skips_to_the_claims(look, every_kind):
    page = look(every_kind)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#claims"


def test_what_is_as_expected_can_be_hidden(look, every_kind):
    page = look(every_kind)
    page.get_by_label("Only what is not as expected").check()
    shown = [claim for claim in page.locator(".claim").all() if claim.is_visible()]
    assert len(shown) == sum(not verdict.as_expected for verdict in every_kind.claims)


def test_claims_of_one_problem_can_be_shown_alone(look, every_kind):
    page = look(every_kind)
    page.get_by_text("Show only some claims").click()
    page.get_by_role("checkbox", name="diabetes").uncheck()
    page.get_by_role("checkbox", name="numerical").uncheck()
    shown = [claim for claim in page.locator(".claim").all() if claim.is_visible()]
    kept = [v for v in every_kind.claims if v.problem != "diabetes" and v.kind != "numerical"]
    assert len(shown) == len(kept)


def test_an_address_with_a_claims_id_opens_its_card(look, every_kind):
    page = look(every_kind)
    card = page.locator(".claim").nth(2)
    assert card.get_attribute("open") is None
    page.goto(f"{page.url}#{card.locator('.target').get_attribute('id')}")
    page.wait_for_function("document.querySelectorAll('.claim')[2].open")
    assert card.locator("summary").evaluate("node => node.getBoundingClientRect().top") >= 0


def test_evidence_is_printed_on_demand(look, every_kind):
    page = look(every_kind)
    page.emulate_media(media="print")
    shown = "() => [...document.querySelectorAll('.more')].filter(e => e.checkVisibility()).length"
    assert page.evaluate(shown) == 0
    assert page.locator(".reading li").first.evaluate("node => node.checkVisibility()")
    page.emulate_media(media="screen")
    page.get_by_label("Print the evidence too").check()
    assert page.evaluate(shown) == 0
    page.emulate_media(media="print")
    assert page.evaluate(shown) == len(every_kind.claims)


def test_the_cells_of_a_table_stand_below_each_other_on_a_phone(look, every_kind):
    page = look(every_kind, "phone")
    page.locator(".claim > summary").nth(1).click()
    cells = page.locator(".claim").nth(1).locator("tbody tr").first.locator("th, td").all()
    boxes = [cell.bounding_box() for cell in cells]
    below = [a["y"] + a["height"] <= b["y"] + 1 for a, b in itertools.pairwise(boxes)]
    assert all(below)
    assert all(box["x"] + box["width"] <= 375 for box in boxes)


def test_a_script_in_a_claim_is_shown_and_not_run(look, make_report, make_verdict):
    page = look(make_report(make_verdict(statement='<script>document.title = "taken"</script>')))
    assert page.locator(".statement").inner_text() == '<script>document.title = "taken"</script>'
    assert "taken" not in page.title()


def test_the_dark_has_its_own_figures_and_print_does_not(look, every_kind):
    page = look(every_kind, scheme="dark")
    page.locator(".claim > summary").first.click()
    figure = page.locator(".claim").first
    assert figure.locator("img.dark").is_visible()
    assert not figure.locator("img.light").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 29)"
    page.emulate_media(media="print")
    assert figure.locator("img.light").is_visible()
    assert not figure.locator("img.dark").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


@pytest.mark.cases(1)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(look, every_kind, scheme):
    """WCAG AA: a contrast of at least 4.5 between the colours that texts and grounds take."""
    page = look(every_kind, scheme=scheme)
    style = page.evaluate(
        """() => Object.fromEntries(['ink', 'muted', 'mark', 'confirmed', 'refuted', 'undecided',
        'paper', 'sheet',
        'faint', 'confirmed-soft', 'refuted-soft', 'undecided-soft'].map(
            name => [name, getComputedStyle(document.documentElement)
                .getPropertyValue('--' + name).trim()]))"""
    )
    grounds = ["paper", "sheet", "faint"]
    pairs = [(text, ground) for text in ("ink", "muted", "mark") for ground in grounds]
    pairs += [
        (name, ground)
        for name in ("confirmed", "refuted", "undecided")
        for ground in ("sheet", f"{name}-soft")
    ]
    poor = {pair: contrast(style[pair[0]], style[pair[1]]) for pair in pairs}
    assert {pair: value for pair, value in poor.items() if value < 4.5} == {}


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    if len(colour) == 4:
        colour = "#" + "".join(2 * digit for digit in colour[1:])
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
