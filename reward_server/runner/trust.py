"""Which objects of the submission may decide: whose answers to operators with plain values are believed.

Runs in the judge's process. Without a reference, an object is trusted if the test has just made it by calling a class
that it uses as a class, if it was never seen before, and until the submission hands it back. With one, if the reference
gave an object at that call site. Trust begins at birth or never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reward_server.runner import values
from reward_server.runner.specials import ASKING, PREDICATES, UNDECIDING

if TYPE_CHECKING:
    from collections.abc import Collection

    from reward_server.runner.call_sites import CallSites


class Trust:
    def __init__(self, class_names: Collection[str], likely_names: Collection[str], sites: CallSites | None) -> None:
        """`class_names`: what the test takes for classes. `likely_names`: what it calls, and may be classes."""
        self.class_names, self.likely_names, self.sites = class_names, likely_names, sites
        self.under_test: set[int] = set()
        """The numbers of the classes that the test takes for classes."""
        self.likely: set[int] = set()
        """Those of the others that may be classes."""
        self.handed_out: set[int] = set()
        """Classes that the submission has given in another way than by a name that the test takes for a class."""
        self.forget()

    def forget(self) -> None:
        """Begin anew, with a submission that was started anew."""
        self.trusted: set[int] = set()
        """Objects that may answer operators with plain values."""
        self.made: set[int] = set()
        """Those that the test has made, whoever has had them since."""
        self.measured: set[int] = set()
        """Made by what may be a class: they answer operators that do not decide."""
        for classes in (self.under_test, self.likely, self.handed_out):
            classes.clear()

    def name_class(self, name: str, number: int) -> None:
        """The test has looked up a class. One that also stands in the place of a function is no class to the test."""
        if name in self.class_names:
            self.under_test.add(number)
        elif name in self.likely_names:
            self.likely.add(number)
        else:
            self.handed_out.add(number)

    def hand_out(self, number: int) -> None:
        """A class came as an answer, where the test may expect a function."""
        self.handed_out.add(number)

    def derived(self, number: int, bases: set[int]) -> None:
        """The test has derived a class."""
        if self.under_test & bases:
            self.under_test.add(number)

    def born(self, number: int, class_number: int | None, maker: set[int]) -> None:
        """An object that was never seen before was made by a call or an operator. `maker`: `under_test` or `likely`."""
        if class_number in maker:
            (self.trusted if maker is self.under_test else self.measured).add(number)
            self.made.add(number)

    def of_class(self, number: int) -> set[int] | None:
        """What instances of this class are born to, when the test calls it."""
        if number in self.handed_out:
            return None
        # A class that has a name of each kind is one that may be a class.
        return next((maker for maker in (self.likely, self.under_test) if number in maker), None)

    def of_object(self, number: int) -> set[int] | None:
        """What an operator of this object may give."""
        if number in self.trusted:
            return self.under_test
        return self.likely if number in self.measured else None

    def arrived(self, numbers: list[int], flag: int) -> None:
        """Objects came with an answer: with a reference they answer for themselves where it gave an object in this way.

        Handed back by the submission, they do so no longer. Raises: Unfit where the reference gives a plain value.
        """
        known = self.sites.allows(flag) if self.sites is not None else None
        if known is False:
            raise values.Unfit("the submission gave an object of its own where the reference gives a plain value")
        (self.trusted.update if known else self.distrust)(numbers)
        self.made.update(numbers if known else ())

    def distrust(self, numbers: Collection[int]) -> None:
        self.trusted.difference_update(numbers)
        self.measured.difference_update(numbers)

    def may_operate(self, number: int, name: str) -> bool:
        """Whether an object may be asked for the result of an operator with a plain value."""
        return number in self.trusted or (number in self.measured and name in UNDECIDING)

    def refusal(self, number: int, name: str) -> str | None:
        """Predicates of plain values are for plain values to answer."""
        if name in PREDICATES and number not in self.trusted and number not in self.under_test:
            return f"an object of the submission is not asked for {name!r}"
        return None

    def refusal_with_argument(self, number: int, name: str) -> str | None:
        """An object that no test has made is asked nothing that a plain value would be."""
        if name in ASKING and number not in self.made and number not in self.under_test:
            return f"an object of the submission is not asked for {name!r}"
        return None
