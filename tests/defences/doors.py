"""The doors: keys, limits of clients, and what keeps slow and too many ones from the others."""

from __future__ import annotations

from tests.defences.defence import Defence

DOOR = "tests/test_door.py"
KEYS = "tests/test_keys.py"
CONNECTIONS = "tests/test_connections.py"
STOPPING = "tests/test_stopping.py"

ROWS = (
    Defence(
        "no_key_no_entry",
        "Without a known key nothing but health and document is told.",
        "reward_server/door.py",
        "        if key is None:\n            wrong",
        "        if key is None:\n            return Client(peer, most_queued, most_requests)\n            wrong",
        (f"{DOOR}::test_without_a_known_key_nothing_is_told[GET-/v1/problems-headers0]",),
    ),
    Defence(
        "metrics_want_a_key",
        "What is told without a key is a short list.",
        "reward_server/door.py",
        'WITHOUT_KEY: Final = HEALTH | {"/docs", "/openapi.json"}',
        'WITHOUT_KEY: Final = HEALTH | {"/docs", "/openapi.json", "/metrics"}',
        (f"{DOOR}::test_without_a_known_key_nothing_is_told[GET-/metrics-headers0]",),
    ),
    Defence(
        "no_foreign_page",
        "A page of another site cannot use a server without keys by a browser.",
        "reward_server/door.py",
        "        if not ours:",
        "        if False:",
        (
            f"{DOOR}::test_a_page_of_another_site_cannot_use_a_server_without_keys[http://evil.example-127.0.0.1:8000-403]",
            f"{DOOR}::test_a_page_of_another_site_cannot_use_a_server_without_keys[http://evil.example:8000-evil.example:8000-403]",
        ),
    ),
    Defence(
        "requests_of_a_client",
        "A client has no more requests in flight than it may.",
        "reward_server/door.py",
        "        if inside >= client.max_requests:",
        "        if False:",
        (f"{DOOR}::test_a_client_has_no_more_requests_in_flight_than_it_may",),
    ),
    Defence(
        "requests_of_all",
        "All requests in flight are bounded.",
        "reward_server/door.py",
        "        if self.requests >= self._settings.max_requests:",
        "        if False:",
        (f"{DOOR}::test_all_requests_in_flight_are_bounded_but_not_those_for_health",),
    ),
    Defence(
        "bodies_of_all",
        "The bodies of all requests in flight take bounded memory.",
        "reward_server/door.py",
        "        if self._held.size + size > self._held.limit:",
        "        if False:",
        (f"{DOOR}::test_the_bodies_of_all_requests_together_are_bounded",),
    ),
    Defence(
        "countless_lists",
        "A body of countless lists is refused before they are made.",
        "reward_server/wire.py",
        '        if containers > MAX_CONTAINERS:\n            raise TooLarge("body",',
        '        if False:\n            raise TooLarge("body",',
        (f"{DOOR}::test_a_body_of_countless_lists_is_refused_and_brackets_in_texts_are_none",),
    ),
    Defence(
        "last_good_keys",
        "A broken or vanished file of keys leaves them as they were.",
        "reward_server/keys.py",
        "            log.error(",
        "            self._keys = ()\n            log.error(",
        (
            f"{KEYS}::test_a_broken_or_vanished_file_changes_nothing_and_is_told[None]",
            f"{KEYS}::test_a_broken_or_vanished_file_changes_nothing_and_is_told[alice]",
        ),
    ),
    Defence(
        "constant_time",
        "A look-up compares every key, each in constant time.",
        "reward_server/keys.py",
        "            if hmac.compare_digest(known.digest, digest):",
        "            if known.digest == digest:",
        (f"{KEYS}::test_every_key_is_compared_in_constant_time",),
    ),
    Defence(
        "others_need_keys",
        "A server that other machines reach does not start without keys.",
        "reward_server/serve.py",
        "    if settings.api_keys_file is None and not settings.allow_anonymous and not is_loopback(settings.host):",
        "    if False:",
        ("tests/test_serve.py::test_an_address_that_others_reach_needs_keys[192.0.2.1]",),
    ),
    Defence(
        "silent_tracebacks",
        "The log never repeats what an exception says.",
        "reward_server/json_log.py",
        'event["exception"] = type(record.exc_info[1]).__name__',
        'event["exception"] = repr(record.exc_info[1])',
        (f"{STOPPING}::test_the_log_of_a_whole_run_has_no_code_no_test_and_no_key",),
    ),
    Defence(
        "slow_to_send",
        "A client that trickles is cut off.",
        "reward_server/connections.py",
        "            return connection.patience > allowed",
        "            return False",
        (f"{CONNECTIONS}::test_a_request_that_trickles_is_cut_off[body]",),
    ),
    Defence(
        "slow_to_read",
        "A client that does not read is cut off, and its work removed.",
        "reward_server/connections.py",
        "        return taken < connection.taken_when_enough",
        "        return False",
        (f"{CONNECTIONS}::test_a_client_that_does_not_read_is_cut_off_and_its_work_removed",),
    ),
    Defence(
        "endless_heads",
        "A head without end is not kept.",
        "reward_server/connections.py",
        "        if not self.in_body and self.head_bytes > MAX_HEAD_BYTES:",
        "        if False:",
        (f"{CONNECTIONS}::test_a_head_without_end_is_not_kept",),
    ),
    Defence(
        "idle_make_room",
        "A new connection gets in, whoever else is connected.",
        "reward_server/connections.py",
        "        while len(self._all) >= self._max and self._idle:",
        "        while False:",
        (f"{CONNECTIONS}::test_a_new_connection_gets_in_whoever_else_is_connected",),
    ),
    Defence(
        "clients_in_turn",
        "A client with many batches gets no more than one with one.",
        "reward_server/fair_queue.py",
        "        self._lines.move_to_end(client)\n",
        "",
        ("tests/test_dispatch.py::test_a_client_with_many_batches_gets_no_more_than_one_with_one",),
    ),
    Defence(
        "answers_at_the_stop",
        "What a stop does not leave time for is answered without a reward.",
        "reward_server/serve.py",
        "        await self._service.drain()\n",
        "",
        (f"{STOPPING}::test_what_is_not_judged_in_time_is_answered_without_a_reward[deadline-application/json]",),
    ),
)
