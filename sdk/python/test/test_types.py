"""Input and results between JSON and the types of handlers."""

from __future__ import annotations

import json
import sys
import unittest
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, Dict, List, Literal, Mapping, NewType, Optional, Sequence, Set, Tuple, TypedDict, Union
from uuid import UUID

from errand_worker import BaseJob, Job, SyncJob
from errand_worker._convert import ConversionError, convert
from errand_worker._handler import HandlerSpec
from errand_worker._json import dumps


class Format(Enum):
    CSV = "text/csv"
    JSON = "application/json"


@dataclass
class Line:
    sku: str
    count: int = 1


@dataclass
class Order:
    customer_id: str = field(metadata={"json": "customerId"})
    lines: List[Line]
    note: Optional[str]
    format: Format = Format.CSV
    total: float = 0.0


class Options(TypedDict):
    deep: bool


class Filter(Options, total=False):
    lines: List[Line]


AccountId = NewType("AccountId", str)


class Conversion(unittest.TestCase):
    def test_dataclasses_within_each_other(self) -> None:
        order = convert({"customerId": "7", "lines": [{"sku": "a"}, {"sku": "b", "count": 2}], "format": "JSON", "total": 1}, Order, "input")
        self.assertEqual(order, Order("7", [Line("a"), Line("b", 2)], None, Format.JSON, 1.0))
        self.assertIsInstance(order.total, float)

    def test_typed_dicts(self) -> None:
        self.assertEqual(convert({"deep": True, "lines": [{"sku": "a"}]}, Filter, "input"), {"deep": True, "lines": [Line("a")]})
        self.assertEqual(convert({"deep": True}, Filter, "input"), {"deep": True})

    def test_other_types(self) -> None:
        for value, kind, expected in (
            (5, Any, 5),
            (5, float, 5.0),
            (5.0, int, 5),
            ("x", Literal["x", "y"], "x"),
            ([1, 2], Sequence[int], [1, 2]),
            ([1, 2], Set[int], {1, 2}),
            ([1, "a"], Tuple[int, str], (1, "a")),
            ([1, 2], Tuple[int, ...], (1, 2)),
            ({"a": 1}, Dict[str, int], {"a": 1}),
            ({"a": [1]}, Mapping[str, List[int]], {"a": [1]}),
            ({"a": 1}, dict, {"a": 1}),
            (None, Optional[int], None),
            ("a", Union[int, str], "a"),
            ({"sku": "a"}, Union[Line, str, None], Line("a")),
            ("7", AccountId, "7"),
            ("text/csv", Format, Format.CSV),
            ("2026-11-23T20:15:00.250Z", datetime, datetime(2026, 11, 23, 20, 15, 0, 250000, timezone.utc)),
            ("2026-11-23", date, date(2026, 11, 23)),
            ("0193595e-7a00-7abc-8def-0123456789ab", UUID, UUID("0193595e-7a00-7abc-8def-0123456789ab")),
            ("1.10", Decimal, Decimal("1.10")),
            (1.5, Decimal, Decimal("1.5")),
        ):
            with self.subTest(kind=kind):
                self.assertEqual(convert(value, kind, "input"), expected)

    def test_what_does_not_fit_is_named_with_its_place(self) -> None:
        line = {"sku": "a"}
        for value, kind, message in (
            ({"lines": [], "note": None}, Order, "input.customerId: is missing"),
            ({"customerId": 7, "lines": []}, Order, "input.customerId: expected a string, found 7"),
            ({"customerId": "7", "lines": [line, {"sku": "b", "count": 1.5}]}, Order, r"input.lines\[1\].count: expected a whole number, found 1.5"),
            ({"customerId": "7", "lines": [], "express": True}, Order, "input.express: this worker does not know the field"),
            ({"customerId": "7", "lines": [], "format": "XML"}, Order, "input.format: expected one of CSV, JSON, found a string"),
            ("x", Order, "input: expected an object, found a string"),
            ({}, Filter, "input.deep: is missing"),
            ({"deep": 1}, Filter, "input.deep: expected a boolean, found 1"),
            (True, int, "input: expected a whole number, found true"),
            (None, str, "input: expected a string, found null"),
            ("z", Literal["x", "y"], "input: expected 'x' or 'y', found a string"),
            ([1], Tuple[int, int], "input: expected a list of 2, found a list"),
            ([], Union[int, str], "input: expected one of int, str, found a list"),
            ("yesterday", date, "input: expected a date"),
            ("1,5", Decimal, "input: expected a decimal number"),
            (5, UUID, "input: expected a UUID"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ConversionError, "^" + message):
                convert(value, kind, "input")

    def test_a_null_in_an_unknown_field_says_nothing_and_is_passed_over(self) -> None:
        self.assertEqual(convert({"sku": "a", "later": None}, Line, "input"), Line("a"))

    def test_what_a_dataclass_itself_refuses(self) -> None:
        @dataclass
        class Even:
            n: int

            def __post_init__(self) -> None:
                if self.n % 2:
                    raise ValueError("n must be even")

        with self.assertRaisesRegex(ConversionError, "input: n must be even"):
            convert({"n": 1}, Even, "input")

    def test_types_that_no_json_becomes_are_a_mistake_of_the_program(self) -> None:
        with self.assertRaisesRegex(TypeError, "cannot be converted"):
            convert(5, complex, "input")

    @unittest.skipIf(sys.version_info < (3, 10), "X | Y came with Python 3.10")
    def test_unions_with_a_bar(self) -> None:
        self.assertEqual(convert({"sku": "a"}, eval("Line | None"), "input"), Line("a"))
        self.assertIsNone(convert(None, eval("list[Line] | None"), "input"))


class Writing(unittest.TestCase):
    def test_dataclasses_and_values_of_the_standard_library(self) -> None:
        value = {
            "order": Order("7", [Line("a")], None),
            "when": [datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc), datetime(2026, 1, 2), date(2026, 1, 2)],
            "id": UUID(int=1),
            "price": Decimal("1.10"),
            "tags": {"x"},
            "pair": (1, 2),
        }
        self.assertEqual(
            json.loads(dumps(value)),
            {
                "order": {"customerId": "7", "lines": [{"sku": "a", "count": 1}], "note": None, "format": "text/csv", "total": 0.0},
                "when": ["2026-01-02T03:04:05Z", "2026-01-02T00:00:00", "2026-01-02"],
                "id": "00000000-0000-0000-0000-000000000001",
                "price": "1.10",
                "tags": ["x"],
                "pair": [1, 2],
            },
        )


