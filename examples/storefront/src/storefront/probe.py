"""Ask the database whether it is there, without ever waiting for it long."""

import asyncio
import logging
from concurrent.futures import Future, ThreadPoolExecutor

from storefront.db import Database

TIME_LIMIT_S = 2

log = logging.getLogger(__name__)


class DatabaseProbe:
    """Ask the database at most one question at a time, however many want to know."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # A thread of its own: requests that hang on the database must not make this one wait.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="health")
        self._question: Future[None] | None = None

    async def answers(self) -> bool:
        """Return whether the database answers within the time limit."""
        if self._question is None or self._question.done():
            self._question = self._thread.submit(self._database.ping)
        question = asyncio.shield(asyncio.wrap_future(self._question))
        try:
            async with asyncio.timeout(TIME_LIMIT_S):
                await question
        except Exception as problem:
            # Whatever went wrong, the answer is the same: it can't be used now.
            log.warning("database health check failed", extra={"problem": type(problem).__name__})
            return False
        return True

    def close(self) -> None:
        """Let the thread go."""
        self._thread.shutdown(wait=False, cancel_futures=True)
