from pathlib import Path

from runtime.contract import RenderOptions

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


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
        assert (ROOT / name).is_file()


def test_what_is_installed_for_gpus_does_all_that_the_rest_does() -> None:
    usual, gpu = (requirements(name) for name in ("requirements.txt", "requirements-gpu.txt"))
    own = {line for line in usual if line.startswith(("onnxruntime", "dify_plugin"))}
    assert len(own) == 3
    assert usual - own <= gpu


def requirements(name: str) -> set[str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}
