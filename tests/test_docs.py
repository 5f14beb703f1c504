"""The documentation is true: whatever exists is documented, and whatever is documented exists."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
import runpy
import shlex
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from aislehub.capabilities import MODULES
from aislehub.core.models import Entry
from aislehub.core.registry import registry
from aislehub.core.settings import all_settings
from aislehub.data.mapping import load_mapping
from aislehub.serve.api import api
from aislehub.serve.cli import main
from aislehub.serve.console.pages import PAGES
from aislehub.serve.verbs import INDEX, as_commands, declared

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES_OF_TEXT = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "examples").glob("*.md")])
WRITTEN_BY_TOOLS = {DOCS / "cli.md", DOCS / "settings.md", DOCS / "data-standard.md", DOCS / "profile-standard.md"}
GUIDES = [
    page for page in DOCS.glob("*.md") if page not in WRITTEN_BY_TOOLS and page.stem not in ("architecture", "article")
]
CHEAP = {"settings", "models", "tables"}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HUB_VERBS = set(re.findall(r"^    \./hub (\w+)", (ROOT / "hub").read_text(encoding="utf-8"), re.MULTILINE))


@cache
def commands() -> dict[str, Any]:
    """Verb → command of the real command line; a verb of a group after the group's name: `experiment plan`.

    A group that does something by itself is a verb too.
    """
    found: dict[str, Any] = {}
    for name, command in as_commands(verb for _, verb in declared()).items():
        inner = getattr(command, "commands", None)
        if inner is None or command.invoke_without_command:
            found[name] = command
        found |= {f"{name} {verb}": one for verb, one in (inner or {}).items()}
    return found


def split_verb(words: list[str]) -> tuple[str, list[str]]:
    """A call's verb, two words where it belongs to a group, and the rest."""
    length = 2 if " ".join(words[:2]) in commands() else 1
    return " ".join(words[:length]), words[length:]


def blocks(page: Path, *languages: str) -> list[str]:
    """Contents of a page's fenced blocks in these languages."""
    return [body for language, body in FENCE.findall(page.read_text(encoding="utf-8")) if language in languages]


def shell_lines(page: Path) -> Iterator[str]:
    """Lines of shell that call the hub: after `$` in console blocks, every one in sh and nameless blocks."""
    shown = [line[2:] for body in blocks(page, "console") for line in body.splitlines() if line.startswith("$ ")]
    for line in [*shown, *(line for body in blocks(page, "sh", "") for line in body.splitlines())]:
        if re.search(r"(^|\s)(\./hub|aislehub)\s", line.partition("#")[0]):
            yield line


def words_of(line: str) -> list[str]:
    """A line's words from the verb on: without variables before it, options of the house and what follows a pipe."""
    words = shlex.split(line, comments=True)
    while words[0] not in ("./hub", "aislehub"):
        words.pop(0)
    cut = next((place for place, word in enumerate(words) if word in ("|", ">", "&&", "&", ";")), len(words))
    words = words[1:cut]
    while words and words[0] in ("--home", "--lang"):
        words = words[2:]
    return words


