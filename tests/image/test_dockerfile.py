"""Rules for kubeflow/Dockerfile and .dockerignore, which hold without a Docker engine."""

from __future__ import annotations

import fnmatch
import re
import subprocess

import pytest

from tests.image.dockerfile import APP, HEAD, LAST, PACKAGES, ROOT, STAGES, Instruction, parse

LOCKS = ROOT / "constraints"
EVERYTHING = [*HEAD, *(instruction for stage in STAGES for instruction in stage.instructions)]
COPIES = [(stage, copy) for stage in STAGES for copy in stage.all("COPY")]


def sources(copy: Instruction) -> list[str]:
    *sources, _ = copy.value.split()
    return sources


def test_the_parser_reads_what_is_used_here() -> None:
    head, [stage] = parse(
        'ARG A=b\n# no\nFROM x AS y\nCOPY --from=z --chown=1:2 a \\\n # no\n  b\nENV A=1 \\\n B="2 3"\n'
    )
    assert head == [Instruction("ARG", {}, "A=b")]
    assert (stage.base, stage.name) == ("x", "y")
    [copy] = stage.all("COPY")
    assert copy.flags == {"from": "z", "chown": "1:2"}
    assert copy.value.split() == ["a", "b"]
    assert stage.environment == {"A": "1", "B": "2 3"}


def test_every_stage_begins_with_the_one_pinned_base() -> None:
    [argument] = [instruction.value for instruction in HEAD if instruction.value.startswith("BASE=")]
    assert re.fullmatch(r"BASE=python:3\.10-slim-[a-z]+", argument)
    assert {stage.base for stage in STAGES} == {"${BASE}"}


def test_it_needs_no_builder_of_its_own() -> None:
    """An older Docker, Podman and Kaniko build it, and none has to download a frontend."""
    text = (ROOT / "kubeflow" / "Dockerfile").read_text()
    assert not re.search(r"^#\s*syntax\s*=|<<", text, re.MULTILINE)
    assert all(set(instruction.flags) <= {"from"} for instruction in EVERYTHING)


def test_it_ends_as_a_user_without_rights() -> None:
    [user] = LAST.all("USER")
    assert user.value == "65532:65532"
    after = LAST.instructions[LAST.instructions.index(user) :]
    assert not [instruction for instruction in after if instruction.name in {"RUN", "COPY", "ADD"}]


def test_nothing_is_fetched_around_the_lock() -> None:
    assert not [instruction for instruction in EVERYTHING if instruction.name == "ADD"]
    commands = " ".join(instruction.value for stage in STAGES for instruction in stage.all("RUN"))
    assert not re.search(r"curl|wget|git clone|https?://", commands)
    installs = re.findall(r"pip install (.*?)(?:&&|$)", commands)
    assert len(installs) == 2
    assert "grep '^uv=='" in installs[0]
    assert "--no-deps" in installs[1]
    assert re.search(r"-r \"/lock/image-\$\{VARIANT\}\.txt\"", installs[1])


def test_build_tools_stay_in_the_stage_that_builds() -> None:
    commands = {stage.name: " ".join(run.value for run in stage.all("RUN")) for stage in STAGES}
    assert "g++" in commands["packages"]
    assert not re.search(r"apt-get|pip install|g\+\+", commands["app"] + commands[""])
    assert "pip uninstall" in commands[""]
    assert {copy.flags["from"] for copy in LAST.all("COPY")} == {"packages", "app"}


def test_there_are_no_secrets() -> None:
    named = " ".join(instruction.value for instruction in EVERYTHING if instruction.name in {"ARG", "ENV", "LABEL"})
    assert not re.search("PASSWORD|TOKEN|SECRET|KEY|CREDENTIAL", named, re.IGNORECASE)


@pytest.mark.parametrize("variant", ["cpu", "gpu"])
def test_each_copied_file_exists(variant: str) -> None:
    for stage, copy in COPIES:
        if "from" not in copy.flags:
            for source in sources(copy):
                path = source.replace("${VARIANT}", variant)
                assert (ROOT / path).exists(), f"{stage.name}: {path}"


def test_the_image_has_all_packages_of_ours() -> None:
    copied = {source for copy in APP.all("COPY") for source in sources(copy)}
    assert {"pipeline", "components", "serving", "dashboard", "schemas", "configs"} < copied
    assert LAST.environment["PYTHONPATH"] == "/app"


def test_all_that_is_written_goes_to_tmp() -> None:
    environment = LAST.environment
    for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "MPLCONFIGDIR"):
        assert re.fullmatch("/tmp(/.*)?", environment[name]), name
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"


def test_byte_code_does_not_depend_on_file_times() -> None:
    assert PACKAGES.environment["PYC_INVALIDATION_MODE"] == "UNCHECKED_HASH"
    compiled = [run.value for stage in (APP, LAST) for run in stage.all("RUN") if "compileall" in run.value]
    assert len(compiled) == 2
    assert "--invalidation-mode checked-hash" in compiled[0]
    assert "--invalidation-mode unchecked-hash" in compiled[1]


def test_labels_change_no_layer_before_them() -> None:
    """A new commit without a change in the copied folders takes every layer from the builder's cache."""
    names = [instruction.name for instruction in LAST.instructions]
    assert set(names[names.index("CMD") + 1 :]) == {"ARG", "LABEL"}
    [label] = LAST.all("LABEL")
    assert {"version", "revision", "base.name"} <= set(
        re.findall(r"org\.opencontainers\.image\.([\w.]+)=", label.value)
    )
    assert not LAST.all("ENTRYPOINT")


def context() -> list[str]:
    """Paths of the tracked and new files that a builder gets. Of .dockerignore's syntax what is used here."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"

    def kept(path: str) -> bool:
        parts = [path, *(path[:place] for place in range(len(path)) if path[place] == "/")]
        decision = True
        for line in lines:
            pattern = line.lstrip("!")
            names = [name.rsplit("/", 1)[-1] for name in parts] if pattern.startswith("**/") else parts
            if any(fnmatch.fnmatchcase(name, pattern.removeprefix("**/")) for name in names):
                decision = line.startswith("!")
        return decision

    return [path for path in listed.stdout.splitlines() if kept(path) and (ROOT / path).is_file()]


def test_a_builder_gets_what_is_copied_and_little_else() -> None:
    paths = context()
    for variant in ("cpu", "gpu"):
        for _, copy in COPIES:
            if "from" not in copy.flags:
                for source in sources(copy):
                    wanted = source.replace("${VARIANT}", variant)
                    assert any(path == wanted or path.startswith(f"{wanted}/") for path in paths), wanted
    copied = tuple(source for copy in APP.all("COPY") for source in sources(copy))
    assert all(path.startswith((*copied, "constraints/")) for path in paths)
    assert sum((ROOT / path).stat().st_size for path in paths) < 5e6


def packages(name: str) -> dict[str, str]:
    return dict(line.split("==") for line in (LOCKS / name).read_text().split())


@pytest.mark.parametrize("variant", ["cpu", "gpu"])
def test_the_image_has_the_versions_that_are_tested(variant: str) -> None:
    tested, image = packages("tfx-1.16-py310.txt"), packages(f"image-{variant}.txt")
    other = {name: version for name, version in image.items() if tested.get(name) != version}
    if variant == "cpu":
        assert other == {"tensorflow-cpu": tested["tensorflow"]}
    else:
        assert other
        assert all(name.startswith("nvidia-") for name in other)
    assert not {"pytest", "mypy", "ruff", "selenium", "libclang"} & set(image)
    assert {"tfx", "kfp-pipeline-spec", "apache-beam", "keras"} < set(image)
