"""The OpenAPI document tells the truth: whatever follows it is answered as it says, and so is what does not.

Schemathesis makes the requests, from the document. Checked of each answer: no failure of the server but a documented 503,
a documented status, its content type, its body, and that what breaks the document is refused.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import (
    negative_data_rejection,
    not_a_server_error,
    response_schema_conformance,
)
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from reward_server.app import create_app
from reward_server.backends.embedded import EmbeddedBackend
from reward_server.backends.fake import FakeBackend
from reward_server.models import ErrorResponse
from reward_server.settings import Settings
from tests.fuzz.budget import fuzzed, tried
from tests.fuzz.serving import DEADLINE_S, assert_scores, served

if TYPE_CHECKING:
    from collections.abc import Iterator