def inline_commands(page: Path) -> Iterator[list[str]]:
    """Commands named in running text: `aislehub day DATE`, `./hub demo`."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for code in re.findall(r"`((?:\./hub|aislehub) [^`]+)`", text):
        yield re.sub(r"[\[\]]", " ", code).split()[1:]


def slug(heading: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def relative(path: Path) -> str:
    """A path as people name it."""
    return str(path.relative_to(ROOT))


# What exists is documented


@pytest.mark.parametrize("module", MODULES)
def test_a_capability_has_a_page_and_a_test(module: str) -> None:
    """Each module in capabilities.MODULES is named on a page of docs/ and has its test in the mirrored place."""
    place = module.removeprefix("aislehub.").replace(".", "/")
    tests = [
        *(ROOT / "tests" / place).glob("test_*.py"),
        *(ROOT / "tests").glob(f"{'/test_'.join(place.rsplit('/', 1))}.py"),
    ]
    pages = [page for page in [*GUIDES, DOCS / "data-standard.md"] if f"`{module}`" in page.read_text(encoding="utf-8")]
    assert pages, f"no page of docs/ says `{module}`: write what it does, or name it on the page of its room"
    assert tests, f"{module} has no test tests/{place}…"


def test_commands_and_settings_pages_are_up_to_date() -> None:
    """docs/cli.md, docs/settings.md and the index of verbs say what the program says; else run `./hub docs`."""
    tool = runpy.run_path(str(ROOT / "tools" / "reference.py"))
    assert tool["COMMANDS"].read_text(encoding="utf-8") == tool["commands_page"]()
    assert tool["SETTINGS"].read_text(encoding="utf-8") == tool["settings_page"]()
    assert INDEX.read_text(encoding="utf-8") == tool["index_of_verbs"]()


def test_every_setting_is_documented() -> None:
    """Each setting of each section is on docs/settings.md, under its section."""
    text = (DOCS / "settings.md").read_text(encoding="utf-8")
    parts = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    missing = [
        f"{section}.{name}"
        for section, kind in all_settings().items()
        for name in kind.model_fields
        if kind.__module__.startswith("aislehub.") and f"`{name}`" not in parts.get(section, "")
    ]
    assert not missing


def test_every_setting_has_an_effect() -> None:
    """Something in the hub reads each setting; one that does nothing is a promise broken."""
    code = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "src").rglob("*.py"))
    sections = (kind for kind in all_settings().values() if kind.__module__.startswith("aislehub."))
    unread = [
        f"{kind.section}.{name}"
        for kind in sections
        for name in kind.model_fields
        if not re.search(rf"\.{name}\b", code)
    ]
    assert not unread


def test_every_environment_variable_is_documented() -> None:
    """Each variable that the hub reads from the environment is on docs/settings.md."""
    texts = (file.read_text(encoding="utf-8") for file in [ROOT / "hub", *(ROOT / "src").rglob("*.py")])
    named = {name for text in texts for name in re.findall(r"AISLEHUB_[A-Z]+(?:_[A-Z]+)*(?!_)\b", text)}
    text = (DOCS / "settings.md").read_text(encoding="utf-8")
    assert sorted(name for name in named if f"`{name}`" not in text) == []


@pytest.mark.parametrize("page", [*PAGES, *registry().pages], ids=lambda page: page.path)
def test_a_console_page_is_documented(page: Any) -> None:
    """Each page of the console is named by its address in docs/."""
    assert any(f"`/{page.path}`" in guide.read_text(encoding="utf-8") for guide in GUIDES)


def test_every_address_of_the_api_is_documented() -> None:
    """Each method and path under /api is on docs/console.md, and each one there exists."""
    routes = {f"{method} {route.path}" for route in api.routes for method in getattr(route, "methods", ())}
    listed = set(re.findall(r"`((?:GET|POST) /api/[^`]+)`", (DOCS / "console.md").read_text(encoding="utf-8")))
    assert listed == routes


@pytest.mark.parametrize("file", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda file: file.stem)
def test_a_benchmark_has_a_section(file: Path) -> None:
    """Each file in benchmarks/ has a section of its name in docs/benchmarks.md that says how to run it."""
    text = (DOCS / "benchmarks.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {file.stem}$", text, re.MULTILINE)
    assert f"aislehub bench {file.stem}" in text


def test_every_example_is_listed() -> None:
    """Each file in examples/ is in examples/README.md."""
    text = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    files = [file.name for file in (ROOT / "examples").glob("*.*") if file.name != "README.md"]
    assert [name for name in files if f"({name})" not in text] == []


def test_the_map_is_complete() -> None:
    """AGENTS.md has a line for each package of the hub, and every path on its map exists."""
    listed = re.findall(r"^\| `([^`]+)` \|", (ROOT / "AGENTS.md").read_text(encoding="utf-8"), re.MULTILINE)
    packages = [file for file in (ROOT / "src" / "aislehub").iterdir() if (file / "__init__.py").exists()]
    assert [path for path in listed if not (ROOT / path).exists()] == []
    assert [file.name for file in packages if f"{relative(file)}/" not in listed] == []


def test_every_page_can_be_reached() -> None:
    """Following links from docs/index.md leads to every page of docs/."""
    seen: set[Path] = set()
    waiting = [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page not in seen and page.suffix == ".md" and page.exists():
            seen.add(page)
            waiting += [target for target, _ in links(page)]
    assert [relative(page) for page in DOCS.rglob("*.md") if page not in seen] == []


# What is documented exists


@pytest.mark.parametrize("verb", sorted(commands()))
def test_a_command_has_help_with_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` of each command works, and its example is a valid call of that very command."""
    assert main([*verb.split(), "--help"]) == 0
    assert "Example:" in capsys.readouterr().out
    examples = commands()[verb].help.partition("Example:")[2].strip().splitlines()
    assert examples
    for example in examples:
        words = words_of(example.strip())
        assert split_verb(words)[0] == verb
        parse(words)
    undescribed = [p.name for p in commands()[verb].params if p.name != "help" and not p.help]
    assert not undescribed


