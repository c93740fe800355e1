from __future__ import annotations

import pytest

from runtime.contract import RuntimeProblem
from runtime.lessons.slides.formulas import set_formula


def test_a_fraction_is_higher_than_a_letter_and_hangs_below_the_line() -> None:
    letter, fraction = (set_formula(latex, "#112233", True) for latex in ("x", r"\frac{x}{y}"))
    assert fraction.height > 1.4 * letter.height
    assert 0 < fraction.depth < fraction.height
    assert letter.depth == pytest.approx(0, abs=0.05)
    assert "#112233" in fraction.svg


def test_displayed_sums_are_larger() -> None:
    latex = r"\sum_{i=1}^{n} i"
    assert set_formula(latex, "#000000", False).height > set_formula(latex, "#000000", True).height


@pytest.mark.parametrize(
    ("latex", "said"),
    [
        (r"\frac{a", "Line 7 of the script: the formula \\frac{a is not valid LaTeX"),
        (r"a + \unheard{b}", "Line 7 of the script: the formula a + \\unheard{b} holds \\unheard"),
        (r"\text{速度}", "Line 7 of the script: the formula \\text{速度} holds 度"),
    ],
)
def test_what_is_refused(latex: str, said: str) -> None:
    with pytest.raises(RuntimeProblem) as caught:
        set_formula(latex, "#000000", False, 7)
    assert caught.value.sentence.startswith(said)
