from pathlib import Path

from runtime.contract import RenderOptions

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_readme_explains_every_option_with_its_default() -> None:
    for name, field in RenderOptions.model_fields.items():
        flag = "--" + name.replace("_", "-")
        row = next((line for line in README.splitlines() if line.startswith(f"| `{flag}` |")), None)
        assert row is not None, f"{flag} is missing from the table"
        default = row.split("|")[2].strip()
        if isinstance(field.default, bool):
            assert default == ("on" if field.default else "off")
        elif isinstance(field.default, int | float):
            assert float(default) == field.default
        elif field.default is not None:
            assert default == field.default


def test_readme_names_files_that_exist() -> None:
    for name in ("LICENSE", "_assets/demo_portrait.jpg", "_assets/demo_speech.ogg", "requirements-gpu.txt"):
        assert (Path(__file__).parents[1] / name).is_file()