class Annotations(unittest.TestCase):
    def test_the_input_type_comes_from_the_annotation(self) -> None:
        async def of_async(job: Job[Order]) -> None: ...
        def of_plain(job: SyncJob[List[Line]]) -> None: ...
        def of_base(job: "BaseJob[Filter]") -> None: ...
        def of_inner(job: Job["Line"]) -> None: ...
        def bare(job: Job) -> None: ...  # type: ignore
        def silent(job):  # type: ignore
            ...

        class Callable:
            async def __call__(self, job: Job[Line]) -> None: ...

        for handler, kind, is_async in (
            (of_async, Order, True), (of_plain, List[Line], False), (of_base, Filter, False), (of_inner, Line, False), (bare, Any, False), (silent, Any, False),
            (Callable(), Line, True), (Callable().__call__, Line, True), (lambda job: None, Any, False),
        ):  # fmt: skip
            spec = HandlerSpec(handler)
            self.assertEqual((spec.input_type, spec.is_async), (kind, is_async))
        self.assertEqual(HandlerSpec(silent, Order).input_type, Order)

    def test_annotations_that_cannot_be_resolved_are_named_at_once(self) -> None:
        def handler(job: "Job[Missing]") -> None: ...  # type: ignore # noqa: F821

        with self.assertRaisesRegex(TypeError, "Missing"):
            HandlerSpec(handler)

        @dataclass
        class Broken:
            x: "Absent"  # type: ignore # noqa: F821

        with self.assertRaisesRegex(TypeError, "Absent"):
            HandlerSpec(lambda job: None, List[Broken])
        with self.assertRaisesRegex(TypeError, "function"):
            HandlerSpec(5)  # type: ignore


if __name__ == "__main__":
    unittest.main()
