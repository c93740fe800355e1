"""Builds dist/<name>-<version>.difypkg: a ZIP of the plugin's files, as Dify's own packager makes it.

    python tools/package.py [--out FOLDER] [--list]

The rules are those of the packager: .difyignore is read as a gitignore file, an ignored folder is never entered,
and the files together must stay under 50 MB before compression. The archive's bytes depend on its content only.
"""

from __future__ import annotations

import argparse
import logging
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import yaml
from pathspec import GitIgnoreSpec

log = logging.getLogger("package")

ROOT = Path(__file__).resolve().parent.parent
SIZE_LIMIT = 50 * 1024 * 1024
OLDEST = (1980, 1, 1, 0, 0, 0)  # ZIP knows no earlier date
NEEDED = (
    *("manifest.yaml", "main.py", "requirements.txt", "README.md", "PRIVACY.md", "_assets/icon.svg"),
    *(
        "provider/sonic.yaml",
        "provider/sonic.py",
        "runtime/__main__.py",
        "runtime/models/sonic-int8/pack.json",
    ),
)
UNWANTED = ("pyproject.toml", "tests/", "training/")


class PackageProblem(Exception):
    """Why no package can be made."""


def packaged_files(root: Path = ROOT) -> list[Path]:
    """Return the files that go into the package, relative to `root`, sorted."""
    rules = []
    for line in (root / ".difyignore").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            rules.append(GitIgnoreSpec.from_lines([line.strip()]))

    def walk(folder: Path) -> Iterator[Path]:
        for entry in sorted(folder.iterdir()):
            name = entry.relative_to(root).as_posix() + ("/" if entry.is_dir() else "")
            if any(rule.match_file(name) for rule in rules):
                continue
            if entry.is_dir():
                yield from walk(entry)
            else:
                yield entry.relative_to(root)

    return sorted(walk(root))


def check(files: list[Path], root: Path = ROOT) -> int:
    """Return the size of all files in bytes, or raise `PackageProblem`."""
    names = {file.as_posix() for file in files}
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise PackageProblem(f"the package lacks {', '.join(missing)}")
    strays = [name for name in sorted(names) if name.startswith(UNWANTED)]
    if strays:
        raise PackageProblem(f"the package must not hold {strays[0]}")
    sizes = {file: (root / file).stat().st_size for file in files}
    total = sum(sizes.values())
    if total > SIZE_LIMIT:
        largest = sorted(sizes, key=lambda file: -sizes[file])[:5]
        raise PackageProblem(
            f"{total / 2**20:.1f} MB are more than 50 MB; the largest files are {', '.join(map(str, largest))}"
        )
    return total


def build(out: Path, root: Path = ROOT) -> Path:
    """Write the package into the folder `out` and return its path."""
    files = packaged_files(root)
    total = check(files, root)
    manifest = yaml.safe_load((root / "manifest.yaml").read_text())
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"{manifest['name']}-{manifest['version']}.difypkg"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as package:
        for file in files:
            entry = zipfile.ZipInfo(file.as_posix(), OLDEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(entry, (root / file).read_bytes())
    log.info(
        "%s: %d files, %.1f MB unpacked, %.1f MB packed",
        *(target, len(files), total / 2**20, target.stat().st_size / 2**20),
    )
    return target


def main() -> int:
    """Run from the command line."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description="Build the Dify package.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--list", action="store_true", help="only name the files")
    arguments = parser.parse_args()
    try:
        if arguments.list:
            sys.stdout.writelines(f"{file}\n" for file in packaged_files())
        else:
            build(arguments.out)
    except PackageProblem as problem:
        log.error("No package: %s.", problem)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
