"""What every page of the console owes whoever looks at it: contrast, names for what can be operated, no sideways scrolling."""

from __future__ import annotations

from aura_migration_tests.support.browser import Visit

WIDTHS = (820, 1280)
CONTRAST = """
() => {
  const rgb = text => { const m = text.match(/[\\d.]+/g).map(Number); return [m[0], m[1], m[2], m.length > 3 ? m[3] : 1]; };
  const light = ([r, g, b]) => { const c = [r, g, b].map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]; };
  const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const ground = element => { const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(rgb(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]); };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility({opacityProperty: true, visibilityProperty: true})
        || element.closest('.skip, [aria-hidden=true], .q-icon, script, style, .disabled, [disabled]')) continue;
    const under = ground(element), ink = over(rgb(getComputedStyle(element).color), under);
    const [a, b] = [light(ink), light(under)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${walker.currentNode.textContent.trim().slice(0, 60)}`);
  }
  return found;
}
"""
NAMELESS = """
() => [...document.querySelectorAll('a, button, input, select, textarea, [role=button], [role=combobox]')]
  .filter(e => e.checkVisibility() && e.type !== 'hidden')
  .filter(e => !(e.innerText || e.getAttribute('aria-label') || (e.id && document.querySelector(`label[for="${e.id}"]`))
    || e.closest('label')))
  .map(e => e.outerHTML.slice(0, 200))
"""


def require_readable(visit: Visit, path: str) -> None:
    """The page at hand is readable at both widths; ``path`` names it where it is not."""
    page = visit.page
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert not visit.is_too_wide(), (path, width)
    assert page.evaluate(CONTRAST) == [], path
    assert page.evaluate(NAMELESS) == [], path
    assert page.locator("html").get_attribute("lang") == "en-US", path