def parse(words: list[str]) -> None:
    """Parse a call as the command line would, types and limits included; raises its usage error."""
    verb, rest = split_verb(words)
    assert verb in commands(), f"there is no command {verb}"
    if rest != ["--help"]:
        commands()[verb].make_context(verb, rest)


@pytest.mark.parametrize("page", PAGES_OF_TEXT, ids=relative)
def test_shell_examples_are_valid(page: Path) -> None:
    """Every `aislehub …` and `./hub …` in a code block names an existing command and is accepted by its parser."""
    for line in shell_lines(page):
        words = words_of(line)
        if (
            not words
            or words[0] in {"--help", "--version"}
            or ("./hub" in line and words[0] in HUB_VERBS - set(commands()))
        ):
            continue
        try:
            parse(words)
        except Exception as error:
            pytest.fail(f"`{line}`: {error}")


@pytest.mark.parametrize("page", PAGES_OF_TEXT, ids=relative)
def test_commands_named_in_text_exist(page: Path) -> None:
    """Commands and options named in running text exist; what they are given may be a placeholder."""
    for verb, rest in map(split_verb, inline_commands(page)):
        if verb.startswith("-") or verb in ("VERB", "X", "…") or verb in HUB_VERBS - set(commands()):
            continue
        assert verb in commands(), f"{relative(page)} names the command {verb}"
        known = {option for parameter in commands()[verb].params for option in parameter.opts} | {"--help"}
        unknown = [word for word in rest if word.startswith("--") and word.partition("=")[0] not in known]
        assert not unknown, f"{relative(page)}: {verb} has no {unknown}"


def test_cheap_shell_examples_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Shell examples that only look at the house succeed on an empty home."""
    monkeypatch.setenv("AISLEHUB_HOME", str(tmp_path))
    calls = {
        tuple(words)
        for page in PAGES_OF_TEXT
        for words in map(words_of, shell_lines(page))
        if words[:1] and words[0] in CHEAP
    }
    assert calls
    for call in sorted(calls):
        assert main(call) == 0, call
        assert capsys.readouterr().out


@pytest.mark.parametrize("page", [page for page in PAGES_OF_TEXT if blocks(page, "toml")], ids=relative)
def test_toml_examples_are_valid(page: Path, tmp_path: Path) -> None:
    """TOML blocks are settings or models in `hub.toml`, or a mapping onto an existing table's columns."""
    file = tmp_path / "hub.toml"
    for body in blocks(page, "toml"):
        file.write_text(body, encoding="utf-8")
        told = tomllib.loads(body)
        if "table" in told:
            contract = registry().contracts[told["table"]]
            assert [name for name in load_mapping(file).columns if name not in contract.schema.names] == []
            continue
        for name, entry in told.pop("models", {}).items():
            Entry(name, **entry)
        for section in told:
            all_settings()[section].load(tmp_path)


