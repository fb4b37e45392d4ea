"""The pictures of the README, taken from the demo company in a real browser.

make screenshots
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
HEED = Path(sys.executable).with_name("heed")
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
DESKTOP, PHONE = ViewportSize(width=1380, height=900), ViewportSize(width=390, height=844)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(port: int) -> Iterator[str]:
    """Heed at a free port, ended at the end."""
    base = f"http://127.0.0.1:{port}"
    process = subprocess.Popen([HEED, "serve"], env={**os.environ, "PORT": str(port)})
    try:
        wait_for(base)
        yield base
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_for(base: str, patience: float = 60) -> None:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            with urlopen(base + "/sign-in/"):  # noqa: S310
                return
        except URLError:
            time.sleep(0.3)
    raise SystemExit(f"The server did not answer at {base} within {patience:.0f} s.")


def sign_in_link(port: int) -> str:
    from heed.evidence.simulation import csm_emails

    asked = subprocess.run(
        [HEED, "link", csm_emails(1)[0]],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PORT": str(port)},
    )
    return asked.stdout.split()[-1]


def take(page: Page, name: str, *, whole: bool = False) -> None:
    page.wait_for_load_state("networkidle")
    page.screenshot(path=PICTURES / f"{name}.png", full_page=whole)
    print(f"docs/pictures/{name}.png")


def pictures(browser: Browser, base: str, link: str) -> None:
    page = browser.new_context(viewport=DESKTOP).new_page()
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{base}/today/")
    take(page, "today")
    account = page.locator("a[href^='/customers/accounts/']").first.get_attribute("href")
    page.goto(f"{base}{account}")
    take(page, "account")
    page.goto(f"{base}/customers/?q=active_people+%3E%3D+5+and+usage_trend+%3C+1&sort=-mrr")
    take(page, "customers")
    page.goto(f"{base}/customers/revenue/")
    take(page, "revenue")
    page.goto(f"{base}/prove/")
    take(page, "prove")
    page.goto(f"{base}/prove/experiments/")
    take(page, "experiments")
    page.goto(f"{base}/prove/triggers/")
    page.get_by_role("link", name="Half of usual").click()
    take(page, "trigger")
    page.emulate_media(color_scheme="dark")
    page.goto(f"{base}/today/")
    take(page, "today-dark")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(PHONE)
    page.goto(f"{base}/today/")
    take(page, "today-phone")


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    subprocess.run([HEED, "demo", "--no-serve"], check=True)
    port = free_port()
    chromium = os.environ.get("HEED_CHROMIUM", "/usr/bin/chromium")
    arguments = [*QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with server(port) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        pictures(browser, base, sign_in_link(port))
        browser.close()


if __name__ == "__main__":
    main()
