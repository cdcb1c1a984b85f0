"""How a page is looked at: in a telephone and on a desk, by day and by night, with axe in hand."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Response

ROOT = Path(__file__).resolve().parent.parent.parent
SCREENSHOTS = ROOT / "var" / "screenshots" / "customer"
MAX_BYTES = 60 * 1024
MAX_SHIFT = 0.05
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
OURS = re.compile(r"(https?://(localhost|127\.0\.0\.1)[:/]|blob:|data:)")

#: Written down in the page itself, before anything of it runs.
NOTE_SHIFTS_AND_REPORTS = """
window.__shift = 0; window.__reports = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.__shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
document.addEventListener("securitypolicyviolation", (event) => {
  window.__reports.push(`${event.violatedDirective}: ${event.blockedURI}`);
});
"""


@dataclass(frozen=True)
class Eye:
    """One way to look: 390 or 1440 px wide, light or dark."""

    width: int
    scheme: Any

    def __str__(self) -> str:
        return f"{self.width}-{self.scheme}"

    def open(self, browser: Browser, **more: Any) -> BrowserContext:
        small = self.width < 600
        context = browser.new_context(
            viewport={"width": self.width, "height": 844 if small else 900},
            color_scheme=self.scheme,
            is_mobile=small,
            has_touch=small,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            **more,
        )
        context.add_init_script(NOTE_SHIFTS_AND_REPORTS)
        return context


EYES = [Eye(width, scheme) for width in (390, 1440) for scheme in ("light", "dark")]


@dataclass
class Sight:
    """What was seen of one page, as a list of faults; empty is good."""

    page: Page
    faults: list[str] = field(default_factory=list)
    bytes: int = 0

    def watch(self) -> None:
        self.page.on("console", lambda m: self._fault(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self._fault(str(error)))
        self.page.on("request", lambda request: self._leave(request.url))
        self.page.on("response", self._weigh)

    def _fault(self, text: str) -> None:
        self.faults.append(text)

    def _leave(self, url: str) -> None:
        if not OURS.match(url):
            self.faults.append(f"asks elsewhere: {url}")

    def _weigh(self, response: Response) -> None:
        kind = response.headers.get("content-type", "")
        if not kind.startswith("image/") or "svg" in kind:
            self.bytes += int(response.headers.get("content-length") or len(response.body()))


def look(context: BrowserContext, address: str, picture: str) -> list[str]:
    """This function will open a page, keep its picture, and list everything wrong with it."""
    sight = Sight(context.new_page())
    sight.watch()
    answer = sight.page.goto(address, wait_until="networkidle")
    if answer is None or not answer.ok:
        sight.faults.append(f"answers {answer and answer.status}")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    sight.page.screenshot(path=SCREENSHOTS / f"{picture}.png", full_page=True)
    sight.faults += judge(sight.page)
    if sight.bytes > MAX_BYTES:
        sight.faults.append(f"weighs {sight.bytes} bytes, more than {MAX_BYTES}")
    sight.page.close()
    return sight.faults


def judge(page: Page) -> list[str]:
    """This function will list what the browser and axe hold against a page that is open."""
    faults = [f"blocked: {report}" for report in page.evaluate("window.__reports")]
    shift = page.evaluate("window.__shift")
    if shift > MAX_SHIFT:
        faults.append(f"shifts by {shift:.3f}")
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        faults.append("is wider than the screen")
    options = {"runOnly": {"type": "tag", "values": WCAG}, "resultTypes": ["violations"]}
    found = Axe().run(page, options=options).response["violations"]
    for violation in found:
        places = [node["html"][:120] for node in violation["nodes"][:3]]
        faults.append(f"axe {violation['id']}: {places}")
    return faults
