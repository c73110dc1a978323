"""The HTML report: what is in the page, what a browser draws, what it never does."""

import base64
import collections
import hashlib
import html.parser
import json
import math
import os
import pathlib
import random
import re
import secrets
import stat
import subprocess
import warnings

import browser as browsers
import numpy as np
import pytest

NONE, RED, GREEN, AGAIN_RED, AGAIN_GREEN = range(5)
ELEMENTS = {NONE: "span", RED: "i", GREEN: "b", AGAIN_RED: "u", AGAIN_GREEN: "u"}
LETTERS = {NONE: ".", RED: "R", GREEN: "G", AGAIN_RED: "r", AGAIN_GREEN: "g"}

# Colours of the style sheet: tint and underline of green, underline of red, box of a segment.
LIGHT = {
    "tint": 0xD8EFDC,
    "green": 0x1B7A3A,
    "red": 0xB3261E,
    "segment": 0x1F4E8C,
    "bg": 0xFFFFFF,
}
DARK = {"tint": 0x17402A, "green": 0x5FCE82, "red": 0xFF9087, "segment": 0x8FBCF5, "bg": 0x141516}

HOSTILE = (
    b"</title></script><script>document.body.id='pwned'</script>"
    b"<img src=x onerror=\"document.body.id='pwned'\">"
    b"\"'><svg onload=alert(1)> &lt;b&gt; &amp; ]]> --> <!-- "
    b"\xe2\x80\xaedesrever\xe2\x80\xac \x1b[31m \xff\xc0\x80 \xed\xa0\x80 \x7f\xc2\x85"
)


# ------------------------------------------------------------------- reading a page


class Page(html.parser.HTMLParser):
    """What a page holds: elements, and the texts with their tokens."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements = collections.Counter()
        self.attributes = []  # (element, name, value)
        self.scripts = []  # (attributes, content)
        self.titles = []
        self.texts = []  # of each document: list of [element, text]
        self.notes = []  # "12 tokens left out"
        self.segments = []  # ids of marks, with the tokens in them
        self.headline = ""
        self._open = []
        self._text = None
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.elements[tag] += 1
        self.attributes += [(tag, name, value) for name, value in attributes]
        if tag in ("meta", "link", "br", "wbr", "input"):
            return
        self._open.append(tag)
        if tag == "script":
            self.scripts.append((values, ""))
        if tag == "div" and (values.get("class") or "").split(" ")[0] == "t":
            self._text = len(self._open)
            self.texts.append([])
        elif self._text and tag == "mark":
            self.segments.append((values["id"], []))
        elif self._text and tag in ("b", "i", "u", "span"):
            self.texts[-1].append([tag, ""])
            if "mark" in self._open:
                self.segments[-1][1].append(len(self.texts[-1]) - 1)

    def handle_endtag(self, tag):
        assert self._open and self._open[-1] == tag, f"</{tag}> in {self._open}"
        if self._text == len(self._open):
            self._text = None
        self._open.pop()

    def handle_data(self, data):
        if self._open and self._open[-1] == "script":
            attributes, content = self.scripts.pop()
            self.scripts.append((attributes, content + data))
        elif self._open and self._open[-1] == "title":
            self.titles.append(data)
        elif "h1" in self._open:
            self.headline += data
        elif self._text and self._open[-1] == "em":
            self.notes.append(data)
        elif self._text and self._open[-1] == "code":
            self.texts[-1][-1][1] += f"[{data}]"
        elif self._text and self._open[-1] in ("b", "i", "u", "span"):
            self.texts[-1][-1][1] += data

    def data(self) -> list:
        """The data of the texts' tokens."""
        return [json.loads(c) for a, c in self.scripts if a == {"type": "application/json"}]


