"""A prover's limits can change while it runs."""

from __future__ import annotations

from typing import Any, cast

from poe.assembly.prover import choose_strategy, limits_of, new_experience, set_limits
from poe.config import ProverSettings, Settings
from poe.l1.interface import ArbiterParameters
from poe.prover.intents import IntentBook
from poe.prover.race import Outcome
from poe.prover.shelf import Terms
from poe.prover.strategy import ExpectedValue
from poe.rollup.types import Address, FieldElement, Wei


def test_limits_that_are_read_again_hold_for_the_next_choice() -> None:
    parameters: Any = type("Parameters", (), {"reward": Wei(100)})
    before = Settings(prover=ProverSettings(strategy="value", max_failures=5))
    terms = Terms(domain=FieldElement(1), payee=Address(bytes(20)), tip=Wei(0))
    experience = new_experience(before, cast(ArbiterParameters, parameters), terms)
    strategy = choose_strategy(before, IntentBook(lambda: 0.0), experience)
    assert isinstance(strategy, ExpectedValue)
    experience.stop_loss.balance = Wei(10)
    assert experience.stop_loss.why_not() == ""

    wanted = ProverSettings(min_balance_wei=11, min_profit_wei=7, energy_wei_per_core_second=3, max_failures=1)
    set_limits(Settings(prover=wanted), experience=experience, strategy=strategy)
    assert "wanted 11" in experience.stop_loss.why_not()
    assert (strategy.least, experience.prices.energy_per_core_second) == (7, 3)

    set_limits(before, experience=experience, strategy=strategy)
    assert experience.stop_loss.why_not() == ""
    set_limits(Settings(prover=ProverSettings(max_failures=1)), experience=experience, strategy=strategy)
    experience.stop_loss.note(Outcome.FAILED)
    assert experience.stop_loss.why_not() != "", "one failure is enough now"
    assert limits_of(before).failures_in_a_row == 5
