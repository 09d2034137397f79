"""The distribution of the client alone: what is in it, and that it needs httpx and nothing else of anybody's."""

import ast
import importlib.util
import inspect
import shutil
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import MISSING, fields
from importlib.metadata import version
from pathlib import Path

import pytest

import amc_learning
from amc_learning import client
from amc_learning.client.options import Options
from amc_learning_tests.client.server import VERSION, serving

CHECKOUT = Path(__file__).parents[2]

HTTPX_AND_ITS_OWN = ("httpx", "httpcore", "h11", "anyio", "certifi", "idna", "sniffio", "typing_extensions")

FIRST_SETUPTOOLS_WITH_WHEELS = (70, 1)

PROGRAM = """
import sys
sys.path[:] = [path for path in sys.path if "site-packages" not in path] + sys.argv[2:]
from amc_learning.client import LearningClient, PortfolioTracker
with LearningClient(sys.argv[1]) as learning:
    got = learning.get_discovery_parameters({"volume_momentum_weight": 0.5, "squeeze_weight": 0.5})
    learning.send_discovery({"candidates": []})
    print(learning.last_read.reason, learning.flush(20), learning.counters.n_sent)
"""


@pytest.fixture
def sources(tmp_path):
    """A copy, because building writes beside the sources."""
    shutil.copytree(CHECKOUT / "deploy" / "client", tmp_path / "deploy" / "client")
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CHECKOUT / "amc_learning" / "client", tmp_path / "amc_learning" / "client", ignore=unwanted)
    return tmp_path / "deploy" / "client"


def built_tree(sources, folder):
    command = ["-c", "import setuptools; setuptools.setup()", "-q", "build", "--build-lib", str(folder)]
    subprocess.run([sys.executable, *command], cwd=sources, check=True, capture_output=True, timeout=120)


def built_wheel(sources, folder):
    command = [
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-index",
        "--no-build-isolation",
        "--no-deps",
        "-w",
        str(folder),
        ".",
    ]
    subprocess.run([sys.executable, *command], cwd=sources, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("amc_learning_client-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder)
    wheel.unlink()


@pytest.mark.parametrize("build", [built_tree, built_wheel])
def test_the_built_client_reads_and_sends_with_nothing_beside_it_but_httpx(sources, tmp_path, build):
    pytest.importorskip("setuptools")
    if build is built_wheel and tuple(map(int, version("setuptools").split(".")[:2])) < FIRST_SETUPTOOLS_WITH_WHEELS:
        pytest.skip("this setuptools cannot build wheels by itself")
    built, beside = tmp_path / "built", tmp_path / "httpx-alone"
    build(sources, built)
    files = {path.relative_to(built).as_posix() for path in built.rglob("*") if path.is_file()}
    assert {"amc_learning/client/__init__.py", "amc_learning/client/py.typed"} <= files
    assert all(name.startswith(("amc_learning/client/", "amc_learning_client-")) for name in files)

    beside.mkdir()
    for name in HTTPX_AND_ITS_OWN:
        if (spec := importlib.util.find_spec(name)) is not None:
            origin = Path(spec.origin)
            origin = origin.parent if origin.name == "__init__.py" else origin
            (beside / origin.name).symlink_to(origin)
    with serving() as server:
        arguments = [sys.executable, "-I", "-S", "-c", PROGRAM, server.url, str(built), str(beside)]
        ran = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert (ran.stdout, ran.stderr) == (
        "the published parameters cannot be used: they sum to 0.5, not to 1 True 1\n", ""
    )  # fmt: skip
    assert server.posts[0].payload.get("parameters_version") != VERSION  # defaults were handed out


def test_the_client_imports_nothing_of_the_package_outside_itself_and_only_httpx_of_others():
    allowed = {*sys.stdlib_module_names, "httpx"}
    for path in sorted((CHECKOUT / "amc_learning" / "client").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [node.module] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in modules:
                is_own = module.startswith("amc_learning.client")
                assert is_own or module.partition(".")[0] in allowed, f"{path.name} imports {module}"


def test_both_distributions_have_one_version_and_ask_for_the_same_httpx():
    assert client.__version__ == amc_learning.__version__
    alone = tomllib.loads((CHECKOUT / "deploy" / "client" / "pyproject.toml").read_text())["project"]
    whole = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert len(alone["dependencies"]) == 1
    assert alone["dependencies"][0] in whole["dependencies"]
    assert alone["requires-python"] == whole["requires-python"]


def test_the_page_on_integration_has_every_option_with_its_default():
    table = (CHECKOUT / "docs" / "integrate.md").read_text().partition("## Options")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| `")]
    documented = [name for row in rows for name in names(row[0])]
    parameters = inspect.signature(client.LearningClient).parameters
    assert documented == list(parameters)
    defaults = {name: option.default for name, option in parameters.items()}
    told = {name: default for row in rows for name, default in zip(names(row[0]), row[1].split("; "), strict=False)}
    for name, default in defaults.items():
        if name.endswith("_bytes"):
            assert told[name] == f"{default // 2**20} MiB"
        elif isinstance(default, int | float):
            assert float(told[name].replace(",", "")) == default


def names(cell):
    return [name.strip("`") for name in cell.removeprefix("| ").split(", ")]


def test_the_client_and_its_options_have_the_same_defaults():
    parameters = inspect.signature(client.LearningClient).parameters
    for option in fields(Options):
        if option.default is not MISSING:
            assert parameters[option.name].default == option.default