def as_shown(text: bytes) -> str:
    """What the page shows of some bytes, with names of characters in brackets."""
    named = (
        r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b"
        r"\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
        "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    )
    shown = text.decode(errors="replace")
    shown = re.sub("[\ufdd0-\ufdef\ufffe\uffff]", "\ufffd", shown)
    shown = "".join("\ufffd" if ord(c) & 0xFFFE == 0xFFFE else c for c in shown)
    return re.sub(named, lambda m: f"[U+{ord(m[0]):04X}]", shown)


# ---------------------------------------------------------------- describing a report


def log10_tail(n: int, green: int, gamma: float = 0.25) -> float:
    """Log10 of the binomial tail, well enough for a page."""
    first = (
        math.lgamma(n + 1) - math.lgamma(green + 1) - math.lgamma(n - green + 1)
        + green * math.log(gamma) + (n - green) * math.log(1 - gamma)
    )  # fmt: skip
    total = term = 1.0
    for k in range(green, n):
        term *= (n - k) / (k + 1) * gamma / (1 - gamma)
        total += term
        if term < 1e-17 * total:
            break
    return min(0.0, (first + math.log(total)) / math.log(10))


def count(colours) -> dict:
    scored = sum(c in (RED, GREEN) for c in colours)
    green = sum(c == GREEN for c in colours)
    return {
        "documents": 1,
        "tokens": len(colours),
        "scored": scored,
        "repeated": sum(c in (AGAIN_RED, AGAIN_GREEN) for c in colours),
        "green": green,
        "log10_p": log10_tail(scored, green),
    }


def document(tokens, colours, text=None, ends=None, segments=(), **more) -> dict:
    described = {"input": 0, "line": 1, "tokens": list(tokens), "colours": list(colours), **more}
    described["alone"] = count(colours)
    if text is not None:
        described |= {"text": text.hex(), "ends": list(ends)}
    described["segments"] = [
        {"first": a, "end": b, **count(colours[a:b]), "log10_p_corrected": -9.5}
        for a, b in segments
    ]
    return described


def report(documents, **more) -> dict:
    total = {
        name: sum(d["alone"][name] for d in documents)
        for name in ("documents", "tokens", "scored", "repeated", "green")
    }
    points, scored, green = [], 0, 0
    for i, each in enumerate(documents):
        scored += each["alone"]["scored"]
        green += each["alone"]["green"]
        points.append(
            {"documents": i + 1, "scored": scored, "green": green, "log10_e": green / 9}
        )
    described = {
        "key_id": b"0123456789abcdef".hex(),
        "alpha": 1e-6,
        "found": True,
        "located": True,
        "log10_e": 1.0,
        "log10_e_max": 2.0,
        "result": total | {"log10_p": -7.0},
        "inputs": [{"name": b"a.txt".hex(), "bytes": 10, "documents": 1, "tokens": 10}],
        "documents": documents,
        "points": points,
    }
    return described | more


@pytest.fixture(scope="session")
def fixture_program(binary) -> str:
    path = pathlib.Path(binary).parent / "tests" / "cli_fixture"
    if not os.access(path, os.X_OK):
        pytest.exit(f"{path} is not there: build it", returncode=1)
    return str(path)


@pytest.fixture
def write_page(fixture_program, tmp_path):
    """Writes the page of a description and returns its path."""

    def write(described: dict, name: str = "report.html", status: int = 0) -> pathlib.Path:
        (tmp_path / "description.json").write_text(json.dumps(described))
        done = subprocess.run(
            [fixture_program, "html", "description.json", name],
            cwd=tmp_path,
            capture_output=True,
            timeout=120,
        )
        assert done.returncode == status, done.stderr.decode()
        write.message = done.stderr.decode()
        return tmp_path / name

    return write


@pytest.fixture(scope="session")
def browser() -> browsers.Browser:
    path = browsers.find()
    if path is None:
        reason = "no Chromium here: what a browser makes of the HTML report is NOT tested"
        warnings.warn(reason, stacklevel=1)
        pytest.skip(reason)
    return browsers.Browser(path)


@pytest.fixture
def seeded():
    seed = int(os.environ.get("GREENPRINT_TEST_SEED", secrets.randbits(32)))
    print(f"repeat with GREENPRINT_TEST_SEED={seed}")
    return random.Random(seed)


def prose(source: random.Random, words: int) -> tuple[bytes, list[int]]:
    """Words, a token each, and where they end."""
    pieces = [
        " " + "".join(source.choices("abcdefghijklmnop", k=source.randrange(2, 9)))
        for _ in range(words)
    ]
    return "".join(pieces).encode(), list(np.cumsum([len(piece) for piece in pieces]).tolist())


# --------------------------------------------------------------- the page by itself


def test_every_token_has_an_element(write_page):
    colours = [NONE, NONE, GREEN, RED, AGAIN_RED, AGAIN_GREEN]
    text = b"one two three four five six"
    ends = [3, 7, 13, 18, 23, 27]
    page = Page(write_page(report([document(range(6), colours, text, ends)])).read_text())
    assert page.texts == [
        [["span", "one"], ["span", " two"], ["b", " three"], ["i", " four"], ["u", " five"],
         ["u", " six"]]
    ]  # fmt: skip
    assert page.data() == [
        {
            "n": 6,
            "runs": [{"at": 0, "k": 0, "n": 0, "g": 0, "c": "..GRrg", "ids": list(range(6))}],
        }
    ]
    assert page.headline == "Found: the mark of key 0123456789abcdef."
    page = Page(write_page(report([], found=False)).read_text())
    assert page.headline.startswith("Not found: ")


def test_ids_without_text(write_page):
    page = Page(
        write_page(report([document([7, 4294967295, 0], [NONE, NONE, GREEN])])).read_text()
    )
    assert page.texts == [[["span", "7"], ["span", "4294967295"], ["b", "0"]]]


def test_characters_that_tokens_share(write_page):
    """They are drawn where they begin; each token keeps its element."""
    smile = "\N{SMILING FACE WITH SUNGLASSES}".encode()
    text = b"a" + smile + b"b\xe2\x82"
    colours = [GREEN] * 6
    page = Page(
        write_page(report([document(range(6), colours, text, [2, 3, 5, 6, 7, 8])])).read_text()
    )
    assert [shown for _, shown in page.texts[0]] == [
        "a" + smile.decode(), "", "", "b", "\ufffd", "",
    ]  # fmt: skip


def test_any_bytes(write_page, seeded):
    """Every token has its element, and all of the text is there."""
    pieces = [HOSTILE, b"<b>", b"\n", b"\t", "\u202e\U0001f600\ufdd0\u0430".encode(), b"\xf0\x9f"]
    for _ in range(40):
        text = b"".join(
            seeded.choice(pieces) if seeded.random() < 0.3 else seeded.randbytes(3)
            for _ in range(20)
        )
        inner = sorted(seeded.randrange(len(text) + 1) for _ in range(30))
        ends = [*inner, len(text)]
        colours = [seeded.randrange(5) for _ in ends]
        described = document([seeded.randrange(2**32) for _ in ends], colours, text, ends)
        path = write_page(report([described]))
        page = Page(path.read_bytes().decode())
        (tokens,) = page.texts
        assert [tag for tag, _ in tokens] == [ELEMENTS[c] for c in colours]
        assert "".join(shown for _, shown in tokens) == as_shown(text)
        ((run,),) = [data["runs"] for data in page.data()]
        assert run["ids"] == described["tokens"]
        assert run["c"] == "".join(LETTERS[c] for c in colours)


def hostile_report() -> dict:
    ends = list(range(1, len(HOSTILE) + 1))
    colours = [GREEN] * len(HOSTILE)
    one = document(ends, colours, HOSTILE, ends, segments=[(10, 40)], log10_q=-3.5)
    name = {"name": HOSTILE.hex(), "bytes": 10, "documents": 1, "tokens": 10}
    return report(
        [one, one | {"input": 7}],
        key_id=HOSTILE.hex(),
        tokenizer=HOSTILE.hex(),
        normalization=HOSTILE.hex(),
        meaning=HOSTILE.hex(),
        inputs=[name],
        row=True,
    )


def test_hostile_strings_stay_text(write_page):
    source = write_page(hostile_report()).read_bytes().decode()
    page = Page(source)
    kinds = [attributes.get("type") for attributes, _ in page.scripts]
    assert kinds == ["application/json"] * 3 + [None]
    assert page.elements["img"] == 0 and page.elements["title"] == 1
    assert page.elements["svg"] == 2  # the curves
    assert not [each for each in page.attributes if each[1].startswith("on")]
    assert as_shown(HOSTILE) in page.titles[0]
    for unseen in ("\u202e", "\x1b", "\x7f", "\x85", "\x00"):
        assert unseen not in source
    assert "[U+202E]desrever" in source


def test_page_is_self_contained(write_page):
    """Nothing in it names anything outside, and its policy forbids all of that."""
    source = write_page(report([document(range(9), [GREEN] * 9)])).read_text()
    assert "http://" not in source and "https://" not in source
    assert "url(" not in source and "@import" not in source
    page = Page(source)
    links = [v for _, name, v in page.attributes if name in ("src", "href", "action", "srcset")]
    assert links and all(link.startswith("#") or link == "data:," for link in links)
    assert [name for _, name, _ in page.attributes if name == "style"] == []
    (policy,) = [v for _, name, v in page.attributes if name == "content" and "default-src" in v]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["img-src"] == "data:"
    for name, tag in (("style-src", "style"), ("script-src", "script")):
        content = re.search(f"<{tag}>(.*?)</{tag}>", source, re.DOTALL)[1].encode()
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        assert rules[name] == f"'sha256-{digest}'"


def test_long_documents_are_cut_around_segments(write_page, seeded):
    n = 70_000
    text, ends = prose(seeded, n)
    colours = [NONE, NONE, *(seeded.choice((RED, GREEN, AGAIN_RED)) for _ in range(n - 2))]
    tokens = list(range(n))
    segments = [(61_000, 61_300), (30_000, 58_000)]
    described = report([document(tokens, colours, text, ends, segments)])
    page = Page(write_page(described).read_text())
    (shown,) = page.texts
    assert 19_000 <= len(shown) <= 20_500
    assert [(name, len(inside)) for name, inside in page.segments][1] == ("d1s1", 300)
    assert page.segments[0][0] == "d1s2" and len(page.segments[0][1]) >= 100
    left_out = [int(note.split()[0].replace(",", "")) for note in page.notes if note]
    assert sum(left_out) + len(shown) == n and len(left_out) >= 3
    # The data says of each run where it stands, what is its context and what came before.
    (data,) = page.data()
    assert data["n"] == n and len(data["runs"]) >= 3
    for run in data["runs"]:
        at = run["at"]
        assert run["ids"] == tokens[at - run["k"] : at + len(run["c"])]
        assert run["c"] == "".join(LETTERS[c] for c in colours[at : at + len(run["c"])])
        before = count(colours[:at]) if at < 3000 else None
        assert run["k"] == min(2, at)
        if before is None:
            scored = sum(c in (RED, GREEN) for c in colours[:at])
            assert (run["n"], run["g"]) == (scored, sum(c == GREEN for c in colours[:at]))


def test_many_documents(write_page, seeded):
    """100,000 tokens are drawn and the page stays small; of others segments are drawn."""
    text, ends = prose(seeded, 20_000)
    colours = [NONE, NONE, *(seeded.choice((RED, GREEN)) for _ in range(19_998))]
    one = document(range(100_000, 120_000), colours, text, ends)
    one["alone"]["log10_p"] = -3.0
    last = document(range(20_000), colours, text, ends, segments=[(9_000, 9_200)])
    described = report([one] * 5 + [one, last])
    described["result"]["documents"] = 9000
    path = write_page(described)
    page = Page(path.read_text())
    assert [len(shown) for shown in page.texts] == [20_000] * 5 + [200 + 2 * 32]
    assert page.segments == [("d7s1", list(range(32, 232)))]
    assert path.stat().st_size < 10e6
    assert "The first 7 of 9,000 documents are shown." in path.read_text()
    assert "Left out: " in path.read_text()


def test_segments_that_cannot_be(write_page):
    """A wrong list of segments makes no wrong page."""
    colours = [GREEN] * 50
    wrong = [(10, 20), (15, 30), (40, 60), (30, 30), (20, 25)]
    page = Page(write_page(report([document(range(50), colours, segments=wrong)])).read_text())
    assert [name for name, _ in page.segments] == ["d1s1", "d1s5"]
    assert len(page.texts[0]) == 50


def curve_of(source: str, name: str) -> list[tuple[float, float]]:
    svg = re.search(f'<svg id="{name}".*?</svg>', source, re.DOTALL)[0]
    path = re.search(r'class="curve" d="M([^"]*)"', svg)[1]
    return [tuple(map(float, point.split())) for point in path.split("L")]


@pytest.mark.parametrize("n", [1, 2, 10, 5_000])
def test_curves_of_one_document(write_page, seeded, n):
    """They begin at the origin, end at the right edge, and rise where the text is green."""
    colours = [NONE, NONE, *[RED] * (n // 2), *[GREEN] * (n - n // 2)]
    source = write_page(report([document(range(n + 2), colours)])).read_text()
    for name in ("curve-z", "curve-e"):
        points = curve_of(source, name)
        assert points[0][0] == 48.0
        assert points == sorted(points, key=lambda point: point[0])
        assert points[-1][0] == 464.0 and len(points) < 1500
        if n > 2:
            middle = min(points, key=lambda point: abs(point[0] - (48 + 464) / 2))
            assert middle[1] > points[-1][1] + 20  # y grows downwards


def test_curves_of_many_documents(write_page):
    source = write_page(report([document(range(9), [GREEN] * 9)] * 30)).read_text()
    assert len(curve_of(source, "curve-z")) == 31
    assert '<a href="#doc30">30</a>' in source


# ------------------------------------------------------------------- the file


def test_file_is_replaced_whole(write_page, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    path.chmod(0o640)
    link = tmp_path / "link.html"
    link.symlink_to("report.html")
    write_page(report([]), "link.html")
    assert link.is_symlink() and path.read_text().startswith("<!DOCTYPE html>")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "description.json", "link.html", "report.html",
    ]  # fmt: skip


def test_new_file_has_the_usual_mode(write_page):
    mask = os.umask(0o027)
    try:
        path = write_page(report([]))
    finally:
        os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_file_that_cannot_be_made(write_page, tmp_path):
    write_page(report([]), "nowhere/report.html", status=2)
    assert write_page.message == (
        "greenprint fixture: nowhere/report.html: cannot create the report: "
        "No such file or directory\n"
    )
    write_page(report([]), ".", status=2)
    assert ".: cannot create the report: Is a directory" in write_page.message
    write_page(report([]), "/dev/full", status=2)
    assert "/dev/full: cannot write the report: No space left on device" in write_page.message
    assert [p.name for p in tmp_path.iterdir()] == ["description.json"]


def test_file_that_is_lost_leaves_the_old_one(fixture_program, write_page, tmp_path):
    """A write that fails (here: a limit on the size of files) changes nothing."""
    path = write_page(report([]))
    path.write_text("old")
    limited = "ulimit -f 8; trap '' XFSZ; exec \"$@\""  # 8 blocks of 512 or 1024 bytes
    done = subprocess.run(
        ["sh", "-c", limited, "sh", fixture_program, "html", "description.json", "report.html"],
        cwd=tmp_path,
        capture_output=True,
    )
    assert (
        done.returncode == 2
        and b"report.html: cannot write the report: File too large" in done.stderr
    )
    assert path.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["description.json", "report.html"]


def test_pipes_are_written_to(fixture_program, write_page, tmp_path):
    write_page(report([]))
    done = subprocess.run(
        [fixture_program, "html", "description.json", "/dev/stdout"],
        cwd=tmp_path,
        capture_output=True,
    )
    assert done.returncode == 0
    assert done.stdout == (tmp_path / "report.html").read_bytes()


# ---------------------------------------------------------------------- the browser


def pixels(image: np.ndarray, colour: int) -> int:
    rgb = [colour >> 16, colour >> 8 & 255, colour & 255]
    return int((image == np.array(rgb, np.uint8)).all(axis=2).sum())


def with_script(path: pathlib.Path, script: str) -> pathlib.Path:
    """A copy of a page that runs a script of ours, which its policy would not let it."""
    source = path.read_text()
    source = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", source)
    changed = path.with_name("scripted.html")
    changed.write_text(source.replace("</body>", f"<script>{script}</script></body>"))
    return changed


@pytest.fixture
def half_green(write_page, seeded) -> pathlib.Path:
    """A page of 600 tokens, every other green."""
    text, ends = prose(seeded, 600)
    colours = [NONE, NONE, *[RED, GREEN] * 299]
    return write_page(report([document(range(600), colours, text, ends, segments=[(100, 160)])]))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_drawn(browser, write_page, seeded, theme):
    """Tints and underlines are where green and red tokens are, in light and in dark."""
    colours = LIGHT if theme == "light" else DARK
    flags = () if theme == "light" else ("--blink-settings=preferredColorScheme=0",)
    text, ends = prose(seeded, 600)
    areas = {}
    for name, colour in (("green", GREEN), ("red", RED), ("none", NONE)):
        path = write_page(report([document(range(600), [colour] * 600, text, ends)]))
        image = browser.screenshot(path, 1100, 3000, *flags)
        areas[name] = {key: pixels(image, value) for key, value in colours.items()}
    # The legend has one of each; 600 words of some 50 pixels have 300 times as much.
    assert areas["green"]["tint"] > 100 * areas["none"]["tint"] > 0
    assert areas["green"]["green"] > 30 * areas["none"]["green"] > 0
    assert areas["red"]["tint"] < 2 * areas["none"]["tint"]
    assert areas["red"]["red"] > areas["green"]["red"] + 3000
    assert all(area["bg"] > 1_000_000 for area in areas.values())


def test_curve_and_segment_are_drawn(browser, half_green, tmp_path):
    """What disappears with them is where they should be."""
    image = browser.screenshot(half_green, 1100, 3000)
    source = half_green.read_text()
    changed = {
        "curve": source.replace('class="curve"', 'class="grid" visibility="hidden"'),
        "segment": re.sub(r"</?mark\b[^>]*>", "", source),
    }
    different = {}
    for name, text in changed.items():
        path = tmp_path / f"{name}.html"
        path.write_text(text)
        other = browser.screenshot(path, 1100, 3000)
        different[name] = np.argwhere((image != other).any(axis=2))
    # Two curves, each some 450 pixels long, side by side.
    assert 800 < len(different["curve"]) < 20_000
    rows, columns = different["curve"].T
    assert np.ptp(rows) < 260 and np.ptp(columns) > 800
    assert len(different["segment"]) > 2000
    assert pixels(image, LIGHT["segment"]) > 2000


def test_marks_can_be_switched_off(browser, half_green):
    image = browser.screenshot(half_green, 1100, 3000)
    plain = half_green.with_name("plain.html")
    plain.write_text(half_green.read_text().replace(" checked>", ">"))
    off = browser.screenshot(plain, 1100, 3000)
    assert pixels(image, LIGHT["tint"]) > 20 * pixels(off, LIGHT["tint"]) > 0  # the legend stays
    assert pixels(off, LIGHT["segment"]) > 2000


def test_narrow_page_does_not_overflow(browser, half_green):
    script = "document.title = `${document.documentElement.scrollWidth} ${innerWidth}`"
    source = browser.run(with_script(half_green, script), "--window-size=500,900", "--dump-dom")
    wide, window = map(int, re.search(r"<title>(\d+) (\d+)</title>", source).groups())
    assert 0 < wide <= window


def test_dom(browser, half_green):
    """A browser reads the same tokens from the page as its text says."""
    page = Page(half_green.read_text())
    dom = Page(browser.dom(half_green))
    assert dom.texts == page.texts
    assert collections.Counter(tag for tag, _ in dom.texts[0]) == {"b": 299, "i": 299, "span": 2}


def test_hover_and_keys(browser, half_green):
    """Pointing at a token, or going there with the keys, tells about it."""
    script = """
      const box = document.getElementById('t1'), tip = document.getElementById('tip');
      const token = box.querySelectorAll('b,i,u,span')[5], told = [];
      const note = () => told.push([...tip.children].map((p) => p.textContent).join('|'));
      token.dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));
      note();
      const key = (name) => box.dispatchEvent(
        new KeyboardEvent('keydown', { key: name, cancelable: true }));
      key('ArrowRight'); note();
      key('End'); key('ArrowRight'); note();
      key('Home'); note();
      key('Escape'); told.push(String(tip.hidden));
      document.title = JSON.stringify(told);
    """
    page = Page(browser.dom(with_script(half_green, script)))
    told = json.loads("".join(page.titles))
    chance = "Green with probability 1/4 in text written without the key"
    z = (2 - 0.25 * 4) / math.sqrt(4 * 0.25 * 0.75)
    assert told[0] == (
        f"Green|Token 5, position 5 of 600|Context: 3, 4|{chance}|"
        f"Up to here: 2 of 4 scored are green, z {z:.2f}"
    )
    assert told[1].startswith("Red|Token 6, position 6 of 600|Context: 4, 5|")
    assert told[2].startswith("Green|Token 599, position 599 of 600|Context: 597, 598|")
    assert "299 of 598 scored are green" in told[2]
    assert told[3].startswith(
        "Not scored: too few tokens before it|Token 0, position 0 of 600|Up"
    )
    assert told[4] == "true"


def test_hostile_text_does_not_run(browser, write_page):
    path = write_page(hostile_report())
    dom = browser.dom(path)
    assert "pwned" not in re.findall(r"<body[^>]*>", dom)[0]
    assert Page(dom).texts == Page(path.read_bytes().decode()).texts
    assert browser.requests(path) == []


def test_page_makes_no_request(browser, half_green, tmp_path):
    """And one that tried would be seen, and stopped by its policy."""
    assert browser.requests(half_green) == []
    source = half_green.read_text()
    image = '<img src="http://127.0.0.1:9/x.png">'
    trying = tmp_path / "trying.html"
    trying.write_text(source.replace("</body>", image + "</body>"))
    assert browser.requests(trying) == []
    without = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", trying.read_text())
    trying.write_text(without)
    assert [url for _, url in browser.requests(trying)] == ["http://127.0.0.1:9/x.png"]


def test_large_page_opens(browser, write_page, seeded):
    text, ends = prose(seeded, 20_000)
    colours = [NONE, NONE, *(seeded.choice((RED, GREEN)) for _ in range(19_998))]
    one = document(range(20_000), colours, text, ends)
    path = write_page(report([one] * 5))
    script = """
      const box = document.getElementById('t5');
      box.querySelectorAll('b,i,u,span')[19999].dispatchEvent(
        new PointerEvent('pointerover', { bubbles: true }));
      document.title = document.getElementById('tip').textContent;
    """
    page = Page(browser.dom(with_script(path, script)))
    assert "position 19999 of 20000" in page.titles[0]


# ---------------------------------------------------------------- the command itself


@pytest.fixture
def with_html(greenprint):
    """The command; skips while it has no --html."""
    if "--html" not in greenprint("verify", "--help").stdout:
        pytest.skip("verify has no --html yet")
    return greenprint


def marked_ids(key: pathlib.Path, seed: int, length: int, choices: list[int]) -> list[int]:
    """Ids that are sampled with the mark of a key, from a model that has no opinion."""
    package = pytest.importorskip("greenprint")
    source = np.random.default_rng(seed)
    ids = source.choice(choices, 2).tolist()
    vocabulary = max(choices) + 1
    watermark = package.Watermark(package.Key.load(key), delta=3.0)
    allowed = np.full(vocabulary, -np.inf, np.float32)
    allowed[choices] = 0
    for _ in range(length - 2):
        logits = allowed.copy()
        watermark.bias(logits, ids)
        chances = np.exp(logits)
        ids.append(int(source.choice(vocabulary, p=chances / chances.sum())))
    return ids


def check_real_page(path: pathlib.Path, found: dict, browser: browsers.Browser) -> Page:
    """What the page of one marked document has to show, by the JSON report of it."""
    page = Page(browser.dom(path))
    counts = collections.Counter(tag for tag, _ in page.texts[0])
    assert found["verdict"] == "found" and page.headline.startswith("Found: ")
    assert counts["b"] == found["green"] and counts["i"] == found["scored"] - found["green"]
    assert counts["u"] == found["repeated"]
    assert sum(counts.values()) == found["tokens"]
    assert browser.requests(path) == []
    image = browser.screenshot(path, 1100, 3500)
    assert pixels(image, LIGHT["tint"]) > 20_000 and pixels(image, LIGHT["red"]) > 300
    assert len(curve_of(path.read_text(), "curve-e")) > 100
    return page


def test_real_run_of_ids(with_html, key, browser):
    ids = marked_ids(key, 1, 400, list(range(5000)))
    (with_html.folder / "a.tokens").write_text(" ".join(map(str, ids)) + "\n")
    arguments = ("verify", "-k", "k.key", "--format", "tokens", "a.tokens", "--html", "out.html")
    found = json.loads(with_html(*arguments, "--json").stdout)
    page = check_real_page(with_html.folder / "out.html", found, browser)
    assert [int(shown) for _, shown in page.texts[0]] == ids


def test_real_run_of_text(with_html, key, browser):
    """With a tokenizer whose tokens are bytes, and a text of letters that it made."""
    tokenizers = pytest.importorskip("tokenizers")
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    model = tokenizers.models.BPE({c: i for i, c in enumerate(alphabet)}, [])
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.save(str(with_html.folder / "tokenizer.json"))
    letters = [tokenizer.encode(c).ids[0] for c in "abcdefghijklmnopqrstuvwxyz<>&."]
    ids = marked_ids(key, 2, 1500, letters)
    text = tokenizer.decode(ids)
    (with_html.folder / "a.txt").write_text(text)
    arguments = ("verify", "-k", "k.key", "--tokenizer", "tokenizer.json", "a.txt")
    found = json.loads(with_html(*arguments, "--html", "out.html", "--json").stdout)
    page = check_real_page(with_html.folder / "out.html", found, browser)
    assert "".join(shown for _, shown in page.texts[0]) == text


def test_real_run_of_a_fixture(write_page, greenprint, key, browser):
    """The same with colours that the Python package tells, until and after the command can."""
    package = pytest.importorskip("greenprint")
    ids = marked_ids(key, 3, 400, list(range(5000)))
    (greenprint.folder / "a.tokens").write_text(" ".join(map(str, ids)) + "\n")
    found = json.loads(greenprint("verify", "-k", "k.key", "a.tokens", "--json").stdout)
    watermark = package.Watermark(package.Key.load(key), delta=1.0)
    colours, seen = [], set()
    for i, token in enumerate(ids):
        if i < 2:
            colours.append(NONE)
            continue
        mask = watermark.green_mask(ids[:i], 5000)
        green = bool(mask[token // 8] >> (token % 8) & 1)
        coin = tuple(ids[i - 2 : i + 1])
        colours.append((AGAIN_RED if coin in seen else RED) + green)
        seen.add(coin)
    page = check_real_page(write_page(report([document(ids, colours)])), found, browser)
    assert [int(shown) for _, shown in page.texts[0]] == ids