@pytest.mark.parametrize(
    "page", [page for page in PAGES_OF_TEXT if ">>> " in page.read_text(encoding="utf-8")], ids=relative
)
def test_python_examples_of_pages(page: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`>>>` blocks of a page run in their order and print what the page says."""
    monkeypatch.setenv("AISLEHUB_LANG", "en")
    monkeypatch.setenv("AISLEHUB_HOME", str(tmp_path))
    source = "\n".join(blocks(page, "python", "pycon"))
    found = doctest.DocTestParser().get_doctest(source, {}, relative(page), str(page), 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert runner.run(found).failed == 0


def modules_with_examples() -> list[str]:
    """Modules of src whose docstrings hold examples."""
    files = (file for file in (ROOT / "src").rglob("*.py") if ">>> " in file.read_text(encoding="utf-8"))
    return sorted(
        ".".join(file.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__") for file in files
    )


@pytest.mark.parametrize("module", modules_with_examples())
def test_python_examples_of_docstrings(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`>>>` lines in docstrings run and print what they say."""
    monkeypatch.setenv("AISLEHUB_LANG", "en")
    result = doctest.testmod(
        importlib.import_module(module), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    )
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("file", sorted((ROOT / "examples").glob("*.py")), ids=lambda file: file.name)
def test_examples_say_how_to_run_them(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each example loads, its docstring holds valid calls of the hub, and its doctests pass."""
    told = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    calls = [line for line in told.splitlines() if line.strip().startswith(("aislehub ", "./hub "))]
    monkeypatch.syspath_prepend(str(file.parent))
    result = doctest.testmod(importlib.import_module(file.stem))
    assert calls or result.attempted, "neither a call nor a doctest"
    assert result.failed == 0
    for line in calls:
        parse(words_of(line.strip()))


def links(page: Path) -> list[tuple[Path, str]]:
    """Targets of a page's links inside the project: file and anchor."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    found = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            found.append(((page.parent / path).resolve() if path else page, anchor))
    return found


@pytest.mark.parametrize("page", PAGES_OF_TEXT, ids=relative)
def test_links_lead_somewhere(page: Path) -> None:
    """Links inside the project name existing files and headings."""
    broken = []
    for target, anchor in links(page):
        if not target.exists():
            broken.append(str(target))
        elif anchor and target.suffix == ".md":
            text = FENCE.sub("", target.read_text(encoding="utf-8"))
            if anchor not in map(slug, re.findall(r"^#+ (.+)$", text, re.MULTILINE)):
                broken.append(f"{relative(target)}#{anchor}")
    assert not broken


# What the pages promise each other


def test_every_claim_of_the_article_is_answered() -> None:
    """Each row of docs/article.md has the claim in both languages and says what shows it or "not yet"."""
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in (DOCS / "article.md").read_text(encoding="utf-8").splitlines()
        if re.match(r"\| \d", line)
    ]
    assert [int(row[0]) for row in rows] == list(range(1, len(rows) + 1))
    for number, chinese, english, shown, measured in rows:
        assert re.search(r"[一-鿿]", chinese), number
        assert re.search(r"[a-z]{3}", english), number
        assert re.search(r"`(aislehub|\./hub|POST|GET) |\]\(", shown) or shown == "not yet", number
        assert measured, number
        if shown == "not yet":
            assert measured == "not yet", number


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "README.zh.md", DOCS / "index.md"], ids=relative)
def test_figures_of_a_benchmark_are_those_of_its_section(page: Path) -> None:
    """A paragraph that links to a benchmark repeats figures of thousands as its section has them."""
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", (DOCS / "benchmarks.md").read_text(), re.M | re.S))
    cited = [
        (figure, name)
        for paragraph in page.read_text(encoding="utf-8").split("\n\n")
        for name in re.findall(r"benchmarks\.md#(\w+)\)", paragraph)
        for figure in re.findall(r"\d{1,3}(?:,\d{3})+", paragraph)
    ]
    assert cited
    assert [f"{figure} is not in {name}" for figure, name in cited if figure not in sections[name]] == []


def test_both_readmes_have_the_same_parts() -> None:
    """README.zh.md has the sections, code and links of README.md, in the same order."""
    english, chinese = ROOT / "README.md", ROOT / "README.zh.md"
    levels = [
        re.findall(r"^(#+) ", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
        for page in (english, chinese)
    ]
    assert levels[0] == levels[1]
    assert FENCE.findall(english.read_text(encoding="utf-8")) == FENCE.findall(chinese.read_text(encoding="utf-8"))
    others = {english, chinese}
    targets = [[link for link in links(page) if link[0] not in others] for page in (english, chinese)]
    assert targets[0] == targets[1]


def test_the_changelog_names_this_version() -> None:
    """CHANGELOG.md has a section for the version that the package says it is."""
    from aislehub import __version__

    assert re.search(
        rf"^## {re.escape(__version__)}\b", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
    )


def texts_of_the_project() -> Iterator[Path]:
    """Every text file that people or programs read, but for fetched front-end files and tests."""
    kinds = {".md", ".py", ".toml", ".html", ".css", ".js", ".json", ".lock", ".yaml", ""}
    here = (file for file in ROOT.iterdir() if file.name != ".git")  # of a second working tree, .git is a file
    yield from (file for file in here if file.is_file() and file.suffix in kinds)
    for folder in ("src", "docs", "tools", "benchmarks", "examples"):
        for file in (ROOT / folder).rglob("*"):
            if (
                file.is_file()
                and file.suffix in kinds
                and "vendor" not in file.parts
                and "__pycache__" not in file.parts
            ):
                yield file


def test_no_text_names_a_package_host_or_a_build_machine() -> None:
    """Where packages come from is the machine's affair, and no path of a machine is anyone else's."""
    hosts = r"pypi\.org|pythonhosted\.org|npmjs\.(org|com)|yarnpkg\.com|anaconda\.org|download\.pytorch\.org"
    paths = r"(?<![\w.~-])/(work|root|tmp/w|Users|home/\w+)/"
    named = re.compile(f"{hosts}|{paths}")
    found = {
        relative(file): match.group()
        for file in texts_of_the_project()
        if (match := named.search(file.read_text(encoding="utf-8", errors="replace")))
    }
    assert not found
